"""What a client may bring: functions of its own, instructions, an earlier conversation; and what it may take back."""

from simulation import Simulation

WEATHER = {"name": "weather", "description": "d", "parameters": [{"name": "city", "type": "string", "required": True}]}
CALL = {"type": "tool_call_content", "tool_call_id": "c1", "name": "weather", "arguments": {"city": "Delft"}}
EARLIER = {
    "messages": [{"role": "user", "content": "I am Ann"}, {"role": "assistant", "content": "Hi Ann"}],
    "last_turn": 7,
}


def with_functions(sim: Simulation) -> Simulation:
    sim.at(0, sim.hello)
    sim.at(10, lambda: sim.client("tools", tools=[WEATHER]))
    sim.model.answer = lambda messages: "It is sunny." if messages[-1].get("role") == "tool" else [CALL]
    return sim


def test_a_function_of_the_client_is_asked_for_and_its_answer_is_spoken():
    sim = with_functions(Simulation())
    sim.says(500, "how is the weather in delft")
    sim.run(3000)
    asked = [m for m in sim.of("tool") if m["state"] == "asked"]
    assert [(m["name"], m["call_id"], m["arguments"]) for m in asked] == [("weather", "c1", {"city": "Delft"})]
    assert sim.tool_calls == [], "no node is asked for what the client answers"
    sim.client("tool_result", call_id="c1", output="sunny, 20 degrees")
    sim.run(8000)
    outputs = [m for m in sim.model.asked[-1]["messages"] if m.get("type") == "function_call_output"]
    assert outputs[-1]["output"] == "sunny, 20 degrees"
    assert " ".join(sim.heard_words()) == "It is sunny."
    sim.client("tool_result", call_id="c1", output="again")
    sim.run(9000)
    assert len([m for m in sim.of("tool") if m["state"] == "done"]) == 1, "an answer counts once"


def test_several_functions_of_one_reply_are_announced_as_such():
    sim = with_functions(Simulation())
    other = {**CALL, "tool_call_id": "c2"}
    sim.model.answer = lambda messages: "It is sunny." if messages[-1].get("role") == "tool" else [CALL, other]
    sim.says(500, "how is the weather in delft")
    sim.run(3000)
    asked = [m for m in sim.of("tool") if m["state"] == "asked"]
    assert [(m["call_id"], m["more"]) for m in asked] == [("c1", True), ("c2", False)]
    assert len({m["request_id"] for m in asked}) == 1


def test_a_client_that_never_answers_does_not_stop_the_conversation():
    sim = with_functions(Simulation(tool_timeout_ms=1000.0))
    sim.says(500, "how is the weather in delft")
    sim.run(12000)
    outputs = [m for m in sim.model.asked[-1]["messages"] if m.get("type") == "function_call_output"]
    assert "in time" in outputs[-1]["output"]
    assert sim.states()[-1] == "listening"


def test_a_new_list_of_functions_replaces_the_old_one_and_leaves_the_nodes_tools():
    sim = with_functions(Simulation())
    sim.inputs.cmds["tool_register"](0.0, {"tool": {"name": "set_timer"}, "source": "timer"})
    sim.at(20, lambda: sim.client("tools", tools=[{"name": "other"}]))
    sim.model.answer = lambda messages: "Fine."
    sim.says(500, "hello there")
    sim.run(5000)
    assert {tool["name"] for tool in sim.model.asked[-1]["tools"]} == {"set_timer", "other"}


def test_instructions_become_the_prompt():
    sim = Simulation()
    sim.at(0, lambda: sim.hello(settings={"instructions": "Speak like a pirate."}))
    sim.says(500, "hello there")
    sim.run(5000)
    assert "Speak like a pirate." in sim.model.asked[0]["messages"][0]["content"]


def test_discarded_speech_is_not_answered():
    sim = Simulation()
    end = sim.says(500, "hello there my friend")
    sim.at(end - 50, lambda: sim.client("discard_input"))
    sim.run(4000)
    assert "hello there my friend" not in [text for _, text in sim.history()]


def test_what_is_typed_at_once_waits_for_the_earlier_conversation():
    sim = Simulation(greeting="Hello, stranger.")
    sim.memory = lambda name, body: (80.0, EARLIER if name == "memory_load" else {})
    sim.at(0, sim.hello)
    sim.at(5, lambda: sim.client("text", text="What is my name?"))
    sim.run(6000)
    assert [m.get("content") for m in sim.model.asked[0]["messages"]][-3:-1] == ["I am Ann", "Hi Ann"]
    assert sim.of("user_text")[-1]["turn_id"] == 8, "a stored turn is never written over"
    assert "stranger" not in " ".join(sim.heard_words()), "nobody is greeted in the middle of a conversation"


def test_a_memory_that_hangs_costs_half_a_second_and_no_more():
    sim = Simulation(greeting="Hello, stranger.")
    sim.memory = lambda name, body: (60_000.0, {})
    sim.at(0, sim.hello)
    sim.at(5, lambda: sim.client("text", text="What time is it?"))
    sim.run(5000)
    assert len(sim.model.asked) == 1
    assert 500 <= sim.first_sound_after(0) < 1500


def test_stop_is_obeyed_while_the_earlier_conversation_is_awaited():
    sim = Simulation()
    sim.memory = lambda name, body: (300.0, EARLIER)
    sim.at(0, sim.hello)
    sim.at(5, lambda: sim.client("stop"))
    sim.run(1000)
    assert sim.states()[-1] == "listening"
