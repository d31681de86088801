"""The sink that the outbox delivers to: Redis Streams."""

from __future__ import annotations

from collections.abc import Sequence

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from stream_talk.memory.dispatcher import SinkAway
from stream_talk.memory.outbox import PendingEvent

_TIMEOUT_S = 5.0
_EXCERPT_CHARS = 10_000
# Redis refuses everything for these; the events themselves are fine.
_AWAY_ANSWERS = (
    "OOM", "LOADING", "READONLY", "MASTERDOWN", "NOAUTH", "WRONGPASS", "NOPERM", "MISCONF", "NOREPLICAS", "BUSY",
    "CLUSTERDOWN", "MOVED",
    "WRONGTYPE",  # something that is not a stream has the stream's name
)  # fmt: skip


def stream_of(event_type: str) -> str:
    """`ltm.*` and `analytics.*` have streams of their own; everything else is for plugins."""
    family = event_type.partition(".")[0]
    return f"events.{family}" if family in ("ltm", "analytics") else "events.plugins"


class RedisSink:
    def __init__(
        self, url: str, *, max_stream_length: int, max_event_bytes: int, timeout_s: float = _TIMEOUT_S
    ) -> None:
        # No retries here: the dispatcher's own back-off knows about leases, the client's does not.
        self._client = redis.Redis.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip
        self._max_stream_length = max_stream_length
        self._max_event_bytes = max_event_bytes

    def refuse(self, event: PendingEvent) -> str | None:
        size = sum(len(value.encode()) for value in event.fields().values())
        return f"{size} bytes, more than {self._max_event_bytes}" if size > self._max_event_bytes else None

    def deliver(self, events: Sequence[PendingEvent]) -> list[str | None]:
        """One MULTI/EXEC for the batch: when Redis cannot take it, it takes none of it, and the order stays whole."""
        return self._add([(stream_of(event.type), event.fields()) for event in events])

    def bury(self, events: Sequence[PendingEvent]) -> None:
        self._add([(f"{stream_of(event.type)}.dead", _excerpt(event)) for event in events])

    def close(self) -> None:
        self._client.close()

    def _add(self, entries: Sequence[tuple[str, dict[str, str]]]) -> list[str | None]:
        if not entries:
            return []
        try:
            with self._client.pipeline(transaction=True) as pipe:
                for stream, fields in entries:
                    pipe.xadd(stream, dict(fields), maxlen=self._max_stream_length, approximate=True)
                outcomes = pipe.execute(raise_on_error=False)
        except redis.ResponseError as error:
            raise SinkAway(f"Redis refuses everything ({error})") from error
        except (redis.RedisError, OSError, ValueError) as error:
            raise SinkAway(f"Redis cannot be reached ({error})") from error
        away = next((o for o in outcomes if isinstance(o, Exception) and str(o).startswith(_AWAY_ANSWERS)), None)
        if away is not None:
            raise SinkAway(f"Redis refuses everything ({away})")
        return [str(outcome) if isinstance(outcome, Exception) else None for outcome in outcomes]


def _excerpt(event: PendingEvent) -> dict[str, str]:
    """Enough of a dead event to see what it was; its whole payload stays in the outbox."""
    fields = event.fields()
    return {**fields, "payload": fields["payload"][:_EXCERPT_CHARS]}
