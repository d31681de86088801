"""Words a listener says without wanting the floor, and words that take it at once. English and Chinese."""

from __future__ import annotations

from stream_talk.turn.words import words_of

# Pure noise of thinking or agreeing: never content, not even as the first words after the person's own turn.
FILLERS = frozenset(
    "uh um uhm er erm hm hmm hmmm mm mmm mhm mhmm mmhmm uh-huh mm-hmm mm-hm ah eh huh ooh haha ha "
    "嗯 呃 额 唔 哦 喔 噢 啊 诶 欸 哈 呵 哎 唉".split()
)

# Noise of thinking alone: a turn that consists of nothing else asks for no answer ("mhm" and "嗯" may mean yes).
HESITATIONS = frozenset("uh um uhm er erm hm hmm hmmm ah eh 呃 额 啊 诶 欸 哎 唉".split())

# Signs of listening while the other speaks.
BACKCHANNELS = FILLERS | frozenset(
    "yeah yep yup yes ok okay right sure really wow oh nice cool great true exactly indeed good alright aha yea "
    "absolutely definitely totally gotcha interesting perfect 对 是 好 行 對 哇 懂".split()
)

BACKCHANNEL_PHRASES: tuple[tuple[str, ...], ...] = tuple(
    tuple(words_of(phrase))
    for phrase in (
        "oh i see|i see|got it|all right|of course|go on|i know|makes sense|uh huh|mm hmm|that's right|fair enough|no way|"
        "you're right|sounds good|no kidding|i understand|"
        "是的|是啊|对啊|对的|好的|好啊|好吧|行吧|这样啊|是这样|原来如此|没错|明白了|明白|知道了|我知道|我明白|真的吗|真的|可以|当然|继续|"
        "懂了|了解|有道理|不错|有意思|厉害|這樣啊|原來如此|沒錯|真的嗎|瞭解"
    ).split("|")
)

STOP_PHRASES: frozenset[tuple[str, ...]] = frozenset(
    tuple(words_of(phrase))
    for phrase in (
        "stop|stop it|stop that|stop talking|stop speaking|stop there|just stop|can you stop|could you stop|be quiet|quiet|"
        "shut up|enough|that's enough|enough already|hush|shush|silence|never mind|nevermind|cancel|cut it out|"
        "停|停一下|停下|停下来|停止|别说了|别讲了|别说话|不要说了|不用说了|安静|安静一下|闭嘴|够了|住口|住嘴|打住|算了|"
        "停下來|別說了|別講了|不要說了|不用說了|安靜|閉嘴|夠了"
    ).split("|")
)
# What people put around a wish for silence.
_POLITE = frozenset("please ok okay now no hey oh well wait thanks 请 請 你 您 先 快 好 吧 啊 呀 啦".split())


def content_words(text: str) -> list[str]:
    """What is left of `text` when signs of listening are taken away; empty for a pure backchannel."""
    words = words_of(text)
    for phrase in BACKCHANNEL_PHRASES:  # longer ones stand before those that they contain
        words = _without(words, phrase)
    return [word for word in words if word not in BACKCHANNELS]


def only_fillers(text: str) -> bool:
    """True for an empty text and for nothing but "um" and "嗯"."""
    return all(word in FILLERS for word in words_of(text))


def only_hesitation(text: str) -> bool:
    return all(word in HESITATIONS for word in words_of(text))


def is_stop(text: str) -> bool:
    """The whole utterance asks for silence ("stop", "no, please stop", "停"), not a sentence that merely contains the word."""
    words = words_of(text)
    while words:
        if tuple(words) in STOP_PHRASES:
            return True
        if words[-1] in _POLITE or words[-2:-1] == words[-1:]:
            words = words[:-1]
        elif words[0] in _POLITE:
            words = words[1:]
        else:
            return False
    return False


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
