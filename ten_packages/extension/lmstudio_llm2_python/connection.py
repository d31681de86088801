"""The SDK's client, kept open by a task of its own: it must be closed by the task that opened it, and stages have no such task."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable

START_REMEDY = "open LM Studio and switch its server on (Developer tab), or run `lms server start`"


class Connection:
    def __init__(self, host: str) -> None:
        self._host = host
        self._keeper: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[Any] | None = None
        self._leave = asyncio.Event()

    async def client(self) -> Any:
        """The open client; opens it, again if it was lost. Raises `EngineUnavailable`."""
        if self._keeper is None or self._keeper.done():
            self._opened = asyncio.get_running_loop().create_future()
            self._leave = asyncio.Event()
            self._keeper = asyncio.ensure_future(self._keep(self._opened))
        assert self._opened is not None
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            self._leave.set()
            await asyncio.wait([keeper], timeout=2.0)
            keeper.cancel()

    async def _keep(self, opened: asyncio.Future[Any]) -> None:
        try:
            import lmstudio
        except ImportError:
            opened.set_exception(
                EngineUnavailable("the lmstudio SDK is not installed", "pip install 'stream-talk[lmstudio]'")
            )
            return
        try:
            async with lmstudio.AsyncClient(self._host) as client:
                opened.set_result(client)
                await self._leave.wait()
        except Exception as error:
            if not opened.done():
                opened.set_exception(_why(self._host, error))
        finally:
            if not opened.done():
                opened.cancel()


def _why(host: str, error: Exception) -> EngineUnavailable:
    text = " ".join(str(error).split())[:200]
    if "auth" in text.lower():
        return EngineUnavailable(f"LM Studio at {host} refused us ({text})", "update the lmstudio package")
    return EngineUnavailable(f"LM Studio does not answer at {host}", START_REMEDY, permanent=False)


@contextlib.contextmanager
def naming_failures(doing: str) -> Any:
    """What the SDK raises, as a sentence with a remedy."""
    import lmstudio

    try:
        yield
    except lmstudio.LMStudioWebsocketError as error:
        raise EngineUnavailable(f"LM Studio went away while {doing}", START_REMEDY, permanent=False) from error
    except lmstudio.LMStudioError as error:
        text = " ".join(str(error).split())[:300]
        raise EngineUnavailable(
            f"LM Studio failed while {doing} ({text})", "see the log in its Developer tab", permanent=False
        ) from error
