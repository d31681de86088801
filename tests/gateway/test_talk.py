"""`/v1/talk` from the outside, over a real socket."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from stream_talk.wire.frames import FLAG_FIRST, AudioFrame
from websockets.exceptions import ConnectionClosed

from ten_packages.extension.gateway_python.testing import tone

from .conftest import Server, TalkClient, until

FRAME = np.arange(320, dtype=np.int16).tobytes()


def test_a_conversation_from_hello_to_bye(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk(lang="en-US", settings={"rate": 1.5})
        assert client.ready["protocol"] == 1 and client.ready["graph"] == "embedded" and not client.ready["resumed"]
        graph = server.graph(client)
        assert graph.client_events[0] == {
            "type": "hello", "lang": "en-US", "incognito": False, "settings": {"rate": 1.5},
        }  # fmt: skip
        for _ in range(5):
            await client.send_sound(FRAME)
        await client.send({"type": "text", "text": "100"})
        ended = await client.until("audio_end")
        assert ended["reason"] == "finished" and ended["total_ms"] == 100
        assert client.sound() == tone(100).tobytes()
        assert graph.sound == [(20 * i, FRAME) for i in range(5)]
        await client.send(
            {
                "type": "playout",
                "generation": 1,
                "played_ms": 100,
                "buffered_ms": 0,
                "state": "finished",
                "client_ts_ms": 1,
            }
        )
        heard = await client.until("heard")
        assert heard["heard_text"] == "You said 100." and graph.reports[0]["request_id"] == "r1"
        await client.send({"type": "bye"})
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 1000 and client.messages("bye")[0]["reason"] == "client"
        await until(lambda: graph.stopped)
        assert graph.client_events[-1] == {"type": "bye"}

    with_server(scenario)


def test_reply_frames_say_where_they_belong(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "90"})
        await client.until("audio_end")
        frames = [i for i in client.items if isinstance(i, AudioFrame)]
        assert [f.position for f in frames] == [0, 480, 960, 1440, 1920]
        assert [f.flags for f in frames] == [FLAG_FIRST, 0, 0, 0, 0]
        order = [i["type"] if isinstance(i, dict) else "sound" for i in client.items]
        assert order.index("audio_start") < order.index("sound") < order.index("audio_end")

    with_server(scenario)


def test_a_reply_is_paced_ahead_of_real_time_by_the_lead_only(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "5000"})
        await client.until("audio_start")
        await client.settled()
        assert 200 <= len(client.sound()) / 48 <= 600

    with_server(scenario, lead_ms=240)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_rates_of_the_client_are_converted_both_ways(with_server, rate_hz):
    async def scenario(server: Server) -> None:
        client = await server.talk(input={"sample_rate_hz": rate_hz}, output={"sample_rate_hz": rate_hz})
        samples = (8000 * np.sin(np.arange(rate_hz // 2) * 2 * np.pi * 200 / rate_hz)).astype(np.int16)
        for start in range(0, len(samples), rate_hz // 50):
            await client.send_sound(samples[start : start + rate_hz // 50].tobytes())
        await client.send({"type": "text", "text": "200"})
        ended = await client.until("audio_end")
        assert ended["total_ms"] == 200 and len(client.sound()) // 2 == rate_hz // 5
        heard = b"".join(pcm for _, pcm in server.graph(client).sound)
        assert len(heard) // 2 == pytest.approx(8000, abs=200)

    with_server(scenario)


def test_stop_cuts_at_once_and_old_sound_never_returns(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "5000"})
        await client.until("audio_start")
        await client.send({"type": "stop"})
        await client.until("playout_control", action="cut")
        before = len(client.sound())
        server.graph(client).play(tone(500).tobytes())  # a graph that has not noticed yet
        await client.send({"type": "text", "text": "40"})
        await client.until("audio_end", generation=2)
        assert len(client.sound()) == before and client.sound(2) == tone(40).tobytes()
        assert [m["reason"] for m in client.messages("audio_end")] == ["interrupted", "finished"]

    with_server(scenario)


def test_a_draft_is_kept_back_until_released(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        graph = server.graph(client)
        metadata = {"request_id": "d", "generation": 7, "turn_id": 1, "draft": True}
        graph._events.on_graph_audio(tone(40).tobytes(), 24000, metadata)
        await client.settled()
        assert not client.sound(7)
        graph._events.on_graph_data("playout_control", {"action": "release", "generation": 7, "turn_id": 1})
        graph._events.on_graph_data("tts_audio_end", {"request_id": "d"})
        await client.until("audio_end")
        assert client.sound(7) == tone(40).tobytes()
        assert not client.messages("playout_control")

    with_server(scenario)


def test_mute_keeps_the_microphone_out(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "mute", "on": True})
        await client.send_sound(FRAME)
        await client.send({"type": "mute", "on": False})
        await client.send_sound(FRAME)
        await client.settled()
        assert server.graph(client).sound == [(20, FRAME)]

    with_server(scenario)


def test_lost_microphone_sound_becomes_silence_and_repeated_sound_is_ignored(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send_sound(FRAME)
        client.position += 320
        await client.send_sound(FRAME)
        client.seq, client.position = client.seq - 1, client.position - 320
        await client.send_sound(FRAME)
        await client.settled()
        assert server.graph(client).sound == [(0, FRAME), (20, bytes(640) + FRAME)]

    with_server(scenario)


def test_the_graph_can_be_switched_without_losing_history_or_numbers(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        first = server.graph(client)
        await client.send({"type": "text", "text": "40"})
        await client.until("audio_end")
        await client.send(
            {
                "type": "playout",
                "generation": 1,
                "played_ms": 40,
                "buffered_ms": 0,
                "state": "finished",
                "client_ts_ms": 1,
            }
        )
        await client.until("heard")
        await client.send({"type": "graph", "name": "other"})
        await client.until("graph", state="running")
        second = server.graph(client)
        assert first.stopped and second.name == "other"
        assert second.client_events[0] == {
            "type": "history",
            "messages": [{"role": "user", "content": "40"}, {"role": "assistant", "content": "You said 40."}],
        }
        await client.send({"type": "text", "text": "60"})
        ended = await client.until("audio_end")
        assert ended["generation"] > 1 and ended["turn_id"] == 2
        generation = ended["generation"]
        await client.send(
            {"type": "playout", "generation": generation, "played_ms": 60, "buffered_ms": 0, "state": "finished",
             "client_ts_ms": 1}
        )  # fmt: skip
        await client.until("heard")
        assert second.reports[-1]["generation"] == 1 and second.reports[-1]["turn_id"] == 1

    with_server(scenario)


def test_a_switch_that_fails_leaves_the_conversation_as_it_was(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "graph", "name": "mlx"})
        assert "mlx-audio is missing" in (await client.until("error"))["text"]
        server.host.refuse = "the model is not there; run this"
        await client.send({"type": "graph", "name": "other"})
        failed = await client.until("graph", state="failed")
        assert failed["reason"] == "the model is not there; run this"
        await client.send({"type": "text", "text": "40"})
        ended = await client.until("audio_end")
        assert ended["generation"] == 1

    with_server(scenario)


def test_stats_come_while_subscribed(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send_sound(FRAME)
        await client.settled()
        await client.send({"type": "stats", "on": True, "interval_ms": 250})
        first = await client.until("stats")
        assert first["graph"]["nodes"][0]["handled"] == 1 and first["session"]["audio_in_ms"] == 20
        await client.until("stats")

    with_server(scenario)


def test_two_sessions_share_nothing(with_server):
    async def scenario(server: Server) -> None:
        ann, bob = await server.talk(), await server.talk()
        await asyncio.gather(ann.send({"type": "text", "text": "80"}), bob.send({"type": "text", "text": "300"}))
        await asyncio.gather(ann.until("audio_end"), bob.until("audio_end"))
        await bob.send({"type": "stop"})
        await bob.settled()
        await ann.settled()
        assert ann.sound() == tone(80).tobytes() and bob.sound() == tone(300).tobytes()
        assert not ann.messages("playout_control")
        assert {m["text"] for m in ann.messages("user_text")} == {"80"}

    with_server(scenario)


async def _refused(server: Server, first: dict) -> tuple[int, dict]:
    client = TalkClient(await server.dial())
    await client.send(first)
    with pytest.raises(ConnectionClosed) as closed:
        await client.until("never")
    return closed.value.rcvd.code, client.messages("error")[0]


@pytest.mark.parametrize(
    ("first", "close_code", "code"),
    [
        ({"type": "hello", "protocol": 2}, 4422, "unsupported"),
        ({"type": "hello", "protocol": 1, "input": {"sample_rate_hz": 12345}}, 4422, "unsupported"),
        ({"type": "hello", "protocol": 1, "graph": "nowhere"}, 4422, "unsupported"),
        ({"type": "hello", "protocol": 1, "graph": "mlx"}, 4422, "unsupported"),
        ({"type": "stop"}, 4400, "malformed"),
        ({"type": "resume", "protocol": 1, "session_id": "s", "token": "t", "last_seq": 0}, 4410, "resume_unknown"),
    ],
)
def test_a_wrong_beginning_is_answered_and_closed(with_server, first, close_code, code):
    async def scenario(server: Server) -> None:
        closed_with, error = await _refused(server, first)
        assert closed_with == close_code and error["code"] == code and error["fatal"]

    with_server(scenario)


def test_a_graph_that_cannot_start_says_why(with_server):
    async def scenario(server: Server) -> None:
        server.host.refuse = "model tiny is missing; run `stream-talk models get tiny`"
        code, error = await _refused(server, {"type": "hello", "protocol": 1})
        assert code == 4500 and "models get tiny" in error["text"]

    with_server(scenario)


def test_at_capacity_tells_when_to_come_back(with_server):
    async def scenario(server: Server) -> None:
        await server.talk()
        code, error = await _refused(server, {"type": "hello", "protocol": 1})
        assert code == 4503 and error["code"] == "at_capacity" and error["retry_after_ms"] == 3000

    with_server(scenario, admission={"max_sessions": 1})


def test_silence_instead_of_hello_is_not_waited_for(with_server):
    async def scenario(server: Server) -> None:
        client = TalkClient(await server.dial())
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 4408

    with_server(scenario, hello_timeout_ms=150)


def test_an_idle_conversation_is_closed_with_a_reason(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 4409 and client.messages("bye")[0]["reason"] == "idle"

    with_server(scenario, idle_timeout_ms=1000)


def test_draining_lets_the_sentence_end(with_server):
    async def scenario(server: Server) -> None:
        client = await server.talk()
        await client.send({"type": "text", "text": "600"})
        await client.until("audio_start")
        drain = asyncio.create_task(server.gateway.drain())
        await client.until("audio_end")
        code, error = await _refused(server, {"type": "hello", "protocol": 1})
        assert code == 4503 and "shutting down" in error["text"]
        await client.send(
            {
                "type": "playout",
                "generation": 1,
                "played_ms": 600,
                "buffered_ms": 0,
                "state": "finished",
                "client_ts_ms": 1,
            }
        )
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 1001 and client.sound() == tone(600).tobytes()
        await drain

    with_server(scenario, drain_timeout_ms=5000)


def test_a_graph_that_fails_in_the_middle_ends_the_session_with_its_reason(with_server):
    async def scenario(server: Server) -> None:
        client, other = await server.talk(), await server.talk()
        graph = server.graph(client)
        graph._events.on_graph_data("ten:graph_failed", {"graph_id": "g", "detail": "node tts: out of memory"})
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd.code == 4500 and "out of memory" in client.messages("error")[0]["text"]
        await other.settled()

    with_server(scenario)
