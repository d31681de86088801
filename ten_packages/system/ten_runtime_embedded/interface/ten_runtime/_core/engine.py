"""A running graph: its extensions, its wiring, its start and its end."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ten_graph import ExposedMessage, FlatGraph

from ..error import TenError, TenErrorCode
from .addon_store import AddonError
from .content import KIND_OF, Content, DataContent
from .dead_end import DeadEnd
from .endpoint import Endpoint, generic_error
from .extension_host import ExtensionHost, Stage
from .host_factory import HostFactory
from .log import runtime_log
from .node_setup import SetupError
from .routes import Dest, Routes, empty_routes

if TYPE_CHECKING:
    from .app_core import AppCore

GRAPH_PROXY: Final = "ten:graph_proxy"
LOCAL_URI: Final = "localhost"


class GraphStartError(ValueError):
    """The graph cannot be started; the text says which node and why."""


class Engine:
    """Lives on the app's loop; extensions report to it from their own threads."""

    def __init__(self, app: AppCore, graph_id: str, name: str, starter: Endpoint | None, *, is_dynamic: bool) -> None:
        self.app = app
        self.graph_id = graph_id
        self.name = name
        self.starter = starter  # exposed messages travel to and from it
        self.is_dynamic = is_dynamic
        self.sync_stop_before_deinit = False
        self.hosts: dict[str, ExtensionHost] = {}
        self.ports: Routes = empty_routes()
        self.failed_node: ExtensionHost | None = None
        self.failure: TenError | None = None
        self.closed: asyncio.Future[None] = app.loop.create_future()
        self.is_stopping = False
        self._open_hosts: set[ExtensionHost] = set()
        self._unstopped: set[ExtensionHost] = set()
        self._factory = HostFactory(self)
        self._watch: asyncio.TimerHandle | None = None

    # Start ------------------------------------------------------------------------------------------------------

    async def create(self, flat: FlatGraph) -> None:
        """All instances and the wiring; raises ``GraphStartError``. Nothing runs before ``begin``."""
        for notice in flat.notices:
            runtime_log.warn(notice)
        is_complete = False
        try:
            for node in flat.nodes:
                if node.app not in ("", LOCAL_URI, self.app.uri):
                    raise GraphStartError(f'node "{node.name}" belongs to another app ({node.app})')
                self.hosts[node.name] = await self._factory.make(node)
            is_complete = True
        except (AddonError, SetupError, asyncio.TimeoutError) as reason:
            text = str(reason) or "the addon did not deliver an instance in time"
            raise GraphStartError(f'node "{node.name}": {text}') from reason
        finally:
            if not is_complete:
                self._factory.end()
        self._wire(flat)

    def _wire(self, flat: FlatGraph) -> None:
        for connection in flat.connections:
            table = self.hosts[connection.extension].routes[KIND_OF[connection.kind]]
            dests = table.setdefault(connection.name, [])
            for receiver in connection.dests:
                conversions = [receiver.conversion] if receiver.conversion is not None else None
                edge = Dest(self.hosts[receiver.extension], conversions)
                edge.source = self.hosts[connection.extension].source
                dests.append(edge)
        for port in flat.exposed_messages:
            self._expose(port)

    def _expose(self, port: ExposedMessage) -> None:
        """Inwards, the graph itself is the sender's destination; outwards, whoever started the graph is the dest."""
        kind = KIND_OF[port.kind]
        host = self.hosts[port.extension]
        if port.direction == "in":
            dest = Dest(host)
            self.ports[kind].setdefault(port.name, []).append(dest)
        elif self.starter is not None:
            dest = Dest(self.starter)
            host.routes[kind].setdefault(port.name, []).append(dest)
        else:
            return
        dest.source = (self.app.uri, self.graph_id, GRAPH_PROXY)

    def abandon(self) -> None:
        """Created, but not to be begun."""
        self._factory.end()

    def begin(self) -> None:
        self._open_hosts.update(self.hosts.values())
        self._unstopped.update(self.hosts.values())
        self._watch = self.app.loop.call_later(self.app.options.start_timeout_s, self._check_started)
        for host in self.hosts.values():
            host.learn_direct_routes()
            host.executor.post(host.begin)

    def port(self, content: Content, sender: Endpoint) -> list[Dest]:
        """Where a message goes that is addressed to the graph and not to one of its extensions."""
        if sender.graph_id == self.graph_id:
            return self._outward()
        dests = self.ports[content.kind].get(content.name)
        return dests or [Dest(DeadEnd(self.app, "Failed to find destination."))]

    def _outward(self) -> list[Dest]:
        dest = Dest(self.starter or DeadEnd(self.app, "Failed to find destination."))
        dest.source = (self.app.uri, self.graph_id, GRAPH_PROXY)
        return [dest]

    # Reports from extensions, on their threads --------------------------------------------------------------------

    def host_progressed(self, _host: ExtensionHost) -> None:
        self.app.executor.post(self._disarm_when_started)

    def host_stopped(self, host: ExtensionHost) -> None:
        if not self.sync_stop_before_deinit:
            host.deinit()
        else:
            self._on_loop(self._note_stopped, host)

    def host_closed(self, host: ExtensionHost) -> None:
        self._on_loop(self._note_closed, host)

    def callback_failed(self, host: ExtensionHost, callback: str, error: BaseException) -> None:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        runtime_log.error(f"{host.label()}: {callback}: Uncaught exception: {error} \ntraceback: {trace}")
        if self.app.options.uncaught_exception == "exit":
            self.app.exit_process()
        self.app.uncaught = self.app.uncaught or error
        self.fail(host, f"{host.label()}: {callback} raised {type(error).__name__}: {error}")

    def fail(self, host: ExtensionHost, message: str) -> None:
        self.failed_node = self.failed_node or host
        self._on_loop(self._fail, generic_error(message))

    def _on_loop(self, function: Callable[..., None], *args: Any) -> None:
        self.app.executor.post(function, *args)

    def _fail(self, error: TenError) -> None:
        runtime_log.error(error.error_message())
        self.failure = self.failure or error
        if self.app.options.uncaught_exception == "graph" and self.is_dynamic:
            self._tell_starter(error)
            self.stop()
        else:
            self.app.fail(error)

    def _tell_starter(self, error: TenError) -> None:
        """Whoever talks to this graph through its ports would otherwise wait for an answer that never comes."""
        if self.starter is None or not any(self.ports):
            return
        data = DataContent("ten:graph_failed")
        data.properties = {"graph_id": self.graph_id, "detail": error.error_message()}
        data.source = (self.app.uri, self.graph_id, GRAPH_PROXY)
        self.starter.receive(data)

    # Watching -----------------------------------------------------------------------------------------------------

    def _disarm_when_started(self) -> None:
        if self._watch is not None and not self.is_stopping and self._unready() is None:
            self._watch.cancel()
            self._watch = None

    def _unready(self) -> ExtensionHost | None:
        return next((host for host in self.hosts.values() if host.stage <= Stage.INIT), None)

    def _check_started(self) -> None:
        self._watch = None
        host = self._unready()
        if host is None or self.is_stopping:
            return
        stage = "on_configure" if host.stage <= Stage.CONFIGURE else "on_init"
        seconds = self.app.options.start_timeout_s
        self.fail(host, f"{host.label()}: {stage} was not acknowledged within {seconds:g} s")

    def _check_stopped(self) -> None:
        """Extensions that do not acknowledge their end are left behind, by name."""
        self._watch = None
        seconds = self.app.options.stop_timeout_s
        for host in list(self._open_hosts):
            awaited = host.awaiting or host.stage
            what = f"on_{awaited.name.lower()}" if awaited is not Stage.RUNNING else "its end"
            error = TenError.create(
                TenErrorCode.ErrorCodeTimeout, f"{host.label()}: {what} was not acknowledged within {seconds:g} s"
            )
            runtime_log.error(error.error_message())
            self.failure = self.failure or error
            self.app.note_failure(error)
            host.executor.post(host.force_close)
            self._note_closed(host)

    # Stop ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        if self.is_stopping:
            return
        self.is_stopping = True
        if self._watch is not None:
            self._watch.cancel()
        if not self._open_hosts:
            self._finish()
            return
        self._watch = self.app.loop.call_later(self.app.options.stop_timeout_s, self._check_stopped)
        for host in self.hosts.values():
            host.executor.post(host.request_stop)

    def _note_stopped(self, host: ExtensionHost) -> None:
        self._unstopped.discard(host)
        self._deinit_when_all_stopped()

    def _deinit_when_all_stopped(self) -> None:
        if not self._unstopped:
            for host in self._open_hosts:
                host.executor.post(host.deinit)

    def _note_closed(self, host: ExtensionHost) -> None:
        if host not in self._open_hosts:
            return
        self._open_hosts.discard(host)
        if self.sync_stop_before_deinit:
            self._note_stopped(host)
        if not self._open_hosts:
            self._finish()

    def _finish(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._factory.end()
        self.app.engine_closed(self)
        for host in self.hosts.values():
            if host.stage is Stage.CLOSED:  # one that was left behind may still be at work on its thread
                host.release()
        self.hosts.clear()
        self._unstopped.clear()
        self.failed_node = None
        self.ports = empty_routes()
        if not self.closed.done():
            self.closed.set_result(None)
