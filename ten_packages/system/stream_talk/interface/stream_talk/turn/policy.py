"""Whose turn is it? The floor of a conversation as a transition table.

States of the floor:

| state | the person | the assistant |
|---|---|---|
| LISTENING | silent | silent |
| HEARING | speaks | silent |
| ENDING | paused; is it over? | silent, perhaps drafting |
| THINKING | silent | prepares a reply; nothing of it was heard |
| SPEAKING | silent | is heard |
| DUCKED | makes a sound | is heard, quieter |
| PAUSED | made a sound | holds a reply: nothing comes out until it is decided what the sound was |

Invariants, checked by tests over every path of the table:

1. From every state STOP leads to LISTENING, and if a reply existed it is cut in the same step.
2. The assistant is audible only in SPEAKING and DUCKED. Every way out of them that is not the reply's own end carries CUT or
   PAUSE, and every way out of PAUSED carries RESUME or CUT: no reply is left hanging, none plays on unattended.
3. A turn is committed (COMMIT) only on TURN_OVER; a sound alone never commits anything and never loses what was committed.
4. In THINKING a sound holds the reply (PAUSE) instead of dropping it: a cough costs a moment, not an answer.
5. An event without a row in a state is ignored. There is no state in which the person's words are not listened to; that is
   the recogniser's business and does not depend on the floor.
"""

from __future__ import annotations

from enum import Enum


class Floor(Enum):
    LISTENING = "listening"
    HEARING = "hearing"
    ENDING = "ending"
    THINKING = "thinking"
    SPEAKING = "speaking"
    DUCKED = "ducked"
    PAUSED = "paused"


class Event(Enum):
    SPEECH_START = "the person starts to make a sound that counts"
    SPEECH_END = "the sound has ended"
    TURN_OVER = "the endpoint decision, a commit, or a typed message: the person's turn is complete"
    NOTHING_SAID = "the sound held no words"
    SAY = "the assistant speaks on its own: greeting, timer, reminder"
    AUDIBLE = "the first sample of the reply left the loudspeaker"
    PAUSE_DUE = "the sound goes on"
    FALSE_ALARM = "the sound was no interruption"
    INTERRUPTED = "the sound was an interruption"
    REPLY_OVER = "the reply was heard to its end, or has no sound, or failed"
    STOP = "explicit stop"


class Action(Enum):
    OPEN_TURN = "a turn of the person begins"
    AWAIT_END = "start to weigh whether the turn is over"
    GO_ON = "the turn was not over: stop weighing"
    CLOSE_TURN = "forget the turn, it was empty"
    COMMIT = "the turn becomes history and gets its answer"
    DUCK = "quieter"
    UNDUCK = "full volume"
    PAUSE = "hold the reply"
    RESUME = "go on with it at the word boundary"
    CUT = "drop the reply; history keeps what was heard"


_F, _E, _A = Floor, Event, Action

TABLE: dict[tuple[Floor, Event], tuple[Floor, tuple[Action, ...]]] = {
    (_F.LISTENING, _E.SPEECH_START): (_F.HEARING, (_A.OPEN_TURN,)),
    (_F.LISTENING, _E.TURN_OVER): (_F.THINKING, (_A.COMMIT,)),
    (_F.LISTENING, _E.SAY): (_F.THINKING, ()),
    (_F.LISTENING, _E.STOP): (_F.LISTENING, ()),
    (_F.HEARING, _E.SPEECH_END): (_F.ENDING, (_A.AWAIT_END,)),
    (_F.HEARING, _E.TURN_OVER): (_F.THINKING, (_A.COMMIT,)),
    (_F.HEARING, _E.NOTHING_SAID): (_F.LISTENING, (_A.CLOSE_TURN,)),
    (_F.HEARING, _E.STOP): (_F.LISTENING, (_A.CLOSE_TURN,)),
    (_F.ENDING, _E.SPEECH_START): (_F.HEARING, (_A.GO_ON,)),
    (_F.ENDING, _E.TURN_OVER): (_F.THINKING, (_A.COMMIT,)),
    (_F.ENDING, _E.NOTHING_SAID): (_F.LISTENING, (_A.CLOSE_TURN,)),
    (_F.ENDING, _E.STOP): (_F.LISTENING, (_A.CLOSE_TURN,)),
    (_F.THINKING, _E.SPEECH_START): (_F.PAUSED, (_A.PAUSE,)),
    (_F.THINKING, _E.TURN_OVER): (_F.THINKING, (_A.CUT, _A.COMMIT)),
    (_F.THINKING, _E.AUDIBLE): (_F.SPEAKING, ()),
    (_F.THINKING, _E.REPLY_OVER): (_F.LISTENING, ()),
    (_F.THINKING, _E.STOP): (_F.LISTENING, (_A.CUT,)),
    (_F.SPEAKING, _E.SPEECH_START): (_F.DUCKED, (_A.DUCK,)),
    (_F.SPEAKING, _E.TURN_OVER): (_F.THINKING, (_A.CUT, _A.COMMIT)),
    (_F.SPEAKING, _E.REPLY_OVER): (_F.LISTENING, ()),
    (_F.SPEAKING, _E.STOP): (_F.LISTENING, (_A.CUT,)),
    (_F.DUCKED, _E.PAUSE_DUE): (_F.PAUSED, (_A.PAUSE,)),
    (_F.DUCKED, _E.FALSE_ALARM): (_F.SPEAKING, (_A.UNDUCK,)),
    (_F.DUCKED, _E.INTERRUPTED): (_F.HEARING, (_A.CUT, _A.OPEN_TURN)),
    (_F.DUCKED, _E.TURN_OVER): (_F.THINKING, (_A.CUT, _A.COMMIT)),
    (_F.DUCKED, _E.REPLY_OVER): (_F.HEARING, (_A.UNDUCK, _A.OPEN_TURN)),
    (_F.DUCKED, _E.STOP): (_F.LISTENING, (_A.CUT, _A.CLOSE_TURN)),
    (_F.PAUSED, _E.FALSE_ALARM): (_F.THINKING, (_A.RESUME,)),
    (_F.PAUSED, _E.INTERRUPTED): (_F.HEARING, (_A.CUT, _A.OPEN_TURN)),
    (_F.PAUSED, _E.TURN_OVER): (_F.THINKING, (_A.CUT, _A.COMMIT)),
    (_F.PAUSED, _E.REPLY_OVER): (_F.HEARING, (_A.RESUME, _A.OPEN_TURN)),
    (_F.PAUSED, _E.STOP): (_F.LISTENING, (_A.CUT, _A.CLOSE_TURN)),
}


def step(floor: Floor, event: Event) -> tuple[Floor, tuple[Action, ...]]:
    """The next state of the floor and what has to be done on the way."""
    return TABLE.get((floor, event), (floor, ()))


# What the person is shown (`message {type: state}`): a pause within the turn is still "hearing" to them.
SHOWN = {
    Floor.LISTENING: "listening",
    Floor.HEARING: "hearing",
    Floor.ENDING: "hearing",
    Floor.THINKING: "thinking",
    Floor.SPEAKING: "speaking",
    Floor.DUCKED: "speaking",
    Floor.PAUSED: "paused",
}
