"""The engine alone: what it says, when, and how it stops."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from stream_talk.engines.interfaces import EngineUnavailable, SpeechChunk, SpeechRequest, Viseme, Word

from ..engine import EspeakEngine, pieces_of
from ..visemes import VISEMES, viseme_of


class Token:
    cancelled = False


@pytest.fixture(scope="module")
def engine() -> EspeakEngine:
    engine = EspeakEngine(voice="en-us")
    engine.load()
    engine.warm_up()
    return engine


def speak(engine: EspeakEngine, text: str, first: bool = True, **options: object) -> list[SpeechChunk]:
    return list(engine.speak(SpeechRequest(text, dict(options), first_of_reply=first), Token()))


def pcm_of(chunks: list[SpeechChunk]) -> np.ndarray:
    return np.concatenate([chunk.pcm for chunk in chunks]) if chunks else np.zeros(0, np.int16)


def words_of(chunks: list[SpeechChunk]) -> list[Word]:
    return [word for chunk in chunks for word in chunk.words]


def visemes_of(chunks: list[SpeechChunk]) -> list[Viseme]:
    return [viseme for chunk in chunks for viseme in chunk.visemes]


def same_sound(one: list[SpeechChunk], other: list[SpeechChunk]) -> bool:
    """Alike but for espeak's flutter: the same length within a millisecond, and the same loudness over time."""
    a, b = pcm_of(one).astype(float), pcm_of(other).astype(float)
    if abs(len(a) - len(b)) > 25:
        return False
    count = min(len(a), len(b)) // 1102
    levels = [np.sqrt((x[: count * 1102].reshape(count, 1102) ** 2).mean(axis=1)) for x in (a, b)]
    return float(np.abs(levels[0] - levels[1]).max()) < 0.15 * float(levels[0].max())


def length_ms(chunks: list[SpeechChunk], engine: EspeakEngine) -> float:
    return len(pcm_of(chunks)) * 1000 / engine.sample_rate_hz


def test_sound_comes_in_pieces_and_is_loud(engine: EspeakEngine) -> None:
    chunks = speak(engine, "Hello, how are you today?")
    assert len(chunks) > 10
    assert max(len(chunk.pcm) for chunk in chunks) <= engine.sample_rate_hz // 10
    assert np.sqrt(np.mean(pcm_of(chunks).astype(float) ** 2)) > 1000


def test_words_are_those_of_the_text_in_order_and_inside_the_sound(engine: EspeakEngine) -> None:
    text = "Dr. Smith paid $3.14 for 2 apples, out of the blue."
    chunks = speak(engine, text)
    words = words_of(chunks)
    assert [word.text for word in words] == text.split()
    assert all(b.start_ms >= a.start_ms + a.duration_ms for a, b in itertools.pairwise(words))
    assert words[0].start_ms < 20 and words[-1].start_ms + words[-1].duration_ms <= length_ms(chunks, engine) + 1
    assert words[3].duration_ms > 3 * words[4].duration_ms, "$3.14 is five spoken words"


def test_chinese_is_spoken_by_a_chinese_voice_character_by_character(engine: EspeakEngine) -> None:
    chunks = speak(engine, "你好，今天天气怎么样？")
    assert [word.text for word in words_of(chunks)] == ["你", "好，", "今", "天", "天", "气", "怎", "么", "样？"]
    assert 1500 < length_ms(chunks, engine) < 4000
    assert {viseme.viseme for viseme in visemes_of(chunks)} & {"aa", "I", "CH"}


def test_mixed_scripts_change_the_voice_run_by_run(engine: EspeakEngine) -> None:
    words = words_of(speak(engine, "我叫 Tom Smith，很高兴。"))
    assert [word.text.rstrip("，。") for word in words] == ["我", "叫", "Tom", "Smith", "很", "高", "兴"]
    assert all(b.start_ms >= a.start_ms for a, b in itertools.pairwise(words))


def test_visemes_cover_the_speech_without_overlap(engine: EspeakEngine) -> None:
    visemes = visemes_of(speak(engine, "My father thinks she buys fresh food."))
    assert {viseme.viseme for viseme in visemes} <= set(VISEMES)
    assert {"PP", "FF", "TH", "SS", "CH", "aa", "DD"} <= {viseme.viseme for viseme in visemes}
    assert all(b.start_ms >= a.start_ms + a.duration_ms for a, b in itertools.pairwise(visemes))


@pytest.mark.parametrize(
    ("phoneme", "viseme"),
    [
        ("p", "PP"),
        ("'eI", "E"),
        ("tS;h", "CH"),
        ("T", "TH"),
        ("_:", "sil"),
        ("(en)", "sil"),
        ("oU", "U"),
        ("n", "nn"),
        ("X", "kk"),
    ],
)
def test_phonemes_have_their_mouth_shape(phoneme: str, viseme: str) -> None:
    assert viseme_of(phoneme) == viseme


def test_every_phoneme_of_ordinary_speech_is_known(engine: EspeakEngine) -> None:
    """Unknown mnemonics fall back to E; in pangrams of both languages that must not be needed."""
    from ..visemes import _BY_MNEMONIC, _LONGEST

    text = "The quick brown fox jumps over the lazy dog; she measured our huge chair, boy! 是的，学生去日本买书，二十四只船飞过女儿国。"
    phonemes = {viseme.phoneme for viseme in visemes_of(speak(engine, text)) if viseme.phoneme}
    unknown = {
        p for p in phonemes if not any(p.lstrip("'\",%=_|~")[:n] in _BY_MNEMONIC for n in range(_LONGEST, 0, -1))
    }
    assert unknown == set()


def test_first_sound_does_not_wait_for_the_clause(engine: EspeakEngine) -> None:
    """Order, not time: the first chunk is handed out while the library still works."""
    stream = engine.speak(SpeechRequest("word " * 2000), Token())
    first = next(stream)
    assert 0 < len(first.pcm) < engine.sample_rate_hz
    stream.close()
    assert speak(engine, "Still here.")


def test_cancel_ends_the_sound_and_leaves_the_engine_usable(engine: EspeakEngine) -> None:
    token = Token()
    stream = engine.speak(SpeechRequest("one two three four five six seven eight nine ten " * 20), token)
    next(stream)
    token.cancelled = True
    assert len(list(stream)) == 0
    assert length_ms(speak(engine, "Next."), engine) > 200


def test_the_next_clause_of_a_reply_begins_after_a_pause(engine: EspeakEngine) -> None:
    alone, following = speak(engine, "And then."), speak(engine, "And then.", first=False)
    assert length_ms(following, engine) - length_ms(alone, engine) == pytest.approx(140, abs=15)
    assert words_of(following)[0].start_ms - words_of(alone)[0].start_ms == pytest.approx(140, abs=15)
    assert not np.any(following[0].pcm)


def test_rate_pitch_volume_and_voice_are_options_of_a_request(engine: EspeakEngine) -> None:
    text = "The same sentence in other ways."
    normal = speak(engine, text)
    assert length_ms(speak(engine, text, rate=2.0), engine) < 0.7 * length_ms(normal, engine)
    assert np.abs(pcm_of(speak(engine, text, volume=0.3))).max() < 0.6 * np.abs(pcm_of(normal)).max()
    assert not np.array_equal(pcm_of(speak(engine, text, pitch=1.6))[:20000], pcm_of(normal)[:20000])
    assert not np.array_equal(pcm_of(speak(engine, text, voice="de"))[:20000], pcm_of(normal)[:20000])
    assert same_sound(speak(engine, text, language="de"), speak(engine, text, voice="de"))
    assert same_sound(speak(engine, text), normal), "options of one request do not stay"


@pytest.mark.parametrize("text", ["", " ", "...", "😀", "\x00\x01", "—", "\ud800"])
def test_what_cannot_be_spoken_makes_no_sound(engine: EspeakEngine, text: str) -> None:
    assert speak(engine, text) == []


@pytest.mark.parametrize(
    "text", ["a\x00b", "<speak>x</speak>", "https://example.org/a?b=c", "ｆｕｌｌ", "Ω ж あ", "9" * 400, "x" * 3000]
)
def test_odd_text_is_spoken_without_harm(engine: EspeakEngine, text: str) -> None:
    assert length_ms(speak(engine, text), engine) > 50


def test_long_text_is_cut_into_pieces_that_lose_nothing() -> None:
    from ..engine import Settings

    text = "This is a sentence of some length, with a comma. " * 200
    pieces = [piece for piece, _ in pieces_of(text, Settings())]
    assert "".join(pieces).split() == text.split()
    assert max(map(len, pieces)) <= 301


def test_an_unknown_voice_is_named_with_what_to_write() -> None:
    with pytest.raises(EngineUnavailable, match="en-us"):
        EspeakEngine(voice="klingon-9").load()


def test_an_unknown_voice_of_one_request_does_not_silence_it(engine: EspeakEngine) -> None:
    assert same_sound(speak(engine, "Hello.", voice="klingon-9"), speak(engine, "Hello."))


def test_voices_are_listed(engine: EspeakEngine) -> None:
    voices = {voice.name.lower(): voice for voice in engine.voices()}
    assert {"en-us", "cmn", "yue", "de", "fr"} <= set(voices)
    assert voices["cmn"].language == "cmn"


def test_a_fresh_worker_makes_the_same_sounds() -> None:
    """espeak lets its pitch flutter on from utterance to utterance; from its start on the sequence is always the same."""
    program = (
        "import hashlib, sys\n"
        "from stream_talk.engines.interfaces import SpeechRequest\n"
        "from stream_talk.engines.spec import EngineSpec\n"
        "engine = EngineSpec.at(sys.argv[1], 'EspeakEngine', {'voice': 'en-us'}).create()\n"
        "engine.load()\n"
        "token = type('Token', (), {'cancelled': False})\n"
        "for text in ('Again and again.', 'Six slim ships.'):\n"
        "    print(hashlib.sha256(b''.join(c.pcm.tobytes() for c in engine.speak(SpeechRequest(text), token))).hexdigest())\n"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent.parent / "engine.py")]
    runs = [subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1] and len(runs[0].split()) == 2


def test_cancelling_is_prompt(engine: EspeakEngine) -> None:
    """Not a measurement: a cancel that waited for the clause (minutes of sound) would take much longer than this."""
    token = Token()
    stream = engine.speak(SpeechRequest("several words that go on " * 400), token)
    next(stream)
    token.cancelled = True
    began = time.perf_counter()
    stream.close()
    assert time.perf_counter() - began < 1.0
