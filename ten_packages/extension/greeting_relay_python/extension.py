"""An extension with plain callbacks: properties, a streamed answer, and a command passed on with its results.

``greet {names: [...]}`` sends one data ``greeting {text}`` per name and streams one result for each; any other command
goes on to whoever the graph says, and the answers come back.
"""

from __future__ import annotations

import json

from ten_runtime import Cmd, CmdResult, Data, Extension, StatusCode, TenEnv, TenError


class GreetingRelayExtension(Extension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._greeting = "Hello"

    def on_init(self, ten_env: TenEnv) -> None:
        greeting, error = ten_env.get_property_string("greeting")
        if error is None:
            self._greeting = greeting
        ten_env.on_init_done()

    def on_cmd(self, ten_env: TenEnv, cmd: Cmd) -> None:
        if cmd.get_name() == "greet":
            self._greet(ten_env, cmd)
        else:
            self._pass_on(ten_env, cmd)

    def _greet(self, ten_env: TenEnv, cmd: Cmd) -> None:
        text, error = cmd.get_property_to_json("names")
        names = json.loads(text) if error is None else []
        if not names:
            refusal = CmdResult.create(StatusCode.ERROR, cmd)
            refusal.set_property_string("detail", "greet needs names")
            ten_env.return_result(refusal)
            return
        for position, name in enumerate(names, start=1):
            sentence = f"{self._greeting}, {name}!"
            data = Data.create("greeting")
            data.set_property_string("text", sentence)
            ten_env.send_data(data)
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("detail", sentence)
            result.set_final(position == len(names))
            ten_env.return_result(result)

    def _pass_on(self, ten_env: TenEnv, cmd: Cmd) -> None:
        target = cmd.clone()

        def on_result(env: TenEnv, result: CmdResult | None, error: TenError | None) -> None:
            if result is None:
                result = CmdResult.create(StatusCode.ERROR, cmd)
                result.set_property_string("detail", error.error_message() if error is not None else "no result")
            env.return_result(result)

        ten_env.send_cmd(target, on_result)
