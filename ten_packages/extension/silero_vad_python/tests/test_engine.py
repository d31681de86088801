"""Silero's network without its package: decisions, state per session, one model for all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable

from tests import speech

from ..engine import HOP_SAMPLES, SileroVadEngine, find_model, shared_model


def loaded() -> SileroVadEngine:
    engine = SileroVadEngine()
    engine.load()
    engine.warm_up()
    return engine


def probabilities(engine: SileroVadEngine, pcm: np.ndarray) -> np.ndarray:
    starts = range(0, len(pcm) - HOP_SAMPLES + 1, HOP_SAMPLES)
    return np.array([engine.probability(pcm[start : start + HOP_SAMPLES]) for start in starts], dtype=float)


@pytest.mark.speech
def test_it_hears_speech_and_nothing_else() -> None:
    speech.require()
    engine = loaded()
    assert (probabilities(engine, speech.trimmed(speech.pcm("conf-kicked"))) > 0.5).mean() > 0.8
    tone = (np.sin(2 * np.pi * 440 * np.arange(32000) / 16000) * 8000).astype(np.int16)
    hiss = (np.random.default_rng(0).standard_normal(32000) * 500).astype(np.int16)
    for quiet in (np.zeros(32000, np.int16), tone, hiss):
        engine.reset()
        assert (probabilities(engine, quiet) > 0.5).mean() < 0.05


@pytest.mark.speech
def test_sessions_share_the_model_and_nothing_else() -> None:
    speech.require()
    spoken = speech.trimmed(speech.pcm("conf-kicked"))
    one, other = loaded(), loaded()
    assert one._model is other._model
    alone = probabilities(one, spoken)
    one.reset()
    other.probability(spoken[1000 : 1000 + HOP_SAMPLES])
    interleaved = []
    for start in range(0, len(spoken) - HOP_SAMPLES + 1, HOP_SAMPLES):
        interleaved.append(one.probability(spoken[start : start + HOP_SAMPLES]))
        other.probability(np.zeros(HOP_SAMPLES, np.int16))
    assert np.array_equal(alone, np.array(interleaved))


@pytest.mark.speech
def test_run_together_they_find_what_each_finds_alone() -> None:
    speech.require()
    spoken = speech.trimmed(speech.pcm("conf-kicked"))
    starts = range(0, len(spoken) - HOP_SAMPLES + 1, HOP_SAMPLES)
    alone, shifted = loaded(), loaded()
    expected = [
        (alone.probability(spoken[s : s + HOP_SAMPLES]), shifted.probability(spoken[-s:][:HOP_SAMPLES]))
        for s in starts[1:]
    ]
    one, two = loaded(), loaded()
    network = one.network
    assert network is two.network and network is not None
    found = []
    for number, start in enumerate(starts[1:]):
        hops = (spoken[start : start + HOP_SAMPLES], spoken[-start:][:HOP_SAMPLES])
        if number % 3 == 2:  # now and then they are not together
            found.append((one.probability(hops[0]), two.probability(hops[1])))
        else:
            found.append(tuple(network.together([one, two], hops)))
    assert np.array(found) == pytest.approx(np.array(expected), abs=1e-4)
    assert max(first for first, _ in found) > 0.9


def test_neither_torch_nor_the_package_is_imported() -> None:
    program = (
        "import sys\n"
        "from stream_talk.engines.spec import EngineSpec\n"
        "engine = EngineSpec.at(sys.argv[1], 'SileroVadEngine').create()\n"
        "engine.load(); engine.warm_up()\n"
        "assert not {'torch', 'silero_vad'} & set(sys.modules), 'too much was imported'\n"
    )
    file = Path(__file__).parent.parent / "engine.py"
    subprocess.run([sys.executable, "-c", program, str(file)], check=True, timeout=60)


def test_a_path_takes_precedence_and_a_wrong_one_is_named() -> None:
    assert shared_model(str(find_model())) is shared_model("")
    with pytest.raises(EngineUnavailable, match=r"/no/such\.onnx.*pip install --no-deps silero-vad"):
        SileroVadEngine("/no/such.onnx").load()


def test_another_network_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"not a model")
    with pytest.raises(EngineUnavailable, match=r"wrong\.onnx"):
        SileroVadEngine(str(wrong)).load()
