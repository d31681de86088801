"""Output sockets by task: where the sound of a conversation goes. What comes before the socket does is kept for a while."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from stream_talk.wire import dialog

from ..client_socket import ClientSocket

_KEPT_FRAMES = 100
_KEPT_TASKS = 200
_NO_SHAPES: Mapping[str, float] = MappingProxyType({})


@dataclass(slots=True)
class _Task:
    socket: ClientSocket | None = None
    waiting: deque[str | bytes] = field(default_factory=lambda: deque(maxlen=_KEPT_FRAMES))
    next_chunk: int = 0
    stopped: bool = False


class Outputs:
    def __init__(self) -> None:
        self._tasks: OrderedDict[str, _Task] = OrderedDict()

    def _task(self, task_id: str) -> _Task:
        task = self._tasks.setdefault(task_id, _Task())
        self._tasks.move_to_end(task_id)
        while len(self._tasks) > _KEPT_TASKS:
            oldest = next((key for key, t in self._tasks.items() if t.socket is None), None)
            if oldest is None or oldest == task_id:
                break
            del self._tasks[oldest]
        return task

    def attach(self, task_id: str, socket: ClientSocket) -> None:
        task = self._task(task_id)
        task.socket = socket
        while task.waiting:
            self._write(socket, task.waiting.popleft())

    def detach(self, task_id: str, socket: ClientSocket) -> None:
        task = self._tasks.get(task_id)
        if task is not None and task.socket is socket:
            del self._tasks[task_id]

    def is_attached(self, task_id: str) -> bool:
        task = self._tasks.get(task_id)
        return task is not None and task.socket is not None

    def begin(self, task_id: str) -> None:
        """A new utterance: sound is let through again after a stop."""
        self._task(task_id).stopped = False

    def sound(self, task_id: str, pcm: bytes, seq: int | None = None, viseme: Mapping[str, float] = _NO_SHAPES) -> bool:
        """False when the task was stopped: the maker of the sound should stop too."""
        task = self._task(task_id)
        if task.stopped:
            return False
        chunk_id = task.next_chunk if seq is None else seq
        task.next_chunk = chunk_id + 1
        self._put(task, dialog.chunk_header(task_id, chunk_id, viseme))
        self._put(task, pcm)
        return True

    def control(self, task_id: str, action: str) -> None:
        self._put(self._task(task_id), dialog.control_frame(task_id, action))

    def stop(self, task_id: str) -> None:
        """Nothing that was made before comes out any more; the client is told."""
        task = self._task(task_id)
        task.stopped = True
        task.waiting.clear()
        if task.socket is not None:
            task.socket.outbox.drop_sound(0)
        self.control(task_id, "STOP_ACK")

    def _put(self, task: _Task, item: str | bytes) -> None:
        if task.socket is None:
            task.waiting.append(item)
        else:
            self._write(task.socket, item)

    @staticmethod
    def _write(socket: ClientSocket, item: str | bytes) -> None:
        # A chunk's header and its sound are dropped together, so both count as sound.
        if isinstance(item, bytes) or '"audio_chunk"' in item:
            socket.send_sound(item, 0)
        else:
            socket.send_text(item)
