"""What graph files wire: names, sources, conversions."""

from __future__ import annotations

import json
from typing import Any

from ten_runtime import (
    AsyncExtension,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    Loc,
    StatusCode,
)


class Echo(AsyncExtension):
    """Answers and echoes with its name, under the name of what it got."""

    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("who", self.name)
        result.set_property_string("cmd", cmd.get_name())
        result.set_property_from_json("got", cmd.get_property_to_json()[0])
        await async_ten_env.return_result(result)

    async def on_data(self, async_ten_env: Any, data: Data) -> None:
        await async_ten_env.send_data(data)

    async def on_audio_frame(self, async_ten_env: Any, audio_frame: AudioFrame) -> None:
        await async_ten_env.send_audio_frame(audio_frame)


TESTER = "ten:test_extension"


async def ask(env: Any, name: str, *, to: Loc | None = None, **properties: Any) -> dict[str, Any]:
    cmd = Cmd.create(name)
    cmd.set_property_from_json(None, json.dumps(properties))
    if to is not None:
        cmd.set_dests([to])
    result, error = await env.send_cmd(cmd)
    assert error is None, str(error)
    answer: dict[str, Any] = json.loads(result.get_property_to_json()[0])
    return {"status": int(result.get_status_code()), **answer}


def test_names_and_sources_wire_like_single_destinations(stage: Any) -> None:
    graph = stage.graph(
        [
            {"extension": TESTER, "cmd": [{"names": ["a", "b"], "dest": [{"extension": "one"}]}]},
            {"extension": "two", "cmd": [{"name": "c", "source": [{"extension": TESTER}]}]},
        ],
        one=Echo,
        two=Echo,
    )

    async def script(env: Any, _tester: Any) -> None:
        assert [(await ask(env, name))["who"] for name in "abc"] == ["one", "one", "two"]

    assert stage.play(None, script, graph=graph) is None


def test_messages_are_converted_on_the_way_and_so_are_results(stage: Any) -> None:
    conversion = {
        "type": "per_property",
        "rules": [
            {"path": "ten.name", "conversion_mode": "fixed_value", "value": "renamed"},
            {"path": "new.text", "conversion_mode": "from_original", "original_path": "old"},
            {"path": "fixed", "conversion_mode": "fixed_value", "value": 3},
        ],
        "result": {
            "type": "per_property",
            "rules": [{"path": "by", "conversion_mode": "from_original", "original_path": "who"}],
        },
    }
    graph = stage.graph(
        [{"extension": TESTER, "cmd": [{"name": "ask", "dest": [{"extension": "one", "msg_conversion": conversion}]}]}],
        one=Echo,
    )

    async def script(env: Any, _tester: Any) -> None:
        answer = await ask(env, "ask", old="text", dropped=True)
        assert answer["cmd"] == "renamed"
        assert answer["got"] == {"new": {"text": "text"}, "fixed": 3}
        assert answer["by"] == answer["who"] == "one"

    assert stage.play(None, script, graph=graph) is None


def test_data_conversion_can_keep_the_original(stage: Any) -> None:
    rules = [{"path": "b", "conversion_mode": "from_original", "original_path": "missing"}]
    conversion = {"type": "per_property", "keep_original": True, "rules": rules}
    graph = stage.graph(
        [
            {
                "extension": TESTER,
                "data": [{"name": "d", "dest": [{"extension": "one", "msg_conversion": conversion}]}],
            },
            {"extension": "one", "data": [{"name": "d", "dest": [{"extension": TESTER}]}]},
        ],
        one=Echo,
    )

    async def script(env: Any, tester: Any) -> None:
        data = Data.create("d")
        data.set_property_int("a", 1)
        await env.send_data(data)
        assert json.loads((await tester.next()).get_property_to_json()[0]) == {"a": 1, "b": None}

    assert stage.play(None, script, graph=graph) is None
