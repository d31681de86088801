"""Speculation leaves no trace unless it hits; tools run once the turn is certain, and survive interruptions cleanly."""

from simulation import Simulation

CALL = {"type": "tool_call_content", "tool_call_id": "c1", "name": "set_timer", "arguments": {"seconds": 60}}


def with_tool(sim: Simulation, *, delay_ms: float = 50.0, on_interrupt: str = "keep") -> Simulation:
    tool = {"name": "set_timer", "description": "d", "parameters": [], "on_interrupt": on_interrupt}
    sim.inputs.cmds["tool_register"](0.0, {"tool": tool, "source": "timer"})
    sim.tool = lambda call: (delay_ms, {"type": "llmresult", "content": "set"})
    sim.model.answer = lambda messages: (
        "Done, it is set." if messages[-1].get("role") == "tool" else ["One moment. ", CALL]
    )
    return sim


def roles(sim: Simulation) -> list[str]:
    return [e.role for e in sim.conversation.history.entries]


def test_a_draft_saves_the_wait_of_an_unsure_ending():
    ttfa = {}
    for mode in ("off", "speech"):
        sim = Simulation(speculation=mode)
        sim.timing.llm_first_ms = 200
        end = sim.says(500, "the weather in paris tomorrow")
        sim.run(6000)
        ttfa[mode] = sim.first_sound_after(end) - end
        assert sim.heard_words() == ["Fine."]
    assert ttfa["speech"] < ttfa["off"] - 60
    assert sim.of("speculation")[-1]["hits"] == 1


def test_a_retracted_draft_leaves_no_sound_no_text_no_history_and_no_tool_call():
    sim = with_tool(Simulation(patience=1.0))
    end = sim.says(500, "set a timer for one minute", pauses={3: 300})
    sim.run(end - 750 + 20)
    drafted = len(sim.model.asked)
    assert drafted >= 1, "the pause was meant to open a draft"
    assert sim.first_sound_after(0) == float("inf")
    assert sim.of("assistant_text") == [] and sim.history() == [] and sim.tool_calls == []
    sim.run(12000)
    assert [c["command"] for c in sim.tool_calls] == ["tool_call"]
    assert sim.history()[0] == ("user", "set a timer for one minute")
    stats = sim.of("speculation")[-1]
    assert stats["retracted"] >= 1 and stats["wasted_ms"] > 0


def test_only_the_first_clause_of_a_draft_is_synthesised():
    sim = Simulation()
    sim.model.answer = lambda messages: "First clause here. Second clause here. Third clause here."
    sim.timing.llm_first_ms = 0
    sim.timing.llm_token_ms = 0
    end = sim.says(500, "I would like to")
    sim.run(end + 800)
    assert [text.strip() for _, text in sim.inputs_to_voice()] in ([], ["First clause here."])
    sim = Simulation()
    sim.model.answer = lambda messages: "First clause here. Second clause here. Third clause here."
    sim.timing.llm_first_ms = 0
    sim.timing.llm_token_ms = 0
    end = sim.says(500, "the weather in paris tomorrow")
    sim.run(end + 240)
    assert [text.strip() for _, text in sim.inputs_to_voice()] == ["First clause here."]
    assert sim.first_sound_after(0) == float("inf")
    sim.run(12000)
    assert sim.history()[-1] == ("assistant", "First clause here. Second clause here. Third clause here.")


def test_the_number_of_drafts_is_bounded():
    sim = Simulation(speculation_max_drafts=2, patience=1.0)
    text = "one fish and two fish and red fish and blue fish"
    sim.says(500, text, pauses={2: 350, 5: 350, 8: 350})
    sim.run(14000)
    assert len(sim.model.asked) <= 3
    assert sim.history()[0] == ("user", text)


def test_a_tool_is_called_and_its_result_is_spoken():
    sim = with_tool(Simulation())
    sim.says(500, "set a timer please")
    sim.run(9000)
    assert [c["arguments"] for c in sim.tool_calls] == [{"seconds": 60}]
    assert roles(sim) == ["user", "assistant", "tool", "assistant"]
    second = sim.model.asked[-1]["messages"]
    assert [m["role"] for m in second] == ["system", "user", "assistant", "assistant", "tool"]
    assert second[2]["content"] == "One moment. "
    assert sim.heard_words() == ["One", "moment.", "Done,", "it", "is", "set."]
    assert [m["state"] for m in sim.of("tool")] == ["running", "done"]
    requests = {b["request_id"] for _, n, b in sim.sent if n == "tts_text_input"}
    assert len(requests) == 1


def test_a_running_tool_is_kept_across_an_interruption_and_remembered():
    sim = with_tool(Simulation(), delay_ms=4000)
    sim.says(500, "set a timer please")
    sim.at(3300, lambda: sim.client("stop"))
    sim.run(9000)
    assert [m["state"] for m in sim.of("tool")] == ["running", "done"]
    assert "tool" in roles(sim)
    assert len(sim.model.asked) == 1, "the result of an interrupted reply is not talked about"


def test_a_tool_that_can_be_cancelled_is_told_so():
    sim = with_tool(Simulation(), delay_ms=4000, on_interrupt="cancel")
    sim.says(500, "set a timer please")
    sim.at(3300, lambda: sim.client("stop"))
    sim.run(9000)
    assert [c["command"] for c in sim.tool_calls] == ["tool_call", "tool_cancel"]
    assert [m["state"] for m in sim.of("tool")] == ["running", "cancelled"]
    outputs = [e.tool["output"] for e in sim.conversation.history.entries if e.role == "tool"]
    assert outputs == ["cancelled: the person interrupted"]


def test_requery_attaches_the_content_and_asks_again():
    sim = with_tool(Simulation())
    sim.tool = lambda call: (50, {"type": "requery", "content": [{"type": "text", "text": "a picture of a cat"}]})
    sim.model.answer = lambda messages: "A cat." if isinstance(messages[-1].get("content"), list) else [CALL]
    sim.says(500, "what do you see")
    sim.run(9000)
    assert sim.heard_words() == ["A", "cat."]


def test_a_tool_that_never_answers_is_given_up():
    sim = with_tool(Simulation(tool_timeout_ms=3000), delay_ms=1e9)
    sim.says(500, "set a timer please")
    sim.run(12000)
    assert sim.heard_words()[-1] == "set."
    outputs = [e.tool["output"] for e in sim.conversation.history.entries if e.role == "tool"]
    assert outputs == ["the tool did not answer in time"]


def test_an_unknown_tool_and_endless_rounds_end():
    sim = Simulation(max_tool_rounds=3)
    sim.model.answer = lambda messages: [CALL]
    sim.says(500, "do something please")
    sim.run(12000)
    assert len(sim.model.asked) == 4
    assert sim.model.asked[-1]["tools"] == []
    assert sim.heard_words()[0] == "Sorry,"
    assert sim.conversation.reply is None


def test_memory_is_used_when_in_time_and_serves_the_next_turn_when_late():
    sim = Simulation()
    slow = {"and what else please"}
    items = {"items": [{"id": "1", "text": "The person likes tea."}]}
    stored: list[dict] = []

    def memory(name, body):
        if name == "memory_search":
            assert type(body["budget_ms"]) is int, "memory_python declares an int64 and refuses anything else"
            return (5000.0 if body["query"] in slow else 30.0), items
        if name == "memory_append":
            stored.append(body)
            return 700.0, {}
        return 10.0, {}

    sim.memory = memory
    sim.at(0, sim.hello)
    sim.says(1000, "what do I like best in the")
    sim.says(9000, "and what else please")
    sim.says(18000, "thanks a lot")
    sim.run(26000)
    prompts = {a["messages"][-1]["content"]: a["messages"][0]["content"] for a in sim.model.asked}
    assert "likes tea" in prompts["what do I like best in the"]
    assert "likes tea" not in prompts["and what else please"]
    assert "likes tea" in prompts["thanks a lot"]
    assert [e["role"] for e in stored[0]["entries"]] == ["user", "assistant"]
    assert stored[0]["entries"][1]["heard_text"] == "Fine."
    (event,) = stored[0]["events"]
    assert event["type"] == "analytics.turn"
    assert event["payload"]["ttfa_ms"] > 0 and event["payload"]["spans"] and not event["payload"]["interrupted"]
    # Stored before it is announced, heard before it is stored.
    turn = sim.of("turn")[0]
    assert turn["ts_ms"] >= 700 + sim.of("heard")[0]["ts_ms"] - 1
    assert sim.of("memory")


def test_incognito_leaves_the_memory_alone():
    sim = Simulation()
    called: list[str] = []
    sim.memory = lambda name, body: (called.append(name) or 10.0, {})
    sim.at(0, lambda: sim.hello(incognito=True))
    sim.says(1000, "what time is it")
    sim.run(8000)
    assert called == [] and sim.history()


def test_a_loaded_history_comes_back_and_turn_numbers_go_on():
    sim = Simulation()
    loaded = {
        "messages": [{"role": "user", "content": "I am Ann"}, {"role": "assistant", "content": "Hi Ann"}],
        "last_turn": 7,
    }
    sim.memory = lambda name, body: (10.0, loaded if name == "memory_load" else {})
    sim.at(0, sim.hello)
    sim.says(1000, "what is my name")
    sim.run(8000)
    assert [m.get("content") for m in sim.model.asked[0]["messages"]][1:3] == ["I am Ann", "Hi Ann"]
    assert sim.of("user_text")[-1]["turn_id"] == 8
