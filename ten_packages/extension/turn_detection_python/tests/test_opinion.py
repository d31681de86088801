from __future__ import annotations

from ..opinion import Opinion
from ..text_turns import TextTurns


def judged(
    text: str, prosody: float | None = None, smart_turn: float | None = None, label: str | None = None
) -> Opinion:
    opinion = Opinion()
    opinion.heard(text)
    opinion.prosody, opinion.smart_turn, opinion.label = prosody, smart_turn, label  # type: ignore[assignment]
    return opinion


def test_words_alone_are_taken_as_they_are() -> None:
    decision = judged("what time is it").decide()
    assert (decision.state, decision.source) == ("finished", "words")


def test_the_voice_moves_a_phrase_that_could_be_either() -> None:
    text = "your temporary greeting"
    falling, held = judged(text, prosody=0.95).decide(), judged(text, prosody=0.05).decide()
    assert falling.state == "finished" and held.state == "unfinished"
    assert falling.source == held.source == "prosody"


def test_the_voice_alone_does_not_end_a_dangling_phrase_at_once() -> None:
    assert judged("I would like to", prosody=0.99).decide().probability < 0.75


def test_a_request_to_wait_stands_whatever_the_voice_says() -> None:
    assert judged("hold on", prosody=0.99, smart_turn=0.99).decide().state == "wait"


def test_smart_turn_weighs_in() -> None:
    text = "that option"
    assert judged(text, 0.5, 0.97).decide().probability > judged(text, 0.5, 0.03).decide().probability


def test_a_label_replaces_the_words_until_they_change() -> None:
    opinion = judged("your temporary greeting", label="unfinished")
    assert (opinion.decide().state, opinion.decide().source) == ("unfinished", "model")
    opinion.heard("your temporary greeting is gone")
    assert opinion.decide().source == "words"


def test_resumed_voice_forgets_what_the_voice_said() -> None:
    opinion = judged("that option", 0.99, 0.99)
    opinion.voice_resumed()
    assert opinion.decide().source == "words"


def test_small_changes_are_not_worth_a_message() -> None:
    first, same = judged("that option", 0.90).decide(), judged("that option", 0.905).decide()
    assert not same.differs_from(first) and first.differs_from(None)
    assert judged("that option", 0.1).decide().differs_from(first)


# --- TEN's own protocol ---------------------------------------------------------------------------------------------


def test_pieces_are_gathered_until_the_turn_is_finished() -> None:
    turns = TextTurns()
    turns.keep("I would like to")
    assert turns.settle("unfinished") is None
    turns.keep("order a pizza")
    assert turns.settle("finished") == "I would like to order a pizza"
    assert turns.take() == ""


def test_a_request_to_wait_is_dropped() -> None:
    turns = TextTurns()
    turns.keep("hold on")
    assert turns.settle("wait") is None and turns.take() == ""


def test_flush_is_due_once_per_turn_and_not_for_one_letter() -> None:
    turns = TextTurns()
    assert [turns.flush_due(text, final=False) for text in ("I", "I wo", "I would")] == [False, True, False]
    turns.take()
    assert turns.flush_due("a", final=True)
