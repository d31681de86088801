"""The TEN side of the gateway: properties in, web server up, messages of session graphs to their sessions."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError
from stream_talk import heap
from stream_talk.engines.shared import hosts
from stream_talk.graph import app_home
from stream_talk.ten import messages
from ten_runtime import AsyncExtension, AsyncTenEnv, AudioFrame, Cmd, Data, Loc

from .app import build_app
from .catalog import GraphCatalog, offers_of
from .config import GatewayConfig
from .gateway import Gateway
from .log_bridge import TenLogHandler, bridge_logs, unbridge_logs
from .server import CannotListen, WebServer
from .telemetry import configure_telemetry
from .ten_graph_host import TenGraphHost
from .warm_up import WarmUp

STATE_DIR = Path("~/.local/state/stream-talk")


class GatewayExtension(AsyncExtension):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._logs: TenLogHandler | None = None
        self._host: TenGraphHost | None = None
        self._gateway: Gateway | None = None
        self._web: WebServer | None = None
        self._warm_up: WarmUp | None = None

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        self._logs = bridge_logs(ten_env)
        text, _ = await ten_env.get_property_to_json("")
        try:
            config = GatewayConfig.model_validate(json.loads(text or "{}"))
            await self._open(ten_env, config)
        except (ValidationError, CannotListen) as problem:
            reason = f"the gateway cannot start: {problem}"
            ten_env.log_error(reason)
            await self._close_app(ten_env, reason)

    async def _open(self, ten_env: AsyncTenEnv, config: GatewayConfig) -> None:
        home = app_home()
        default_file = home / config.graphs_dir / f"{config.default_graph}.json"
        also = default_file if default_file.is_file() else None
        catalog = GraphCatalog(offers_of(home, config.graphs, also), config.default_graph)
        self._host = TenGraphHost(ten_env, catalog, hosts)
        self._gateway = Gateway(config, self._host, catalog, configure_telemetry(config.otlp_endpoint))
        app = build_app(self._gateway, home / config.web_dir)
        web = WebServer(app, config, STATE_DIR.expanduser())
        self._gateway.begin()
        await web.start()
        if config.warm_up:
            self._warm_up = WarmUp(self._host, config.default_graph)
            self._gateway.soon(self._warm_up.begin)
        heap.settle()
        self._web = web
        ten_env.log_info(f"talk at {web.url}", category="key_point")

    @staticmethod
    async def _close_app(ten_env: AsyncTenEnv, reason: str) -> None:
        """Without a gateway this app is of no use; close it instead of hanging silently."""
        cmd = Cmd.create("ten:close_app")
        cmd.set_property_string("failure", reason)  # the embedded runtime makes it the exit code
        cmd.set_dests([Loc("")])
        await ten_env.send_cmd(cmd)

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._gateway is not None:
            await self._gateway.drain()
        if self._warm_up is not None:
            await self._warm_up.end()
        if self._web is not None:
            await self._web.stop()
        if self._gateway is not None:
            await self._gateway.end()
            self._gateway.tracer.shutdown()
        heap.let_go()
        if self._logs is not None:
            unbridge_logs(self._logs)

    async def on_audio_frame(self, ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        self._deliver(ten_env, audio_frame)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        self._deliver(ten_env, data)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        self._deliver(ten_env, cmd)
        await ten_env.return_result(messages.result(cmd))

    def _deliver(self, ten_env: AsyncTenEnv, message: AudioFrame | Data | Cmd) -> None:
        if self._host is None:
            return
        try:
            self._host.deliver(message)
        except Exception as error:
            # TEN ends the process when an exception leaves a callback; one session's trouble must not be everybody's.
            ten_env.log_error(f"a message of a session could not be handled: {error!r}")
