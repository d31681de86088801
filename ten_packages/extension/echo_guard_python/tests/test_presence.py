"""Where there is no echo, the guard stands aside; where there is one, however faint, it stays."""

from __future__ import annotations

import numpy as np
import pytest

from tests import speech

from ..engine import EchoGuardEngine, Processing
from ..presence import EchoPresence

RATE_HZ = 16000
SECONDS = 30
pytestmark = pytest.mark.speech


@pytest.fixture(scope="module")
def prompts() -> list[np.ndarray]:
    speech.require()
    return [speech.trimmed(speech.pcm(prompt)).astype(np.float64) for prompt in speech.sample(60, min_words=5, seed=5)]


@pytest.fixture(scope="module")
def voice(prompts: list[np.ndarray]) -> np.ndarray:
    """Our replies: 2.5 s of speech, 1.5 s of silence."""
    ours = np.resize(np.concatenate(prompts[:30]), SECONDS * RATE_HZ)
    return ours * (np.arange(len(ours)) % (4 * RATE_HZ) < 2.5 * RATE_HZ)


@pytest.fixture(scope="module")
def person(prompts: list[np.ndarray]) -> np.ndarray:
    """Somebody who talks from the tenth second on, over our voice or not."""
    spoken = np.zeros(SECONDS * RATE_HZ)
    at = 10 * RATE_HZ
    for prompt in prompts[30:]:
        piece = prompt[: max(0, len(spoken) - at)]
        spoken[at : at + len(piece)] += piece
        at += len(piece) + RATE_HZ // 2
    return spoken


def room(voice: np.ndarray, gain: float, noise: float) -> np.ndarray:
    random = np.random.default_rng(1)
    response = random.standard_normal(1920) * np.exp(-np.arange(1920) / 300)
    response /= np.sqrt((response**2).sum())
    echo = np.concatenate([np.zeros(960), np.convolve(voice, response)])[: len(voice)]
    return gain * echo + random.standard_normal(len(voice)) * noise


def pcm(samples: np.ndarray) -> np.ndarray:
    return np.clip(samples, -32768, 32767).astype(np.int16)


def watch(microphone: np.ndarray, voice: np.ndarray) -> np.ndarray:
    """For each 10 ms: was the echo held to be absent?"""
    presence = EchoPresence()
    heard, ours = pcm(microphone), pcm(voice)
    return np.array([presence.step(heard[i : i + 160], ours[i : i + 160]) for i in range(0, len(heard), 160)])


@pytest.mark.parametrize("noise", [0.0, 4.0, 100.0])
def test_without_an_echo_it_is_absent_after_a_reply_or_two_and_nobody_talks_it_back(
    voice: np.ndarray, person: np.ndarray, noise: float
) -> None:
    absent = watch(room(voice, 0.0, noise) + person, voice)
    assert absent[9 * 100 :].all()


@pytest.mark.parametrize(("gain", "noise"), [(0.3, 4.0), (0.03, 30.0), (0.01, 30.0), (0.006, 4.0), (0.02, 100.0)])
def test_an_echo_is_never_overlooked_be_it_below_the_noise(voice: np.ndarray, gain: float, noise: float) -> None:
    assert not watch(room(voice, gain, noise), voice).any()


def test_when_the_headset_is_unplugged_it_is_soon_back(voice: np.ndarray) -> None:
    microphone = room(voice, 0.2, 4.0)
    unplugged = 16 * RATE_HZ  # a reply begins there
    microphone[:unplugged] = room(voice, 0.0, 4.0)[:unplugged]
    absent = watch(microphone, voice)
    assert absent[1599] and not absent[1750:].any()


def test_what_a_person_says_over_our_voice_stays_whole_where_there_is_no_echo(
    voice: np.ndarray, person: np.ndarray
) -> None:
    kept = {}
    for stand_aside in (True, False):
        engine = EchoGuardEngine(Processing(stand_aside=stand_aside))
        engine.load()
        cleaned = engine.process(pcm(room(voice, 0.0, 4.0) + person), pcm(voice)).astype(np.float64)
        over = (voice != 0) & (person != 0)
        kept[stand_aside] = 10 * np.log10((cleaned[over] ** 2).sum() / (person[over] ** 2).sum())
        assert engine.stands_aside is stand_aside
    assert kept[True] > -1.0
    assert kept[False] < kept[True] - 0.3
