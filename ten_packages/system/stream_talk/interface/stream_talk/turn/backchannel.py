"""Words a listener says without wanting the floor, and words that take it at once. English and Chinese."""

from __future__ import annotations

from stream_talk.turn.words import words_of

# Pure noise of thinking or agreeing: never content, not even as the first words after the person's own turn.
FILLERS = frozenset(
    "uh um uhm er erm hm hmm mm mmm mhm mmhmm uh-huh mm-hmm mm-hm ah eh huh 嗯 呃 额 唔 哦 喔 噢 啊 诶 欸".split()
)

# Noise of thinking alone: a turn that consists of nothing else asks for no answer ("mhm" and "嗯" may mean yes).
HESITATIONS = frozenset("uh um uhm er erm hm hmm ah eh 呃 额 啊 诶 欸".split())

# Signs of listening while the other speaks.
BACKCHANNELS = FILLERS | frozenset(
    "yeah yep yup yes ok okay right sure really wow oh nice cool great true exactly indeed good alright aha yea 对 是 好 行".split()
)

BACKCHANNEL_PHRASES: tuple[tuple[str, ...], ...] = tuple(
    tuple(words_of(phrase))
    for phrase in (
        "i see|got it|all right|of course|go on|i know|makes sense|uh huh|mm hmm|that's right|oh i see|fair enough|no way|"
        "是的|是啊|对啊|对的|好的|好啊|这样啊|原来如此|没错|明白|明白了|知道了|我知道|我明白|真的|真的吗|可以|当然|继续"
    ).split("|")
)

STOP_PHRASES: frozenset[tuple[str, ...]] = frozenset(
    tuple(words_of(phrase))
    for phrase in (
        "stop|stop it|stop stop|please stop|stop please|stop talking|stop now|ok stop|okay stop|be quiet|quiet|shut up|"
        "enough|that's enough|hush|silence|never mind|cancel|停|停停|停一下|停下|停下来|别说了|不要说了|安静|闭嘴|够了|住口|打住|算了"
    ).split("|")
)


def content_words(text: str) -> list[str]:
    """What is left of `text` when signs of listening are taken away; empty for a pure backchannel."""
    words = words_of(text)
    for phrase in BACKCHANNEL_PHRASES:
        words = _without(words, phrase)
    return [word for word in words if word not in BACKCHANNELS]


def only_fillers(text: str) -> bool:
    """True for an empty text and for nothing but "um" and "嗯"."""
    return all(word in FILLERS for word in words_of(text))


def only_hesitation(text: str) -> bool:
    return all(word in HESITATIONS for word in words_of(text))


def is_stop(text: str) -> bool:
    """The whole utterance asks for silence ("stop", "停"), not a sentence that merely contains the word."""
    return tuple(words_of(text)) in STOP_PHRASES


def _without(words: list[str], phrase: tuple[str, ...]) -> list[str]:
    size = len(phrase)
    index = 0
    kept: list[str] = []
    while index < len(words):
        if tuple(words[index : index + size]) == phrase:
            index += size
        else:
            kept.append(words[index])
            index += 1
    return kept
