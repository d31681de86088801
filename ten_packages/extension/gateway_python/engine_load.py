"""How busy the shared engines of this process are."""

from __future__ import annotations

from typing import Any

from stream_talk.engines.host import HostStats
from stream_talk.engines.shared import HostRegistry


def waiting_ms(stats: HostStats) -> float:
    """How long new work would wait: jobs in the queue, at the usual duration of a job."""
    queue = stats.queue
    if queue is None or not stats.jobs:
        return 0.0
    depth = max(0, queue.put - queue.taken - queue.discarded - queue.evicted)
    return depth * stats.busy_ms / stats.jobs


def engines_queue_ms(registry: HostRegistry) -> float:
    return max((waiting_ms(stats) for _, stats in registry.stats().values()), default=0.0)


def engine_states(registry: HostRegistry) -> dict[str, Any]:
    return {
        label: {
            "state": "failed" if stats.jobs and stats.failed == stats.jobs else "ok",
            "sessions": users,
            "jobs": stats.jobs,
            "failed": stats.failed,
            "restarts": stats.restarts,
            "busy_ms": round(stats.busy_ms),
            "queue_ms": round(waiting_ms(stats), 1),
        }
        for label, (users, stats) in registry.stats().items()
    }
