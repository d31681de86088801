"""Where messages go, what the sender learns, and in which order they arrive."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ten_runtime import (
    AsyncExtension,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    Loc,
    SendOptions,
    StatusCode,
    VideoFrame,
)

WAIT = SendOptions(wait_for_result=True)


def message(kind: str, name: str = "m") -> Any:
    return {"data": Data, "audio_frame": AudioFrame, "video_frame": VideoFrame, "cmd": Cmd}[kind].create(name)


@pytest.mark.parametrize("kind", ["data", "audio_frame", "video_frame"])
def test_a_message_without_destination_is_an_error_only_for_those_who_ask(stage: Any, kind: str) -> None:
    async def script(env: Any, _tester: Any) -> None:
        send = getattr(env, f"send_{kind}")
        assert await send(message(kind)) is None
        error = await send(message(kind), WAIT)
        assert error.error_code() == 7
        assert error.error_message() == f"Failed to find destination of a '{kind}' message 'm' from graph."

    assert stage.play(None, script, graph=stage.graph(a=AsyncExtension)) is None


def test_an_unconnected_cmd_is_error_7(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        result, error = await env.send_cmd(Cmd.create("m"))
        assert result is None and error.error_code() == 7

    assert stage.play(None, script, graph=stage.graph(a=AsyncExtension)) is None


@pytest.mark.parametrize(
    ("loc", "detail"),
    [
        (Loc("", "", "nobody"), "The extension[nobody] is invalid."),
        (Loc("", "no-such-graph", "a"), "Graph not found."),
        (Loc("http://elsewhere", "", "a"), 'Failed to find the app "http://elsewhere".'),
    ],
)
def test_what_cannot_be_delivered_is_answered_with_an_error_result(stage: Any, loc: Loc, detail: str) -> None:
    async def script(env: Any, _tester: Any) -> None:
        cmd, data = Cmd.create("m"), Data.create("m")
        for item in (cmd, data):
            assert item.set_dests([loc]) is None
        result, error = await env.send_cmd(cmd)
        assert error is None and result.get_status_code() == StatusCode.ERROR
        assert result.get_property_string("detail")[0] == detail
        assert await env.send_data(data, WAIT) is None

    assert stage.play(None, script, graph=stage.graph(a=AsyncExtension)) is None


def test_explicit_destinations_win_over_the_graph(stage: Any) -> None:
    class Teller(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("who", self.name)
            await async_ten_env.return_result(result)

    async def script(env: Any, _tester: Any) -> None:
        wired, addressed = Cmd.create("who"), Cmd.create("who")
        addressed.set_dests([Loc("", "", "b")])
        for cmd, who in ((wired, "a"), (addressed, "b")):
            result, error = await env.send_cmd(cmd)
            assert error is None and result.get_property_string("who")[0] == who

    graph = stage.graph(
        [{"extension": "ten:test_extension", "cmd": [{"name": "who", "dest": [{"extension": "a"}]}]}],
        a=Teller,
        b=Teller,
    )
    assert stage.play(None, script, graph=graph) is None


def test_the_source_is_the_sender_and_answers_find_it(stage: Any) -> None:
    class Replier(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            answer = Data.create("answer")
            source = data.get_source()
            assert answer.set_dests([source]) is None
            assert await async_ten_env.send_data(answer, WAIT) is None

    graph = stage.graph(
        [{"extension": "ten:test_extension", "data": [{"name": "q", "dest": [{"extension": "replier"}]}]}],
        replier=Replier,
    )

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("q"))
        source = (await tester.next()).get_source()
        assert source.extension_name == "replier" and source.app_uri == "localhost" and source.graph_id

    assert stage.play(None, script, graph=graph) is None


def test_a_locked_message_is_refused_and_stays_with_its_owner(stage: Any) -> None:
    async def script(env: Any, tester: Any) -> None:
        data = Data.create("m")
        data.alloc_buf(1)
        view = data.lock_buf()
        error = await env.send_data(data)
        assert error.error_code() == 1
        assert error.error_message() == "Locked resources are not allowed in messages sent from an extension."
        data.unlock_buf(view)
        assert await env.send_data(data) is None
        with pytest.raises(ValueError, match=r"Msg is invalidated\."):
            data.get_buf()

    assert stage.play(AsyncExtension, script) is None


def test_a_locked_message_is_refused_between_neighbours_of_one_loop_too(stage: Any) -> None:
    codes: list[int] = []

    class Locking(AsyncExtension):
        async def on_start(self, async_ten_env: Any) -> None:
            data = Data.create("d")
            data.alloc_buf(1)
            view = data.lock_buf()
            codes.append((await async_ten_env.send_data(data)).error_code())
            data.unlock_buf(view)
            assert await async_ten_env.send_data(data, WAIT) is None

    async def script(_env: Any, _tester: Any) -> None:
        await asyncio.sleep(0.1)

    graph = stage.graph(
        [{"extension": "locking", "data": [{"name": "d", "dest": [{"extension": "other"}]}]}],
        locking=Locking,
        other=AsyncExtension,
    )
    assert stage.play(None, script, graph=graph, virtual=True) is None
    assert codes == [1]


def test_a_sent_message_is_consumed_even_when_its_routing_fails(stage: Any) -> None:
    async def script(env: Any, _tester: Any) -> None:
        frame = AudioFrame.create("m")
        assert (await env.send_audio_frame(frame, WAIT)).error_code() == 7
        with pytest.raises(ValueError, match=r"Msg is invalidated\."):
            frame.get_timestamp()
        with pytest.raises(ValueError, match=r"Msg is invalidated\."):
            await env.send_audio_frame(frame)

    assert stage.play(None, script, graph=stage.graph(a=AsyncExtension)) is None


def test_buffers_and_fields_travel_and_received_messages_can_be_sent_on(stage: Any) -> None:
    class Echo(AsyncExtension):
        async def on_audio_frame(self, async_ten_env: Any, audio_frame: AudioFrame) -> None:
            audio_frame.set_property_int("hop", 1)
            await async_ten_env.send_audio_frame(audio_frame)

        async def on_video_frame(self, async_ten_env: Any, video_frame: VideoFrame) -> None:
            await async_ten_env.send_video_frame(video_frame)

    async def script(env: Any, tester: Any) -> None:
        frame = AudioFrame.create("pcm")
        frame.alloc_buf(4)
        view = frame.lock_buf()
        view[:] = b"\x01\x02\x03\x04"
        frame.unlock_buf(view)
        frame.set_sample_rate(16000)
        frame.set_timestamp(123)
        await env.send_audio_frame(frame)
        back = await tester.next()
        assert back.get_buf() == b"\x01\x02\x03\x04" and back.get_sample_rate() == 16000
        assert back.get_timestamp() == 123 and back.get_property_int("hop") == (1, None)
        picture = VideoFrame.create("pic")
        picture.set_width(640)
        await env.send_video_frame(picture)
        assert (await tester.next()).get_width() == 640

    assert stage.play(Echo, script) is None
