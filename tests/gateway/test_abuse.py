"""Clients that are broken, slow, gone or hostile: refused, bounded, forgotten, and never felt by anybody else."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import socket
import struct

import pytest
from stream_talk.wire.frames import MICROPHONE, AudioFrame
from stream_talk.wire.talk import Refused, TalkConnection
from websockets.exceptions import ConnectionClosed

from ten_packages.extension.gateway_python.testing import tone

from .conftest import Server, TalkClient, until

BAD_TEXTS = [
    "", "{", "[]", "null", '"hello"', "{}", '{"type": 1}', '{"type": "nonsense"}', '{"type": "text"}', '{"type": "text", "text": ""}',
    '{"type": "text", "text": "\\ud800"}', '{"type": "mute", "on": "yes"}', '{"type": "playout"}', '{"type": "ping", "client_ts_ms": NaN}',
    '{"type": "ping", "client_ts_ms": 1e999}', '{"type": "hello", "protocol": 1}', "[" * 5000, '{"a":' * 3000,
    json.dumps({"type": "text", "text": "x" * 9000}), json.dumps({"type": "say", "text": "y" * 70_000}),
    '{"type": "settings", "rate": 99}', '{"type": "truncate", "turn_id": -1, "audio_end_ms": 0}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_TEXTS, ids=range(len(BAD_TEXTS)))
def test_a_malformed_message_is_refused_with_a_reason_and_has_no_effect(text):
    connection = TalkConnection()
    connection.opened(16000)
    refused = connection.receive_text(text, 0.0)
    assert isinstance(refused, Refused) and refused.close is None
    assert refused.answer["code"] in ("malformed", "invalid", "unknown_type", "too_long") and refused.answer["text"]


def _broken_bytes(rng: random.Random) -> bytes | str:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(rng.randrange(0, 200))
    if kind == 1:
        return AudioFrame(rng.randrange(256) or 3, rng.getrandbits(32), 0, rng.getrandbits(32), b"\0\0").encode()
    if kind == 2:
        return struct.pack("<BBHIII", MICROPHONE, 0, 0, rng.getrandbits(32), 0, rng.getrandbits(32))
    if kind == 3:
        return rng.choice(BAD_TEXTS)
    if kind == 4:
        good = json.dumps({"type": "text", "text": "hello", "id": "1"})
        at = rng.randrange(len(good))
        return good[:at] + chr(rng.randrange(32, 0x3000)) + good[at + 1 :]
    return json.dumps({"type": rng.choice(["text", "mute", "resume", "stats", "graph"]), "x": rng.random()})


def test_fuzzed_sockets_disturb_nobody(with_server):
    """A few hundred here; scripts/fuzz_gateway.py sends ten thousand."""

    async def scenario(server: Server) -> None:
        rng = random.Random(4)
        healthy = await server.talk()
        await healthy.send({"type": "text", "text": "1500"})

        async def attack() -> None:
            client = TalkClient(await server.dial())
            await client.hello()
            try:
                for _ in range(60):
                    await client.socket.send(_broken_bytes(rng))
                await client.until("never")
            except ConnectionClosed as closed:
                assert closed.rcvd is not None and closed.rcvd.code in (1000, 1007, 4400, 4429), closed

        await asyncio.gather(*(attack() for _ in range(8)))
        await healthy.until("audio_end")
        assert healthy.sound() == tone(1500).tobytes() and not healthy.messages("error")
        await until(lambda: len(server.gateway.sessions) == 1)

    with_server(scenario)


def test_twenty_refusals_end_the_session(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        for _ in range(20):
            await client.send({"type": "nonsense"})
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 4400
        errors = client.messages("error")
        assert [e["fatal"] for e in errors] == [False] * 19 + [True]
        await until(lambda: not server.gateway.sessions)

    with_server(scenario)


def test_a_flood_of_messages_is_stopped(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        with pytest.raises(ConnectionClosed) as closed:
            for n in range(1000):
                await client.send({"type": "ping", "client_ts_ms": n})
            await client.until("never")
        assert closed.value.rcvd.code == 4429

    with_server(scenario)


def test_a_frame_over_the_size_limit_closes_with_1009(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        with pytest.raises(ConnectionClosed) as closed:
            await client.socket.send(bytes((1 << 20) + 2))
            await client.until("never")
        assert closed.value.rcvd.code == 1009

    with_server(scenario)


def test_a_slow_client_is_bounded_told_and_closed_while_another_is_unaffected(with_server):
    async def scenario(server: Server) -> None:
        slow = await server.talk()
        healthy = await server.talk()
        graph = server.graph(slow)
        slow.socket.transport.pause_reading()
        session = server.gateway.sessions[slow.ready["session_id"]]
        box = session.port.socket.outbox
        await healthy.send({"type": "text", "text": "700"})
        listening = asyncio.create_task(healthy.until("audio_end"))
        while session.port.socket is not None:
            graph.say("notice", code="n", level="info", text="x" * 20_000)
            await asyncio.sleep(0)
        assert box.high_water_bytes <= 150_000 + 25_000
        await listening
        assert healthy.sound() == tone(700).tobytes()
        slow.socket.transport.resume_reading()
        with pytest.raises(ConnectionClosed) as closed:
            await slow.until("never")
        assert closed.value.rcvd is not None, closed.value
        assert closed.value.rcvd.code == 4411 and slow.messages("error")[-1]["code"] == "slow_client"
        assert session.closed is None, "it may come back within the window"

    with_server(scenario, send_buffer_bytes=150_000)


def test_vanishing_clients_leave_nothing_behind(with_server):
    """Clean close, reset, half-open; scripts/fault_gateway.py does it five thousand times."""

    async def scenario(server: Server) -> None:
        for n in range(30):
            client = TalkClient(await server.dial())
            await client.hello()
            await client.send_sound(bytes(640))
            await client.send({"type": "text", "text": "300"})
            if n % 3 == 0:
                await client.socket.close()
            elif n % 3 == 1:
                raw = client.socket.transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.socket.transport.abort()
            else:
                client.socket.transport.pause_reading()  # never reads, never answers a ping
        await until(lambda: not server.gateway.sessions, 10)
        graphs = server.host.graphs
        assert all(graph.stopped for graph in graphs)
        for client_socket in server.clients:
            client_socket.transport.abort()
        server.clients.clear()
        del graphs
        gc.collect()

    with_server(scenario, resume_window_ms=50, ping_interval_s=0.3, ping_timeout_s=0.3)
