"""A `/v1/talk` client as its conversation sees it. Outlives the socket: everything sent is numbered and kept for a while."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from stream_talk.wire import talk
from stream_talk.wire.frames import FLAG_FIRST, REPLY, AudioFrame
from stream_talk.wire.replay import ReplayBuffer, Sent, SentText
from stream_talk.wire.talk import CloseReason, MicrophoneStream
from stream_talk.wire.talk_messages import Hello, Resume

from ..client_port import PortTraits, ReplyFrame
from ..client_socket import ClientSocket


class TalkPort:
    def __init__(self, hello: Hello, lead_ms: int) -> None:
        input_hz, output_hz = hello.input.sample_rate_hz, hello.output.sample_rate_hz
        self.traits = PortTraits("talk", input_hz, output_hz, talk.FRAME_MS, lead_ms)
        self.microphone = MicrophoneStream(input_hz)
        self.replay = ReplayBuffer(output_hz)
        self.resume_token = ""
        self.socket: ClientSocket | None = None
        self._dead_generation = -1

    # --- the client's line --------------------------------------------------------------------------------------------

    def attach(self, socket: ClientSocket) -> ClientSocket | None:
        """The new line; returns the one it replaces. The old resume token is void from now on."""
        replaced, self.socket = self.socket, socket
        self.resume_token = secrets.token_urlsafe(24)
        return replaced

    def detach(self, socket: ClientSocket) -> bool:
        """False when another line has already taken over."""
        if self.socket is not socket:
            return False
        self.socket = None
        return True

    def missed(self, resume: Resume) -> list[Sent]:
        """What the client has to be sent (again). Raises `ReplayGap`."""
        if resume.played is None:
            items = self.replay.after(resume.last_seq)
        else:
            played_samples = int(resume.played.played_ms * self.traits.output_rate_hz / 1000)
            items = self.replay.after_played(resume.last_seq, resume.played.generation, played_samples)
        return [i for i in items if isinstance(i, SentText) or i.generation > self._dead_generation]

    def send_again(self, items: list[Sent]) -> None:
        for item in items:
            self._send(item)

    def _send(self, item: Sent) -> None:
        if self.socket is None:
            return
        if isinstance(item, SentText):
            self.socket.send_text(item.text)
        else:
            self.socket.send_sound(item.encode(), item.generation)

    @property
    def queued_bytes(self) -> int:
        """What waits to be written to the client."""
        return 0 if self.socket is None else self.socket.outbox.queued_bytes

    # --- ClientPort ---------------------------------------------------------------------------------------------------

    def on_audio(self, frame: ReplyFrame) -> None:
        flags = FLAG_FIRST if frame.is_first else 0
        sent = AudioFrame(REPLY, self.replay.next_seq(), frame.generation, frame.position, frame.pcm, flags)
        self.replay.add(sent)
        self._send(sent)

    def on_message(self, message: Mapping[str, Any]) -> None:
        seq = self.replay.next_seq()
        sent = SentText(seq, talk.encode(message, seq))
        self.replay.add(sent)
        self._send(sent)

    def on_control(self, action: str, generation: int, control: Mapping[str, Any]) -> None:
        if action == "cut":
            self._dead_generation = max(self._dead_generation, generation)
            if self.socket is not None:
                self.socket.outbox.drop_sound(generation)
        self.on_message({**control, "type": "playout_control"})

    def on_closed(self, reason: CloseReason, text: str) -> None:
        if self.socket is not None:
            self.socket.finish(reason.close_code, reason.code, talk.encode(talk.closing(reason, text)))
