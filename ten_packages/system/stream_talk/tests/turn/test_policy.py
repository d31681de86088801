"""The floor's transition table keeps the invariants stated above it, along every path."""

from itertools import product

from stream_talk.turn.policy import SHOWN, TABLE, Action, Event, Floor, step

AUDIBLE = {Floor.SPEAKING, Floor.DUCKED}
HAS_REPLY = {Floor.THINKING, Floor.SPEAKING, Floor.DUCKED, Floor.PAUSED}


def test_stop_silences_from_every_state():
    for floor in Floor:
        after, actions = step(floor, Event.STOP)
        assert after is Floor.LISTENING
        assert (Action.CUT in actions) == (floor in HAS_REPLY)


def test_no_reply_is_left_playing_unattended():
    for (floor, event), (after, actions) in TABLE.items():
        if floor in AUDIBLE and after not in AUDIBLE and event is not Event.REPLY_OVER:
            assert {Action.CUT, Action.PAUSE} & set(actions), (floor, event)
        if floor is Floor.PAUSED and after is not Floor.PAUSED:
            assert {Action.CUT, Action.RESUME} & set(actions), event


def test_only_a_finished_turn_is_committed():
    for (_, event), (after, actions) in TABLE.items():
        assert (Action.COMMIT in actions) == (event is Event.TURN_OVER)
        if Action.COMMIT in actions:
            assert after is Floor.THINKING


def test_every_state_is_reachable_and_leads_back_to_listening():
    reachable, frontier = {Floor.LISTENING}, [Floor.LISTENING]
    while frontier:
        floor = frontier.pop()
        for event in Event:
            after, _ = step(floor, event)
            if after not in reachable:
                reachable.add(after)
                frontier.append(after)
    assert reachable == set(Floor) == set(SHOWN)


def test_duck_and_pause_are_always_undone_before_the_next_reply():
    """From a speaking assistant, any four events: the volume is back to normal whenever the floor is free again."""
    for path in product(Event, repeat=4):
        floor, disturbed = Floor.SPEAKING, False
        for event in path:
            floor, actions = step(floor, event)
            for action in actions:
                if action in (Action.DUCK, Action.PAUSE):
                    disturbed = True
                if action in (Action.UNDUCK, Action.RESUME, Action.CUT):
                    disturbed = False
            assert disturbed == (floor in (Floor.DUCKED, Floor.PAUSED)), path


def test_an_event_without_a_row_is_ignored():
    assert step(Floor.LISTENING, Event.PAUSE_DUE) == (Floor.LISTENING, ())
