"""A client of `/v1/talk` on one page: asks a question, typed or as a recording, prints the captions and keeps the reply as a WAV file.

    python docs/examples/talk_client.py "What can you do?" --output reply.wav
    python docs/examples/talk_client.py question.wav

Written from docs/protocols.md; needs `pip install websockets`. The loudspeaker here is the file, filled in real time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import time
import wave

from websockets.asyncio.client import ClientConnection, connect

HEADER = struct.Struct("<BBHIII")  # kind, flags, reserved, seq, generation, position
MICROPHONE, REPLY = 1, 2
INPUT_HZ, OUTPUT_HZ = 16_000, 24_000


class Player:
    """Knows how much of the reply has been played, and tells the server."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.generation = 0
        self.dead = 0
        self.last_seq = 0
        self.pcm = b""
        self.started_s = 0.0

    def take(self, generation: int, pcm: bytes) -> None:
        if generation <= self.dead:
            return
        if generation != self.generation:
            self.generation, self.pcm, self.started_s = generation, b"", time.monotonic()
        self.pcm += pcm

    async def report(self, state: str) -> None:
        received_ms = len(self.pcm) / 2 / OUTPUT_HZ * 1000
        played_ms = min(received_ms, (time.monotonic() - self.started_s) * 1000)
        message = {
            "type": "playout", "generation": self.generation, "played_ms": round(played_ms), "state": state,
            "buffered_ms": round(received_ms - played_ms), "client_ts_ms": time.monotonic() * 1000, "ack": self.last_seq,
        }  # fmt: skip
        await self.socket.send(json.dumps(message))

    async def play_out(self) -> None:
        """Until everything received has been heard."""
        end_s = self.started_s + len(self.pcm) / 2 / OUTPUT_HZ
        while (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(0.1, left_s))
            await self.report("playing")
        await self.report("finished")


async def speak(socket: ClientConnection, path: str) -> None:
    """The recording in real time, then silence: a microphone is never switched off."""
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (INPUT_HZ, 1, 2), (
            "16 kHz mono, 16 bit"
        )
        pcm = file.readframes(file.getnframes())
    samples = INPUT_HZ // 50
    began_s, seq = time.monotonic(), 0
    while True:
        piece = pcm[seq * samples * 2 : (seq + 1) * samples * 2].ljust(samples * 2, b"\0")
        await socket.send(HEADER.pack(MICROPHONE, 0, 0, seq + 1, 0, seq * samples) + piece)
        seq += 1
        await asyncio.sleep(max(0.0, began_s + seq * 0.02 - time.monotonic()))


async def listen(socket: ClientConnection, player: Player) -> None:
    """Returns when a reply has been heard to its end."""
    async for data in socket:
        if isinstance(data, bytes):
            _kind, _flags, _, player.last_seq, generation, position = HEADER.unpack_from(data)
            player.take(generation, data[HEADER.size :])
            if generation == player.generation:
                await player.report("playing" if position else "started")
            continue
        message = json.loads(data)
        kind = message["type"]
        player.last_seq = message.get("seq", player.last_seq)
        if kind == "user_text" and message["final"]:
            print("you:", message["text"])
        elif kind == "assistant_text" and message["final"]:
            print("it: ", message["text"])
        elif kind == "playout_control" and message["action"] == "cut":
            player.dead = message["generation"]
            await player.report("dropped")
        elif kind == "audio_end" and message["reason"] == "finished":
            await player.play_out()
        elif kind == "heard":
            return
        elif kind in ("error", "bye"):
            raise SystemExit(message["text"])


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("question", help="a sentence, or a WAV file")
    arguments.add_argument("--url", default="ws://127.0.0.1:8017/v1/talk")
    arguments.add_argument("--token", default="")
    arguments.add_argument("--output", default="reply.wav")
    args = arguments.parse_args()
    headers = {"Authorization": f"Bearer {args.token}"} if args.token else {}
    async with connect(args.url, additional_headers=headers) as socket:
        hello = {
            "type": "hello", "protocol": 1, "client": "example/1", "input": {"sample_rate_hz": INPUT_HZ},
            "output": {"sample_rate_hz": OUTPUT_HZ}, "history": [{"role": "assistant", "content": "Hello."}],
        }  # fmt: skip
        await socket.send(json.dumps(hello))
        player = Player(socket)
        speaking = None
        if args.question.endswith(".wav"):
            speaking = asyncio.create_task(speak(socket, args.question))
        else:
            await socket.send(json.dumps({"type": "text", "text": args.question}))
        await listen(socket, player)
        if speaking is not None:
            speaking.cancel()
        await socket.send(json.dumps({"type": "bye"}))
    with wave.open(args.output, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(OUTPUT_HZ)
        file.writeframes(player.pcm)


if __name__ == "__main__":
    asyncio.run(main())
