"""A line that breaks comes back: nothing lost, nothing repeated."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from stream_talk.wire.frames import AudioFrame
from websockets.exceptions import ConnectionClosed

from ten_packages.extension.gateway_python.testing import tone

from .conftest import Server, TalkClient, until

FRAME = np.arange(320, dtype=np.int16).tobytes()


async def _break_line(client: TalkClient) -> None:
    client.socket.transport.abort()
    await client.socket.wait_closed()


async def _come_back(server: Server, old: TalkClient, **fields) -> TalkClient:
    client = TalkClient(await server.dial())
    client.last_seq = old.last_seq
    client.items = list(old.items)
    client.seq, client.position = old.seq, old.position
    await client.send(
        {
            "type": "resume", "protocol": 1, "session_id": old.ready["session_id"],
            "token": old.ready["resume_token"], "last_seq": old.last_seq, **fields,
        }
    )  # fmt: skip
    client.ready = await client.until("ready")
    return client


def test_a_broken_line_in_the_middle_of_a_reply_continues_at_the_next_sample(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "900"})
        while len(client.sound()) < 9600:
            await client.receive()
        await _break_line(client)
        graph = server.graph(client)
        session = server.gateway.sessions[client.ready["session_id"]]
        await until(lambda: session.port.socket is None)
        graph.say("notice", code="meanwhile", level="info", text="said while you were away")
        back = await _come_back(server, client)
        assert back.ready["resumed"] and back.ready["resume_token"] != client.ready["resume_token"]
        await back.until("audio_end")
        assert back.sound() == tone(900).tobytes()
        assert [m["code"] for m in back.messages("notice")] == ["meanwhile"]
        assert server.graph(back) is graph, "the same conversation"

    with_server(scenario)


def test_nothing_plays_on_while_nobody_listens(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "2000"})
        await client.until("audio_start")
        await client.send(
            {
                "type": "playout",
                "generation": 1,
                "played_ms": 0,
                "buffered_ms": 20,
                "state": "started",
                "client_ts_ms": 1,
            }
        )
        await client.settled()
        await _break_line(client)
        session = server.gateway.sessions[client.ready["session_id"]]
        await until(lambda: session.port.socket is None)
        held = session.output.held_ms
        await asyncio.sleep(0.3)
        assert session.output.held_ms == held
        await until(lambda: server.graph(client).reports[-1]["state"] == "paused")

    with_server(scenario)


def test_a_reloaded_page_gets_the_reply_from_the_sample_it_had_reached(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "400"})
        await client.until("audio_end")
        await _break_line(client)
        fresh = TalkClient(await server.dial())
        await fresh.send(
            {
                "type": "resume", "protocol": 1, "session_id": client.ready["session_id"],
                "token": client.ready["resume_token"], "last_seq": client.last_seq,
                "played": {"generation": 1, "played_ms": 125},
            }
        )  # fmt: skip
        ready = await fresh.until("ready")
        assert ready["history"][0] == {"role": "user", "content": "400"} and ready["state"] == "speaking"
        fresh.seq = ready["input_seq"]
        await fresh.send_sound(FRAME)  # its own count of samples begins anew
        while len(fresh.sound()) < 2 * 24 * 275:
            await fresh.receive()
        first = next(i for i in fresh.items if isinstance(i, AudioFrame))
        assert first.position == 125 * 24
        assert fresh.sound() == tone(400)[125 * 24 :].tobytes()
        await fresh.settled()
        assert [pcm for _, pcm in server.graph(client).sound] == [FRAME]

    with_server(scenario)


def test_microphone_sound_sent_again_is_heard_once(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        frames = [np.full(320, n, dtype=np.int16).tobytes() for n in range(20)]
        for frame in frames[:10]:
            await client.send_sound(frame)
        await client.settled()
        await _break_line(client)
        back = await _come_back(server, client)
        assert back.ready["input_seq"] == 10
        back.seq, back.position = 7, 7 * 320  # a careful client repeats more than it has to
        for frame in frames[7:]:
            await back.send_sound(frame)
        await back.settled()
        assert [pcm for _, pcm in server.graph(back).sound] == frames
        assert [at for at, _ in server.graph(back).sound] == [20 * n for n in range(20)]

    with_server(scenario)


def test_a_second_line_takes_over_and_the_first_is_told(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        back = await _come_back(server, client)
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 4412 and client.messages("bye")[0]["reason"] == "taken_over"
        await back.send({"type": "text", "text": "40"})
        await back.until("audio_end")

    with_server(scenario)


@pytest.mark.parametrize("wrong", [{"token": "guess"}, {"session_id": "s_guess"}, {"last_seq": 10**6}])
def test_a_wrong_resume_is_refused_and_harms_nobody(with_server, wrong):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        stranger = TalkClient(await server.dial())
        message = {
            "type": "resume", "protocol": 1, "session_id": client.ready["session_id"],
            "token": client.ready["resume_token"], "last_seq": 0, **wrong,
        }  # fmt: skip
        await stranger.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await stranger.until("never")
        assert closed.value.rcvd.code == 4410
        await client.settled()

    with_server(scenario)


def test_of_two_that_come_back_at_once_one_is_let_in(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await _break_line(client)
        outcomes = await asyncio.gather(*(_come_back(server, client) for _ in range(4)), return_exceptions=True)
        let_in = [o for o in outcomes if isinstance(o, TalkClient)]
        refused = [o.rcvd.code for o in outcomes if isinstance(o, ConnectionClosed) and o.rcvd is not None]
        assert len(let_in) == 1 and refused == [4410] * 3
        await let_in[0].send({"type": "text", "text": "40"})
        await let_in[0].until("audio_end")

    with_server(scenario)


def test_who_comes_back_too_late_is_told_to_begin_anew(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await _break_line(client)
        await until(lambda: not server.gateway.sessions)
        with pytest.raises(ConnectionClosed) as closed:
            await _come_back(server, client)
        assert closed.value.rcvd.code == 4410

    with_server(scenario, resume_window_ms=100)


def test_an_old_token_is_void(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await _break_line(client)
        back = await _come_back(server, client)
        with pytest.raises(ConnectionClosed):
            await _come_back(server, client)
        await back.settled()

    with_server(scenario)


def test_a_client_that_does_not_come_back_is_forgotten(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        graph = server.graph(client)
        await _break_line(client)
        await until(lambda: graph.stopped and not server.gateway.sessions)

    with_server(scenario, resume_window_ms=100)
