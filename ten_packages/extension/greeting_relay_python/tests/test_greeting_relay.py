"""Written against TEN's public API only: the same file passes on TEN's native runtime."""

from __future__ import annotations

import asyncio
import json

from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    Cmd,
    CmdResult,
    Data,
    ExtensionTester,
    StatusCode,
    TenEnvTester,
    TenError,
)

TESTER = {"type": "extension", "name": "ten:test_extension", "addon": "ten:test_extension"}
GRAPH = {
    "nodes": [
        TESTER,
        {"type": "extension", "name": "relay", "addon": "greeting_relay_python", "property": {"greeting": "Servus"}},
        {"type": "extension", "name": "echo", "addon": "simple_echo_python"},
    ],
    "connections": [
        {
            "extension": "ten:test_extension",
            "cmd": [{"names": ["greet", "sing", "dance"], "dest": [{"extension": "relay"}]}],
        },
        {"extension": "relay", "cmd": [{"name": "sing", "dest": [{"extension": "echo"}]}]},
        {"extension": "echo", "data": [{"name": "greeting", "source": [{"extension": "relay"}]}]},
        {"extension": "ten:test_extension", "data": [{"name": "greeting", "source": [{"extension": "echo"}]}]},
    ],
}


def greet(*names: str) -> Cmd:
    cmd = Cmd.create("greet")
    cmd.set_property_from_json("names", json.dumps(names))
    return cmd


class ThroughTheGraph(AsyncExtensionTester):
    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[str, bool]] = []
        self.greetings: list[tuple[str, str | None]] = []
        self.both_arrived = asyncio.Event()

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        async for result, error in ten_env.send_cmd_ex(greet("Ada", "图灵")):
            assert error is None and result is not None
            self.answers.append((result.get_property_string("detail")[0], result.is_completed()))
        song, error = await ten_env.send_cmd(Cmd.create("sing"))
        assert error is None and song is not None
        assert song.get_property_string("detail") == ("sing, too", None)
        dance, error = await ten_env.send_cmd(Cmd.create("dance"))
        assert error is None and dance is not None
        assert dance.get_status_code() == StatusCode.ERROR
        assert "Failed to find destination of a 'cmd' message 'dance'" in dance.get_property_string("detail")[0]
        await asyncio.wait_for(self.both_arrived.wait(), 5)
        ten_env.stop_test()

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None:
        self.greetings.append((data.get_property_string("text")[0], data.get_source().extension_name))
        if len(self.greetings) == 2:
            self.both_arrived.set()


def test_greetings_travel_through_the_graph_and_answers_are_streamed() -> None:
    tester = ThroughTheGraph()
    tester.set_test_mode_graph(json.dumps(GRAPH))
    assert tester.run() is None
    assert tester.answers == [("Servus, Ada!", False), ("Servus, 图灵!", True)]
    assert tester.greetings == [("Servus, Ada!", "echo"), ("Servus, 图灵!", "echo")]


class WithoutNames(ExtensionTester):
    def __init__(self) -> None:
        super().__init__()
        self.detail = ""

    def on_start(self, ten_env: TenEnvTester) -> None:
        def on_result(env: TenEnvTester, result: CmdResult | None, error: TenError | None) -> None:
            assert error is None and result is not None
            assert result.get_status_code() == StatusCode.ERROR
            self.detail = result.get_property_string("detail")[0]
            env.stop_test()

        ten_env.send_cmd(greet(), on_result)
        ten_env.on_start_done()


def test_a_greeting_for_nobody_is_refused() -> None:
    tester = WithoutNames()
    tester.set_test_mode_single("greeting_relay_python", json.dumps({"greeting": "Hi"}))
    assert tester.run() is None
    assert tester.detail == "greet needs names"
