"""One extension in a graph: its stages, its inbox and what it may receive when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from .content import CMD, RESULT, Content, ResultContent
from .endpoint import Endpoint
from .executors import Executor
from .log import runtime_log
from .manual_stages import ManualStages
from .node_setup import NodeSetup, SetupError
from .property_store import PropertyStore
from .routes import empty_routes

if TYPE_CHECKING:
    from ..extension import BaseExtension
    from .engine import Engine

DEFAULT_INBOX_LIMIT: Final = 12_800


class Stage(IntEnum):
    CREATED = 0
    CONFIGURE = 1
    INIT = 2
    START = 3
    RUNNING = 4
    STOP = 5
    STOPPED = 6
    DEINIT = 7
    CLOSED = 8


CALLBACK_OF: Final = {
    Stage.CONFIGURE: "on_configure",
    Stage.INIT: "on_init",
    Stage.START: "on_start",
    Stage.STOP: "on_stop",
    Stage.DEINIT: "on_deinit",
}


class Mark:
    """A place in the inbox: everything before it has been handed to the extension."""

    __slots__ = ()
    kind: Final = 5


class ExtensionHost(Endpoint):
    """Everything here runs on the executor's thread, except ``receive`` and the counters' readers."""

    def __init__(self, engine: Engine, node: NodeSetup, extension: BaseExtension, executor: Executor) -> None:
        super().__init__(engine.app, executor, (engine.app.uri, engine.graph_id, node.name))
        self.engine = engine
        self.node = node
        self.name = node.name
        self.extension = extension
        self.env: Any = None
        self.stage = Stage.CREATED
        self.awaiting: Stage | None = None  # the stage whose acknowledgement is outstanding
        self.stop_requested = False
        self.closed = False
        self.properties = PropertyStore()
        self.init_property: dict[str, Any] | None = None
        self.manual = ManualStages(self)
        self.inbox: deque[Any] = deque()
        self.early: list[Content] = []  # what came before on_init_done
        self.gate_open = False
        self.is_open = False  # from on_init_done until de-initialisation
        self.busy = False  # somebody works the inbox off
        self.inbox_limit = engine.app.options.inbox_limit
        self.received = 0
        self.dropped = 0
        self.high_water = 0

    def label(self) -> str:
        """For messages to people: node, addon and file."""
        return f'node "{self.name}" (addon {self.node.addon}, {self.node.file_of(self.extension)})'

    # Provided by the two kinds of extensions --------------------------------------------------------------------

    def call_stage(self, stage: Stage) -> None:
        raise NotImplementedError

    def wake(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """After the last acknowledgement: end what still runs, then ``engine.host_closed``."""
        raise NotImplementedError

    def task_count(self) -> int:
        """Callbacks that run or wait right now."""
        return int(self.busy)

    # Stages -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self.stage is Stage.CREATED:
            self._enter(Stage.CONFIGURE)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self.awaiting = stage
        self.call_stage(stage)

    def acknowledge(self, stage: Stage) -> None:
        if self.awaiting is not stage:
            runtime_log.warn(f"{self.label()}: {CALLBACK_OF[stage]}_done is ignored, it is not due")
            return
        self.awaiting = None
        if stage is Stage.CONFIGURE:
            self._configured()
        elif stage is Stage.INIT:
            self._open_gate()
        elif stage is Stage.START:
            self.stage = Stage.RUNNING
            self.engine.host_progressed(self)
            self.manual.started()
        elif stage is Stage.STOP:
            self.stage = Stage.STOPPED
            self.manual.stopped()
            self.engine.host_stopped(self)
            return
        else:
            self._close()
            return
        self._go_on()

    def _go_on(self) -> None:
        """The next stage, unless an acknowledgement, a mark or a trigger is waited for."""
        if self.awaiting is not None or self.stage >= Stage.STOP:
            return
        if self.stop_requested:
            if self.manual.may_stop():
                self._refuse_early()
                self._enter(Stage.STOP)
        elif self.stage is Stage.CONFIGURE and self.engine.failed_node is not self:
            self._enter(Stage.INIT)
        elif self.stage is Stage.INIT and self.gate_open and self.manual.may_start():
            self._enter(Stage.START)

    def resume(self) -> None:
        """A trigger has arrived."""
        self._go_on()

    def request_stop(self) -> None:
        self.stop_requested = True
        if self.stage is Stage.CREATED:
            self._close()
            return
        self._go_on()

    def deinit(self) -> None:
        self.is_open = False
        if self.stage is Stage.STOPPED:
            self._enter(Stage.DEINIT)

    def _configured(self) -> None:
        try:
            setup = self.node.configure(self.init_property, self.app)
        except SetupError as reason:
            self.engine.fail(self, f"{self.label()}: {reason}")
            return
        self.properties.replace(setup.tree, setup.api)
        self.api = setup.message_api
        self.learn_direct_routes()
        self._apply_options(setup.options)

    def _apply_options(self, options: Mapping[str, Any]) -> None:
        for name, value in options.items():
            if name == "manual":
                self.manual.demand(value)
            else:
                setattr(self, name, value)
        self._rearm_sweep()

    def _open_gate(self) -> None:
        """What came early is handed over before on_start."""
        self.is_open = True
        if not self.early:
            self.gate_open = True
            return
        self.inbox.extend(self.early)
        self.high_water = max(self.high_water, len(self.inbox))
        self.early = []
        self.inbox.append(Mark())
        self.gate_open = True
        self.awaiting = Stage.RUNNING  # nothing acknowledges this; the mark lifts it
        self._ensure_awake()

    def pass_mark(self) -> None:
        if self.awaiting is Stage.RUNNING:
            self.awaiting = None
            self._go_on()

    def _refuse_early(self) -> None:
        """Stopping without ever having been initialised: commands that wait get their answer now."""
        if self.gate_open:
            return
        early, self.early = self.early, []
        for content in early:
            if content.kind == CMD:
                result = ResultContent.error(content, "The destination extension is closing.")  # type: ignore[arg-type]
                self.return_result(result)

    def _close(self) -> None:
        self.stage = Stage.CLOSED
        self.closed = True
        self.is_open = False
        self.env.seal()
        self.inbox.clear()
        self.early.clear()
        self.close_paths()
        self.finish()

    def release(self) -> None:
        """Break the circles, so that a graph's memory is free at once and not after a garbage collection."""
        self.routes = empty_routes()
        for table in self.direct:
            table.clear()
        self.manual.release()
        self.env = None

    def force_close(self) -> None:
        """The extension did not acknowledge in time; go on without it."""
        if self.stage is not Stage.CLOSED:
            self.awaiting = None
            self._close()

    def run_handler(self, handler: Callable[..., object], *args: Any) -> None:
        """Call user code that was given to a ``send_*``."""
        try:
            handler(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.engine.callback_failed(self, "a result or error handler", error)

    # Receiving ---------------------------------------------------------------------------------------------------

    def accept(self, content: Any) -> None:
        kind = content.kind
        if kind == RESULT:
            self._accept_result(content)
            return
        if self.stage >= Stage.DEINIT or (self.stage >= Stage.STOP and not self.gate_open):
            self._refuse_late(content)
            return
        if kind == CMD:
            if content.builtin is not None and self._accept_builtin(content):
                return
            self.open_in_path(content)
        elif len(self.inbox) >= self.inbox_limit or len(self.early) >= self.inbox_limit:
            self._drop(content)
            return
        self.received += 1
        if not self.gate_open:
            self.early.append(content)
            return
        inbox = self.inbox
        inbox.append(content)
        depth = len(inbox)
        if depth > self.high_water:
            self.high_water = depth
        if not self.busy:
            self.busy = True
            self.wake()

    def accept_plain(self, content: Any) -> None:
        inbox = self.inbox
        depth = len(inbox)
        if not self.is_open or depth >= self.inbox_limit:
            self.accept(content)
            return
        self.received += 1
        inbox.append(content)
        if depth >= self.high_water:
            self.high_water = depth + 1
        if not self.busy:
            self.busy = True
            self.wake()

    def _accept_result(self, result: ResultContent) -> None:
        """Results keep their place behind earlier messages of the same sender, in every stage."""
        if self.closed:
            return
        self.inbox.append(result)
        self._ensure_awake()

    def _ensure_awake(self) -> None:
        if not self.busy:
            self.busy = True
            self.wake()

    def _accept_builtin(self, cmd: Any) -> bool:
        if cmd.name != "ten:trigger_life_cycle":
            return False
        self.open_in_path(cmd)
        self.manual.trigger(cmd)
        return True

    def _refuse_late(self, content: Any) -> None:
        if self.stage is Stage.CLOSED:
            self.refuse(content, "The destination extension has been terminated.")
        else:
            self.refuse(content, "The destination extension is in its de-initialization phase.")

    def _drop(self, content: Any) -> None:
        self.dropped += 1
        if self.dropped == 1 or self.dropped % 1000 == 0:
            runtime_log.warn(
                f"{self.label()}: '{content.name}' is dropped, {self.inbox_limit} messages wait already "
                f"({self.dropped} dropped so far)"
            )

    def incoming_error(self, content: Any) -> bool:
        """True when the message violates the manifest; a command is then answered, the rest dropped."""
        error = self.check_schema("in", content)
        if error is None:
            return False
        runtime_log.warn(f"{self.label()}: '{content.name}' is refused: {error.error_message()}")
        if content.kind == CMD:
            self.return_result(ResultContent.error(content, error.error_message()))
        return True
