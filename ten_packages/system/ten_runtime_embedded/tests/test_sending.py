"""Where messages go, what the sender learns, and in which order they arrive."""

from __future__ import annotations

import asyncio
import contextvars
import threading
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


def test_handlers_start_in_arrival_order_and_run_concurrently(stage: Any) -> None:
    events: list[str] = []

    class Slow(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            name = data.get_name()
            events.append(f"start {name}")
            await asyncio.sleep({"a": 3, "b": 1, "c": 2}[name])
            events.append(f"end {name}")

    async def script(env: Any, _tester: Any) -> None:
        for name in "abc":
            await env.send_data(Data.create(name))
        await asyncio.sleep(5)

    assert stage.play(Slow, script, virtual=True) is None
    assert events == ["start a", "start b", "start c", "end b", "end c", "end a"]


def test_each_suspended_handler_has_a_task_of_its_own(stage: Any) -> None:
    outcomes: dict[str, Any] = {}

    class Tasks(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            name = data.get_name()
            before = asyncio.current_task()
            if name == "timeout":
                try:
                    await asyncio.wait_for(asyncio.sleep(10), 1)
                except asyncio.TimeoutError:
                    outcomes[name] = "timed out"
            elif name == "cancelled":
                assert before is not None
                asyncio.get_running_loop().call_later(0.5, before.cancel)
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    outcomes[name] = "cancelled"
                    raise
            else:
                await asyncio.sleep(2)
                outcomes[name] = "undisturbed"
            assert asyncio.current_task() is before
            outcomes[f"task {name}"] = before

    async def script(env: Any, _tester: Any) -> None:
        for name in ("timeout", "cancelled", "plain"):
            await env.send_data(Data.create(name))
        await asyncio.sleep(5)

    assert stage.play(Tasks, script, virtual=True) is None
    assert (outcomes["timeout"], outcomes["cancelled"], outcomes["plain"]) == ("timed out", "cancelled", "undisturbed")
    assert outcomes["task timeout"] is not outcomes["task plain"]


def test_context_variables_of_one_message_do_not_reach_the_next(stage: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[tuple[str, str]] = []

    class Contexts(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            before = variable.get()
            variable.set(data.get_name())
            if data.get_name() == "b":
                await asyncio.sleep(0)
            seen.append((before, variable.get()))

    async def script(env: Any, _tester: Any) -> None:
        for name in "abc":
            await env.send_data(Data.create(name))
        await asyncio.sleep(0.05)

    assert stage.play(Contexts, script) is None
    assert sorted(seen) == [("unset", "a"), ("unset", "b"), ("unset", "c")]


def test_messages_and_results_of_one_sender_keep_their_order(stage: Any) -> None:
    order: list[str] = []
    count = 100  # more than are handled in one go

    class Asker(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            if data.get_name() == "go":
                result, _error = await async_ten_env.send_cmd(Cmd.create("ask"))
                order.append(f"result {result.get_property_string('n')[0]}")
            else:
                order.append(data.get_name())

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("go"))
        cmd = await tester.next()
        for index in range(count):
            await env.send_data(Data.create(f"data {index}"))
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("n", "last")
        await env.return_result(result)
        await asyncio.sleep(0.1)

    assert stage.play(Asker, script, virtual=True) is None
    expected = [*(f"data {index}" for index in range(count)), "result last"]
    assert order == expected
    order.clear()
    assert stage.play(Asker, script) is None
    assert order == expected


def test_a_fire_and_forget_send_does_not_yield(stage: Any) -> None:
    class Sink(AsyncExtension):
        count = 0

        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            Sink.count += 1

    async def script(env: Any, _tester: Any) -> None:
        for _ in range(10):
            await env.send_data(Data.create("d"))
        assert Sink.count == 0
        await asyncio.sleep(0.01)
        assert Sink.count == 10

    assert stage.play(Sink, script, virtual=True) is None


def test_a_full_inbox_drops_data_but_never_commands(stage: Any) -> None:
    from ten_runtime import statistics

    handled: list[str] = []

    class Sink(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            handled.append(data.get_name())

        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    async def script(env: Any, _tester: Any) -> None:
        asking = [asyncio.ensure_future(env.send_cmd(Cmd.create("first")))]
        await asking[0]
        for index in range(30):
            await env.send_data(Data.create(f"d{index}"))
        result, error = await env.send_cmd(Cmd.create("c"))
        assert error is None and result.get_status_code() == StatusCode.OK
        report = statistics.snapshot(result.get_source().graph_id)
        assert report is not None
        node = next(item for item in report["nodes"] if item["name"] != "ten:test_extension")
        assert (node["dropped"], node["high_water"], node["limit"]) == (20, 11, 10)

    assert stage.play(Sink, script, properties={"ten_embedded": {"inbox_limit": 10}}, virtual=True) is None
    assert handled == [f"d{index}" for index in range(10)]


def test_the_environment_can_be_used_from_another_threads_loop(stage: Any) -> None:
    class Threaded(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            async def elsewhere() -> str:
                result, error = await async_ten_env.send_cmd(Cmd.create("from_thread"))
                assert error is None
                await async_ten_env.send_data(Data.create("sent_from_thread"))
                results = [item async for item, _e in async_ten_env.send_cmd_ex(Cmd.create("stream_from_thread"))]
                assert len(results) == 1
                return str(result.get_property_string("detail")[0])

            self.answer = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
            done = Data.create("done")
            done.set_property_string("answer", self.answer)
            await async_ten_env.send_data(done)

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("go"))
        for _ in range(2):
            item = await tester.next()
            if isinstance(item, Data):
                assert item.get_name() == "sent_from_thread"
                item = await tester.next()
            result = CmdResult.create(StatusCode.OK, item)
            result.set_property_string("detail", item.get_name())
            await env.return_result(result)
        done = await tester.next()
        if done.get_name() == "sent_from_thread":
            done = await tester.next()
        assert done.get_property_string("answer")[0] == "from_thread"

    assert stage.play(Threaded, script) is None


@pytest.mark.parametrize("mode", ["multi_thread", "nonsense"])
def test_thread_modes(stage: Any, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("TEN_PYTHON_THREAD_MODE", mode)

    class Named(AsyncExtension):
        async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("thread", threading.current_thread().name)
            await async_ten_env.return_result(result)

    threads: dict[str, str] = {}

    async def script(env: Any, _tester: Any) -> None:
        for name in ("a", "b"):
            cmd = Cmd.create("c")
            cmd.set_dests([Loc("", "", name)])
            result, error = await env.send_cmd(cmd)
            assert error is None
            threads[name] = result.get_property_string("thread")[0]

    assert stage.play(None, script, graph=stage.graph(a=Named, b=Named)) is None
    if mode == "multi_thread":
        assert threads == {"a": "AsyncExtension-a", "b": "AsyncExtension-b"}
    else:
        assert threads == {"a": "PythonGlobalMainThread", "b": "PythonGlobalMainThread"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("AsyncExtension")]
