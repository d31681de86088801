"""The measurements behind `bench/runtime.py`: `python -m bench.runtime_probes NAME GRAPHS` prints one JSON object.

Only TEN's public API is used. A "director" extension in an auto-started graph drives each measurement.
"""

from __future__ import annotations

import time

STARTED_S = time.perf_counter()  # before anything of the runtime is imported
STARTED_CPU_S = time.process_time()

import asyncio  # noqa: E402
import gc  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Awaitable, Callable  # noqa: E402
from typing import Any  # noqa: E402

from ten_runtime import (  # noqa: E402
    Addon,
    App,
    AsyncExtension,
    AsyncTenEnv,
    AudioFrame,
    Cmd,
    CmdResult,
    Loc,
    StartGraphCmd,
    StatusCode,
    StopGraphCmd,
    TenEnv,
    register_addon_as_extension,
)

FRAME_BYTES = 640
PERIOD_S = 0.01
WARM_UP = 2_000
Probe = Callable[["Director", AsyncTenEnv, int], Awaitable[dict[str, float]]]


class Hop(AsyncExtension):
    """Passes frames on and answers commands."""

    async def on_audio_frame(self, async_ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        await async_ten_env.send_audio_frame(audio_frame)

    async def on_cmd(self, async_ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


latencies_s: list[float] = []


class Stamped(AsyncExtension):
    """Every 10 ms sends a frame that carries its time; the receiver, its neighbour, takes the difference.

    Each graph ticks in a phase of its own, as clients do whose sound cards know nothing of one another.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._task: asyncio.Task[None] | None = None

    async def on_start(self, async_ten_env: AsyncTenEnv) -> None:
        if self.name == "n0":
            self._task = asyncio.create_task(self._send(async_ten_env))

    async def _send(self, ten_env: AsyncTenEnv) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + random.random() * PERIOD_S
        while True:
            await asyncio.sleep(due_s - loop.time())
            due_s += PERIOD_S
            frame = AudioFrame.create("pcm")
            frame.alloc_buf(FRAME_BYTES)
            frame.set_timestamp(time.perf_counter_ns())
            await ten_env.send_audio_frame(frame)

    async def on_audio_frame(self, async_ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        now_ns = time.perf_counter_ns()
        latencies_s.append((now_ns - audio_frame.get_timestamp()) / 1e9)
        audio_frame.set_timestamp(now_ns)
        await async_ten_env.send_audio_frame(audio_frame)

    async def on_stop(self, async_ten_env: AsyncTenEnv) -> None:
        if self._task is not None:
            self._task.cancel()


def chain(addon: str, count: int) -> dict[str, Any]:
    """n0 -> n1 -> ... ; the ends are exposed."""
    names = [f"n{index}" for index in range(count)]
    return {
        "nodes": [{"type": "extension", "name": name, "addon": addon} for name in names],
        "connections": [
            {"extension": one, "audio_frame": [{"name": "pcm", "dest": [{"extension": two}]}]}
            for one, two in itertools.pairwise(names)
        ],
    }


class Director(AsyncExtension):
    """Runs one probe, prints its report, closes the app."""

    probe: Probe
    graphs = 0

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.frames = 0
        self.wanted = 0
        self.all_back = asyncio.Event()

    async def on_start(self, async_ten_env: AsyncTenEnv) -> None:
        report = await type(self).probe(self, async_ten_env, self.graphs)
        print(json.dumps(report), flush=True)
        close = Cmd.create("ten:close_app")
        close.set_dests([Loc("")])
        await async_ten_env.send_cmd(close)

    async def on_audio_frame(self, async_ten_env: AsyncTenEnv, audio_frame: AudioFrame) -> None:
        self.frames += 1
        if self.frames == self.wanted:
            self.all_back.set()

    async def frames_through(self, ten_env: AsyncTenEnv, count: int) -> float:
        """Seconds until `count` frames have come through; sent in bursts of eight, as audio from a network comes."""
        self.frames, self.wanted = 0, count
        self.all_back.clear()
        started = time.perf_counter()
        for index in range(count):
            frame = AudioFrame.create("pcm")
            frame.alloc_buf(FRAME_BYTES)
            await ten_env.send_audio_frame(frame)
            if index % 8 == 7:
                await asyncio.sleep(0)
        await self.all_back.wait()
        return time.perf_counter() - started


async def measure_chain(director: Director, ten_env: AsyncTenEnv, _graphs: int) -> dict[str, float]:
    await director.frames_through(ten_env, WARM_UP)
    count = 30_000
    cpu_started_s = time.process_time()
    elapsed_s = await director.frames_through(ten_env, count)
    cpu_s = time.process_time() - cpu_started_s
    return {"frames_per_s": count / elapsed_s, "frames_per_cpu_s": count / cpu_s}


async def measure_command(_director: Director, ten_env: AsyncTenEnv, _graphs: int) -> dict[str, float]:
    times_us = []
    for _ in range(WARM_UP + 10_000):
        started = time.perf_counter()
        await ten_env.send_cmd(Cmd.create("ping"))
        times_us.append((time.perf_counter() - started) * 1e6)
    ordered = sorted(times_us[WARM_UP:])
    return {"p50_us": ordered[len(ordered) // 2], "p99_us": ordered[len(ordered) * 99 // 100]}


async def start(ten_env: AsyncTenEnv, graph_json: str) -> str:
    cmd = StartGraphCmd.create()
    cmd.set_dests([Loc("")])
    cmd.set_graph_from_json(graph_json)
    result, _error = await ten_env.send_cmd(cmd)
    assert result is not None and result.get_status_code() == StatusCode.OK
    return result.get_property_string("graph_id")[0]


async def stop(ten_env: AsyncTenEnv, graph_id: str) -> None:
    cmd = StopGraphCmd.create()
    cmd.set_dests([Loc("")])
    cmd.set_graph_id(graph_id)
    result, _error = await ten_env.send_cmd(cmd)
    assert result is not None and result.get_status_code() == StatusCode.OK


async def measure_latency(_director: Director, ten_env: AsyncTenEnv, _graphs: int) -> dict[str, float]:
    """50 graphs of two extensions, each with a frame every 10 ms: as many conversations as one process might carry."""
    graph_json = json.dumps(chain("stamped", 2))
    graph_ids = [await start(ten_env, graph_json) for _ in range(50)]
    await asyncio.sleep(0.5)
    latencies_s.clear()
    await asyncio.sleep(3)
    ordered = sorted(latencies_s)
    for graph_id in graph_ids:
        await stop(ten_env, graph_id)
    return {
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "frames": len(ordered),
        "machine_p99_ms": await lateness_of_this_machine() * 1000,
    }


async def lateness_of_this_machine() -> float:
    """The p99 of a bare call_soon while nothing else is to do: what other processes take away from any program."""
    loop = asyncio.get_running_loop()
    delays_s = []
    for _ in range(1500):
        await asyncio.sleep(0.002)
        called = loop.create_future()
        started = time.perf_counter()
        loop.call_soon(called.set_result, None)
        await called
        delays_s.append(time.perf_counter() - started)
    return sorted(delays_s)[len(delays_s) * 99 // 100]


async def measure_cycle(_director: Director, ten_env: AsyncTenEnv, _graphs: int) -> dict[str, float]:
    graph_json = json.dumps(chain("hop", 8))
    times_ms = []
    for _ in range(300):
        started = time.perf_counter()
        await stop(ten_env, await start(ten_env, graph_json))
        times_ms.append((time.perf_counter() - started) * 1000)
    ordered = sorted(times_ms[50:])
    return {"cycle_ms": ordered[len(ordered) // 2], "p99_ms": ordered[len(ordered) * 99 // 100]}


def rss_bytes() -> int:
    """Resident memory now; where the system does not tell it, the peak."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


async def measure_memory(_director: Director, ten_env: AsyncTenEnv, _graphs: int) -> dict[str, float]:
    graph_json = json.dumps(chain("hop", 8))
    for _ in range(20):
        await stop(ten_env, await start(ten_env, graph_json))
    gc.collect()
    before = rss_bytes()
    count = 400
    for _ in range(count):
        await start(ten_env, graph_json)
    gc.collect()
    return {"kb_per_graph": (rss_bytes() - before) / count / 1000}


async def measure_growth(_director: Director, ten_env: AsyncTenEnv, graphs: int) -> dict[str, float]:
    """Resident memory over the last nine tenths, by least squares; and what is left over at the end."""
    graph_json = json.dumps(chain("hop", 8))

    def left() -> tuple[int, int, int]:
        gc.collect()
        return len(gc.get_objects()), len(asyncio.all_tasks()), threading.active_count()

    samples: list[tuple[int, int]] = []
    first = (0, 0, 0)
    for index in range(graphs):
        await stop(ten_env, await start(ten_env, graph_json))
        if index == graphs // 10:
            first = left()
        if index > graphs // 10 and index % max(1, graphs // 100) == 0:
            gc.collect()
            samples.append((index, rss_bytes()))
    last = left()
    return {
        "bytes_per_graph": slope(samples),
        "objects": last[0] - first[0],
        "tasks": last[1] - first[1],
        "threads": last[2] - first[2],
        "graphs": graphs,
    }


def slope(samples: list[tuple[int, int]]) -> float:
    mean_x = sum(x for x, _y in samples) / len(samples)
    mean_y = sum(y for _x, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _y in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


async def measure_startup(_director: Director, ten_env: AsyncTenEnv, _graphs: int) -> dict[str, float]:
    """From the first line of this process's main module to the first message handled by another extension."""
    await ten_env.send_cmd(Cmd.create("ping"))
    elapsed_s = time.perf_counter() - STARTED_S
    return {"startup_ms": elapsed_s * 1000, "startup_cpu_ms": (time.process_time() - STARTED_CPU_S) * 1000}


PROBES: dict[str, Probe] = {
    "chain": measure_chain,
    "command": measure_command,
    "latency": measure_latency,
    "cycle": measure_cycle,
    "memory": measure_memory,
    "growth": measure_growth,
    "startup": measure_startup,
}


def register(name: str, extension: type[AsyncExtension]) -> None:
    @register_addon_as_extension(name)
    class _Addon(Addon):
        def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
            ten_env.on_create_instance_done(extension(name), context)


class BenchApp(App):
    def on_configure(self, ten_env: TenEnv) -> None:
        graph = chain("hop", 5)
        graph["nodes"].append({"type": "extension", "name": "director", "addon": "director"})
        graph["connections"] += [
            {
                "extension": "director",
                "audio_frame": [{"name": "pcm", "dest": [{"extension": "n0"}]}],
                "cmd": [{"name": "ping", "dest": [{"extension": "n0"}]}],
            },
            {"extension": "n4", "audio_frame": [{"name": "pcm", "dest": [{"extension": "director"}]}]},
        ]
        quiet = {"matchers": [{"level": "warn"}], "formatter": {"type": "plain"}, "emitter": {"type": "console"}}
        predefined = [{"name": "bench", "auto_start": True, "graph": graph}]
        properties = {"ten": {"log": {"handlers": [quiet]}, "predefined_graphs": predefined}}
        ten_env.init_property_from_json(json.dumps(properties))
        ten_env.on_configure_done()


def main() -> None:
    Director.probe = staticmethod(PROBES[sys.argv[1]])
    Director.graphs = int(sys.argv[2])
    register("hop", Hop)
    register("stamped", Stamped)
    register("director", Director)
    BenchApp().run(False)


if __name__ == "__main__":
    main()
