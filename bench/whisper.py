"""`stream-talk bench whisper`: from the end of speech to the final text, beside a stock `transcribe()`, on the same model and threads."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HELP = "whisper: end of speech to final text, against stock faster-whisper (needs the extra faster-whisper)"
_ROOT = Path(__file__).resolve().parent.parent
_FIXTURES = _ROOT / "tests" / "fixtures"
_FRAME_SAMPLES = 320  # 20 ms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", default="", help="folder of a converted model; empty makes one of true size with random weights"
    )
    parser.add_argument("--size", default="tiny", choices=("nano", "tiny", "base"))
    parser.add_argument("--utterance-ms", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")


def run(options: argparse.Namespace) -> int:
    try:
        import faster_whisper  # noqa: F401
    except ImportError:
        print("faster-whisper is not installed: pip install 'stream-talk[faster-whisper]'", file=sys.stderr)
        return 1
    if not options.model and not _FIXTURES.is_dir():
        print("outside a checkout there is no script that makes a model: give --model FOLDER", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        model = options.model or _random_model(Path(scratch) / options.size, options.size)
        result = _measure(str(model), options)
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def _random_model(folder: Path, size: str) -> Path:
    sys.path.insert(0, str(_FIXTURES))
    import whisper_checkpoint

    return whisper_checkpoint.make(folder, size=size)


def _measure(model: str, options: argparse.Namespace) -> dict[str, Any]:
    import numpy as np
    from faster_whisper import WhisperModel

    rng = np.random.default_rng(3)
    pcm = (rng.standard_normal(options.utterance_ms * 16) * 3000).clip(-32767, 32767).astype(np.int16)
    samples = pcm.astype(np.float32) / 32768.0
    stock = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=options.threads)
    engine = _engine(model, options.threads, partials=True)
    deaf_engine = _engine(model, options.threads, partials=False)
    fast = {"beam_size": 1, "temperature": 0.0, "without_timestamps": True, "condition_on_previous_text": False}
    silence = np.zeros(200 * 16, np.int16)
    ways: dict[str, Callable[[], float]] = {
        "stock transcribe()": lambda: _timed(lambda: list(stock.transcribe(samples, language="en")[0])),
        "stock, greedy, no timestamps": lambda: _timed(
            lambda: list(stock.transcribe(samples, language="en", **fast)[0])
        ),
        "ours, without partials before": lambda: _final_ms(deaf_engine, pcm),
        "ours, live, at the last sample": lambda: _final_ms(engine, pcm),
        "ours, live, after 200 ms of silence": lambda: _final_ms(engine, np.concatenate([pcm, silence])),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):  # interleaved, so that a busy machine is busy for all
        for name, way in ways.items():
            times[name].append(way())
    p50 = {name: statistics.median(values) for name, values in times.items()}
    rows = {
        name: {
            "p50_ms": round(p50[name], 1),
            "max_ms": round(max(values), 1),
            "of_stock": round(p50[name] / p50["stock transcribe()"], 3),
            "of_stock_greedy": round(p50[name] / p50["stock, greedy, no timestamps"], 3),
        }
        for name, values in times.items()
    }
    return {
        "model": "random weights, " + options.size if not options.model else options.model,
        "utterance_ms": options.utterance_ms,
        "threads": options.threads,
        "rounds": options.rounds,
        "from_end_of_speech_to_final": rows,
    }


def _engine(model: str, threads: int, *, partials: bool) -> Any:
    from stream_talk.engines.spec import EngineSpec

    file = _ROOT / "ten_packages" / "extension" / "faster_whisper_asr_python" / "engine.py"
    options = {"model": model, "language": "en", "cpu_threads": threads, "partials": partials}
    engine = EngineSpec.at(file, "FasterWhisperEngine", options).create()
    engine.load()
    engine.warm_up()
    return engine


class _Never:
    cancelled = False


def _final_ms(engine: Any, pcm: Any) -> float:
    """Time of `finish` alone: what a person waits for once the last sample is in."""
    engine.open_segment("bench", {})
    for start in range(0, len(pcm), _FRAME_SAMPLES):
        engine.feed("bench", pcm[start : start + _FRAME_SAMPLES])
    return _timed(lambda: list(engine.finish("bench", _Never())))


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000.0


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['model']}, int8, {result['threads']} threads, {result['utterance_ms']} ms of speech, {result['rounds']} rounds"
    ]
    lines.append(f"{'from end of speech to final text':40} {'p50':>9} {'max':>9}  of stock  of stock greedy")
    for name, row in result["from_end_of_speech_to_final"].items():
        lines.append(
            f"{name:40} {row['p50_ms']:>6} ms {row['max_ms']:>6} ms  {row['of_stock']:8.2f}  {row['of_stock_greedy']:15.2f}"
        )
    return "\n".join(lines)
