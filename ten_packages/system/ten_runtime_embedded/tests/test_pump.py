"""One pump for all extensions of a loop: in one round, fair, and not to be ended by what a handler leaves behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ten_runtime import AsyncExtension, AudioFrame, Data, register_addon_as_extension
from ten_runtime.addon import Addon

TESTER = "ten:test_extension"


def wire(sender: str, name: str, receiver: str, kind: str = "data") -> dict[str, Any]:
    return {"extension": sender, kind: [{"name": name, "dest": [{"extension": receiver}]}]}


class Passing(AsyncExtension):
    """Passes everything on and notes the round of the loop in which it did."""

    rounds: list[tuple[str, int]]

    async def on_data(self, async_ten_env: Any, data: Data) -> None:
        self.rounds.append((self.name, round_of_loop()))
        await async_ten_env.send_data(data)


_rounds = 0


def round_of_loop() -> int:
    return _rounds


async def count_rounds() -> None:
    global _rounds
    while True:
        _rounds += 1
        await asyncio.sleep(0)


def test_a_chain_of_extensions_takes_one_round_of_the_loop(stage: Any) -> None:
    Passing.rounds = []

    class First(Passing):
        async def on_start(self, async_ten_env: Any) -> None:
            self.counter = asyncio.get_running_loop().create_task(count_rounds())

        async def on_stop(self, async_ten_env: Any) -> None:
            self.counter.cancel()

    graph = stage.graph(
        [wire(TESTER, "d", "a"), wire("a", "d", "b"), wire("b", "d", "c"), wire("c", "d", TESTER)],
        a=First,
        b=Passing,
        c=Passing,
    )

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("d"))
        await tester.next()

    assert stage.play(None, script, graph=graph) is None
    assert [name for name, _ in Passing.rounds] == ["a", "b", "c"]
    assert len({number for _, number in Passing.rounds}) == 1


def test_one_that_is_flooded_does_not_keep_the_others_waiting(stage: Any) -> None:
    class Flooded(AsyncExtension):
        """Sends itself a message for every message, until told to stop."""

        is_over = False

        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            if not Flooded.is_over:
                await async_ten_env.send_data(Data.create("more"))

    class Other(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            Flooded.is_over = True
            await async_ten_env.send_data(data)

    graph = stage.graph(
        [wire(TESTER, "begin", "flooded"), wire("flooded", "more", "flooded"), wire(TESTER, "d", "other"),
         wire("other", "d", TESTER)],
        flooded=Flooded,
        other=Other,
    )  # fmt: skip

    async def script(env: Any, tester: Any) -> None:
        await env.send_data(Data.create("begin"))
        await env.send_data(Data.create("d"))
        assert (await tester.next()).get_name() == "d"

    assert stage.play(None, script, graph=graph) is None


def test_a_late_cancel_of_a_handler_that_has_ended_hits_nobody_else(stage: Any) -> None:
    """As with one task per message: cancelling a task that is over does nothing."""
    tasks: list[Any] = []

    class Ended(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            tasks.append(asyncio.current_task())
            await async_ten_env.send_data(Data.create("cancel"))

    class Cancelling(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            tasks[-1].cancel()
            await async_ten_env.send_data(Data.create("work"))

    class Working(AsyncExtension):
        async def on_data(self, async_ten_env: Any, data: Data) -> None:
            await asyncio.sleep(0.01)
            await async_ten_env.send_data(Data.create("worked"))

    graph = stage.graph(
        [wire(TESTER, "d", "ended"), wire("ended", "cancel", "cancelling"), wire("cancelling", "work", "working"),
         wire("working", "worked", TESTER)],
        ended=Ended,
        cancelling=Cancelling,
        working=Working,
    )  # fmt: skip

    async def script(env: Any, tester: Any) -> None:
        for _ in range(3):
            await env.send_data(Data.create("d"))
            assert (await tester.next()).get_name() == "worked"

    assert stage.play(None, script, graph=graph) is None


def test_a_text_that_many_frames_carry_is_read_by_those_who_ask(stage: Any) -> None:
    """Frames keep their properties as text; nobody must be able to tell."""

    class Marking(AsyncExtension):
        async def on_audio_frame(self, async_ten_env: Any, audio_frame: AudioFrame) -> None:
            assert audio_frame.get_property_int("metadata.turn")[0] == 7
            audio_frame.set_property_int("metadata.turn", 8)
            await async_ten_env.send_audio_frame(audio_frame)

    graph = stage.graph(
        [wire(TESTER, "f", "marking", "audio_frame"), wire("marking", "f", TESTER, "audio_frame")], marking=Marking
    )

    async def script(env: Any, tester: Any) -> None:
        for _ in range(3):
            frame = AudioFrame.create("f")
            frame.set_property_from_json("", '{"metadata": {"turn": 7}}')
            twin = frame.clone()
            await env.send_audio_frame(frame)
            assert (await tester.next()).get_property_to_json("metadata")[0] == '{"turn": 8}'
            assert twin.get_property_to_json("")[0] == '{"metadata": {"turn": 7}}'

    assert stage.play(None, script, graph=graph) is None


def test_a_text_with_built_in_fields_sets_them_on_every_frame() -> None:
    for _ in range(3):
        frame = AudioFrame.create("f")
        frame.set_property_from_json("", '{"ten": {"name": "g"}, "a": 1}')
        assert frame.get_name() == "g"
        assert frame.get_property_to_json("")[0] == '{"a": 1}'


def test_a_frame_is_checked_although_another_text_of_its_stream_has_passed(stage: Any, tmp_path: Any) -> None:
    """What passed once passes again; what is new is looked at."""
    schema = {"properties": {"turn": {"type": "int64"}}}
    manifest = {"type": "extension", "name": "checked", "version": "0.1.0"}
    manifest["api"] = {"audio_frame_in": [{"name": "f", "property": schema}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    class Checked(AsyncExtension):
        async def on_audio_frame(self, async_ten_env: Any, audio_frame: AudioFrame) -> None:
            await async_ten_env.send_audio_frame(audio_frame)

    @register_addon_as_extension("checked", str(tmp_path / "addon.py"))
    class _Addon(Addon):
        def on_create_instance(self, ten_env: Any, name: str, context: Any) -> None:
            ten_env.on_create_instance_done(Checked(name), context)

    async def script(env: Any, tester: Any) -> None:
        for text in ('{"turn": 1}', '{"turn": "one"}', '{"turn": 1}', '{"turn": "one"}', '{"turn": 2}'):
            frame = AudioFrame.create("f")
            frame.set_property_from_json("", text)
            await env.send_audio_frame(frame)
        arrived = [(await tester.next()).get_property_to_json("")[0] for _ in range(3)]
        assert arrived == ['{"turn": 1}', '{"turn": 1}', '{"turn": 2}']
        assert await tester.nothing_for(0.05)

    nodes = [
        {"type": "extension", "name": TESTER, "addon": TESTER},
        {"type": "extension", "name": "checked", "addon": "checked"},
    ]
    wires = [wire(TESTER, "f", "checked", "audio_frame"), wire("checked", "f", TESTER, "audio_frame")]
    assert stage.play(None, script, graph={"nodes": nodes, "connections": wires}) is None
