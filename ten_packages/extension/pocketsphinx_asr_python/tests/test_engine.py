"""The recogniser alone: partials, stability, several people at once, bad input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, Transcript, Word

from tests import speech

from ..engine import PocketsphinxEngine
from ..stability import HELD_MS, PAST_MS, StablePrefix

CHUNK = 320


class Token:
    cancelled = False


@pytest.fixture(scope="module")
def engine() -> Iterator[PocketsphinxEngine]:
    engine = PocketsphinxEngine(max_decoders=2)
    engine.load()
    engine.warm_up()
    yield engine
    engine.close()


def recording(name: str, gain: float = 1.0) -> np.ndarray:
    speech.require()
    room = (np.random.default_rng(0).standard_normal(4800) * 3).astype(np.int16)
    return (np.concatenate([room, speech.trimmed(speech.pcm(name)), room[:3200]]) * gain).astype(np.int16)


def decode(engine: PocketsphinxEngine, pcm: np.ndarray, segment: str = "s", chunk: int = CHUNK) -> list[Transcript]:
    engine.open_segment(segment, {})
    heard = [t for start in range(0, len(pcm), chunk) for t in engine.feed(segment, pcm[start : start + chunk])]
    return [*heard, *engine.finish(segment, Token())]


def word_error_rate(engine: PocketsphinxEngine, names: list[str], gain: float = 1.0) -> float:
    errors = count = 0
    for name in names:
        reference = speech.by_name(name).words
        errors += speech.word_errors(reference, decode(engine, recording(name, gain))[-1].text.split())
        count += len(reference)
    return errors / count


NAMES = ["conf-kicked", "conf-muted", "agent-loginok"]


@pytest.mark.speech
def test_recorded_speech_is_understood_at_any_level(engine: PocketsphinxEngine) -> None:
    assert word_error_rate(engine, NAMES) < 0.35
    assert word_error_rate(engine, NAMES, gain=0.05) < 0.45


@pytest.mark.speech
def test_partials_come_while_speech_goes_on_and_the_final_has_times(engine: PocketsphinxEngine) -> None:
    pcm = recording("conf-kicked")
    *partials, final = decode(engine, pcm)
    assert len(partials) >= 5 and not any(partial.final for partial in partials)
    assert final.final and final.text == " ".join(word.text for word in final.words)
    assert all(word.stable for word in final.words)
    starts = [word.start_ms for word in final.words]
    assert starts == sorted(starts)
    assert 250 <= starts[0] <= 450, "speech begins after 300 ms of room"
    assert final.words[-1].start_ms + final.words[-1].duration_ms <= len(pcm) / 16 + 10


@pytest.mark.speech
def test_stable_words_are_never_taken_back(engine: PocketsphinxEngine) -> None:
    for name in ("agent-incorrect", "conf-kicked"):
        kept: list[str] = []
        for transcript in decode(engine, recording(name)):
            texts = [word.text for word in transcript.words]
            stable = [word.text for word in transcript.words if word.stable]
            assert texts[: len(kept)] == kept
            assert texts[: len(stable)] == stable, "stable words are a prefix"
            kept = stable
        assert kept


@pytest.mark.speech
def test_the_same_sound_gives_the_same_words_whoever_spoke_before(engine: PocketsphinxEngine) -> None:
    first = decode(engine, recording("conf-muted"))[-1].text
    decode(engine, recording("conf-kicked", gain=0.02))
    assert decode(engine, recording("conf-muted"))[-1].text == first


@pytest.mark.speech
def test_chunk_length_does_not_change_the_final(engine: PocketsphinxEngine) -> None:
    pcm = recording("conf-kicked")
    texts = {decode(engine, pcm, chunk=chunk)[-1].text for chunk in (160, 333, 1600, len(pcm))}
    assert len(texts) == 1


@pytest.mark.speech
def test_more_people_than_decoders_are_all_understood(engine: PocketsphinxEngine) -> None:
    names = ["conf-muted", "conf-locked", "agent-loginok"]
    alone = {name: decode(engine, recording(name))[-1].text for name in names}
    audio = {name: recording(name) for name in names}
    for name in names:
        engine.open_segment(name, {})
    for start in range(0, max(map(len, audio.values())), CHUNK):
        for name in names:
            engine.feed(name, audio[name][start : start + CHUNK])
    assert {name: list(engine.finish(name, Token()))[-1].text for name in names} == alone
    assert engine._made <= 2


@pytest.mark.speech
def test_a_monologue_is_cut_inside_and_loses_nothing(engine: PocketsphinxEngine) -> None:
    short = PocketsphinxEngine(longest_utterance_ms=3000)
    short.load()
    pcm = np.concatenate([recording("conf-kicked"), recording("conf-muted"), recording("conf-locked")])
    final = decode(short, pcm)[-1]
    starts = [word.start_ms for word in final.words]
    assert starts == sorted(starts)
    reference = [word for name in ("conf-kicked", "conf-muted", "conf-locked") for word in speech.by_name(name).words]
    assert speech.word_errors(reference, final.text.split()) < 0.5 * len(reference)
    assert starts[-1] > 0.7 * len(pcm) / 16
    short.close()


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(0, np.int16),
        np.zeros(1, np.int16),
        np.zeros(48000, np.int16),
        (np.random.default_rng(0).standard_normal(32000) * 4000).astype(np.int16),
        np.full(32000, 32767, np.int16),
        np.tile(np.array([32767, -32768], np.int16), 16000),
    ],
    ids=["nothing", "one sample", "silence", "noise", "offset", "square wave"],
)
def test_any_sound_ends_with_exactly_one_final(engine: PocketsphinxEngine, pcm: np.ndarray) -> None:
    transcripts = decode(engine, pcm)
    assert [t.final for t in transcripts].count(True) == 1 and transcripts[-1].final
    assert transcripts[-1].duration_ms >= 1
    assert len(transcripts[-1].words) <= 12


def test_silence_is_no_words(engine: PocketsphinxEngine) -> None:
    assert decode(engine, np.zeros(32000, np.int16))[-1].text == ""


def test_dropped_and_unknown_segments_do_no_harm(engine: PocketsphinxEngine) -> None:
    engine.open_segment("gone", {})
    list(engine.feed("gone", np.zeros(16000, np.int16)))
    engine.drop("gone")
    engine.drop("gone")
    assert decode(engine, np.zeros(16000, np.int16))[-1].final


@pytest.mark.speech
def test_a_cancelled_finish_gives_the_decoder_back(engine: PocketsphinxEngine) -> None:
    token = Token()
    token.cancelled = True
    for _ in range(5):
        engine.open_segment("s", {})
        engine.feed("s", np.zeros(3200, np.int16))
        for _transcript in engine.finish("s", token):
            pass
    assert engine._made <= 2
    assert decode(engine, recording("conf-muted"))[-1].text


def test_another_language_without_a_model_says_what_to_do() -> None:
    with pytest.raises(EngineUnavailable, match=r"zh-CN.*params\.hmm"):
        PocketsphinxEngine(language="zh-CN").load()


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineUnavailable, match=r"/no/such/model.*params\.hmm"):
        PocketsphinxEngine(hmm="/no/such/model").load()


@pytest.mark.speech
def test_hot_words_are_added() -> None:
    speech.require()
    engine = PocketsphinxEngine(hot_words={"Zaphod": "Z EY F AA D"})
    engine.load()
    decoder = engine._free[0]
    assert decoder._decoder.lookup_word("zaphod") == "Z EY F AA D"
    assert decode(engine, recording("conf-muted"))[-1].text
    engine.close()


# --- stability ------------------------------------------------------------------------------------------------------


def words(text: str) -> list[Word]:
    return [Word(word, 200 * index, 150, stable=False) for index, word in enumerate(text.split())]


def test_a_word_becomes_stable_after_a_while_and_not_at_the_edge() -> None:
    prefix = StablePrefix()
    assert not prefix.update(words("one two"), 400)
    assert not prefix.update(words("one two"), 400 + HELD_MS - 1)
    assert prefix.update(words("one two"), 400 + HELD_MS)
    assert len(prefix) == 2
    edge = StablePrefix()
    edge.update(words("one two"), 0)
    edge.update(words("one two"), 349 + PAST_MS)
    assert len(edge) == 0


def test_a_later_hypothesis_cannot_change_what_is_stable() -> None:
    prefix = StablePrefix()
    prefix.update(words("one two"), 400)
    prefix.update(words("one two"), 2000)
    assert [word.text for word in prefix.applied_to(words("won too three"))] == ["one", "two", "three"]
    assert [word.text for word in prefix.applied_to([])] == ["one", "two"]
