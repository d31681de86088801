"""Moments of a conversation, played to a page: for the pictures, and as a beginning for tests."""

from __future__ import annotations

import time
from collections.abc import Callable

from chromium import Page, until
from fake_gateway import FakeGateway

NODES = ["echo_guard", "vad", "stt", "turn_detection", "main_control", "memory", "llm", "tts", "message_collector"]
EDGES = [
    ("echo_guard", "vad", "audio_frame", "pcm_frame"), ("vad", "stt", "audio_frame", "pcm_frame"),
    ("vad", "turn_detection", "audio_frame", "pcm_frame"), ("stt", "main_control", "data", "asr_result"),
    ("turn_detection", "main_control", "data", "turn_decision"), ("main_control", "memory", "cmd", "memory_search"),
    ("main_control", "llm", "cmd", "chat_completion"), ("main_control", "tts", "data", "tts_text_input"),
    ("llm", "main_control", "cmd", "result"), ("main_control", "message_collector", "data", "message"),
]  # fmt: skip
COST = {"stt": 420.0, "tts": 160.0, "vad": 30.0, "llm": 60.0, "turn_detection": 25.0}


def talk(page: Page, gateway: FakeGateway) -> None:
    page.click("#talk")
    page.wait("document.body.dataset.state === 'listening'")
    until(lambda: len(gateway.sound) > 16000)


def turn(
    page: Page, gateway: FakeGateway, number: int, question: str, answer: str, *, duration_ms: float = 3000
) -> None:
    """One whole turn with its trace, up to the moment at which the reply sounds."""
    media_ms = len(gateway.sound) / 32
    now_ms = gateway.now_ms()
    gateway.say("state", state="hearing", turn_id=number)
    gateway.hear(question, turn_id=number, start_ms=max(0, media_ms - 700), duration_ms=200)
    gateway.say("state", state="thinking", turn_id=number)
    gateway.say("turn", turn_id=number, trace={"ttfa_ms": 240, "endpoint_ms": 150, "spans": spans(now_ms - 480)})
    gateway.reply(answer, generation=number, turn_id=number, duration_ms=duration_ms)
    page.wait("document.querySelector('.saying.it:last-child .lit') !== null")


def spans(zero_ms: float) -> list[dict[str, object]]:
    # Wide enough that a busy machine, whose clocks are matched badly, draws every stage all the same.
    table = [("endpoint", "main_control", 2, 210), ("stt", "stt", 30, 236), ("memory", "memory", 180, 214), ("llm", "llm", 240, 318),
             ("tts", "tts", 300, 430)]  # fmt: skip
    return [{"name": n, "node": node, "start_ms": zero_ms + a, "end_ms": zero_ms + b} for n, node, a, b in table]


def graph_stats(second: float) -> dict[str, object]:
    nodes = [
        {"name": name, "addon": f"{name}_python", "busy_ms": COST.get(name, 3.0) * second, "handled": int(50 * second),
         "queue": 2 if name == "stt" else 0, "queue_max": 6 if name == "stt" else 1, "dropped": 0}
        for name in NODES
    ]  # fmt: skip
    edges = [
        {"from": a, "to": b, "kind": kind, "name": name, "count": int(50 * second), "dropped": 0}
        for a, b, kind, name in EDGES
    ]
    session = {"age_ms": second * 1000, "turns": 3, "audio_in_ms": 9000, "audio_out_ms": 4000, "send_queue_bytes": 0,
               "held_audio_ms": 180, "loop_lag_ms": 0.4}  # fmt: skip
    return {
        "server_ts_ms": second * 1000,
        "graph": {"name": "embedded", "nodes": nodes, "edges": edges},
        "session": session,
    }


def idle(_page: Page, _gateway: FakeGateway) -> None:
    return


def listening(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)


def hearing(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    gateway.say("state", state="hearing", turn_id=1)
    gateway.hear("could you tell me how far", turn_id=1, final=False)


def thinking(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    gateway.hear("Could you tell me how far away the moon is?", turn_id=1)
    gateway.say("state", state="thinking", turn_id=1)


MOON = (
    "About three hundred and eighty-four thousand kilometres. Light needs a little over one second for that, "
    "so you always see the moon as it was."
)


def speaking(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    turn(page, gateway, 1, "Could you tell me how far away the moon is?", MOON, duration_ms=6000)
    gateway.say("memory", turn_id=1, items=[{"id": 1, "text": "You like astronomy"}])
    time.sleep(1.2)


def interrupted(page: Page, gateway: FakeGateway) -> None:
    speaking(page, gateway)
    gateway.say("playout_control", action="cut", generation=1, turn_id=1)
    heard = "About three hundred and eighty-four thousand kilometres."
    gateway.say(
        "heard", turn_id=1, heard_text=heard, unheard_text=MOON[len(heard) + 1 :], interrupted=True, error_bound_ms=20
    )
    gateway.say("state", state="hearing", turn_id=2)
    gateway.hear("and the sun?", turn_id=2, final=False)


def paused(page: Page, gateway: FakeGateway) -> None:
    speaking(page, gateway)
    gateway.say("playout_control", action="pause", generation=1, turn_id=1)
    gateway.say("state", state="paused", turn_id=1)


def reconnecting(page: Page, gateway: FakeGateway) -> None:
    speaking(page, gateway)
    gateway.stop()


def timing(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    for number, (question, answer) in enumerate(
        [("Hello there.", "Good evening."), ("What can you do?", "I can talk with you.")], 1
    ):
        turn(page, gateway, number, question, answer, duration_ms=900)
        time.sleep(0.9)
    page.click('[data-panel="timing"]')


def graph(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    turn(page, gateway, 1, "What can you do?", MOON, duration_ms=6000)
    page.click('[data-panel="graph"]')
    until(lambda: any(message["on"] for message in gateway.of_type("stats")))
    for second in (1.0, 2.0):
        gateway.say("stats", **graph_stats(second))
    page.wait("document.querySelector('.graph-view .live')")


def memory(page: Page, gateway: FakeGateway) -> None:
    speaking(page, gateway)
    page.click('[data-panel="memory"]')


def settings(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    page.click('[data-panel="settings"]')


def refused(page: Page, gateway: FakeGateway) -> None:
    gateway.refusal = (4503, {"code": "at_capacity", "text": "no room", "retry_after_ms": 9000})
    page.click("#talk")
    page.wait("!document.querySelector('#failure').hidden")


def chinese(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    answer = "大约三十八万四千公里。光走完这段路要一秒多一点，所以你看到的月亮总是一秒钟以前的样子。"
    turn(page, gateway, 1, "月亮离我们有多远？", answer, duration_ms=6000)
    time.sleep(1.5)


def connecting(page: Page, gateway: FakeGateway) -> None:
    gateway.is_slow = True
    page.click("#talk")
    page.wait("document.body.dataset.state === 'connecting'")


def muted(page: Page, gateway: FakeGateway) -> None:
    speaking(page, gateway)
    until(lambda: any(report["state"] == "finished" for report in gateway.of_type("playout")))
    gateway.say("state", state="listening", turn_id=2)
    page.key("m")


def no_microphone(page: Page, gateway: FakeGateway) -> None:
    page.eval("navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); }")
    page.click("#talk")
    page.wait("!document.querySelector('#failure').hidden")


def token(page: Page, gateway: FakeGateway) -> None:
    gateway.token = "open-sesame"
    page.click("#talk")
    page.wait("!document.querySelector('#failure').hidden")


def push_to_talk(page: Page, gateway: FakeGateway) -> None:
    page.eval("localStorage.setItem('stream-talk.settings', JSON.stringify({mode: 'push_to_talk'}))")
    page.reload()
    talk(page, gateway)
    page.press_pointer("#hold")


def long_conversation(page: Page, gateway: FakeGateway) -> None:
    talk(page, gateway)
    said = [
        "Hello there.",
        "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung" * 2,
        "月亮离我们有多远？",
        "كم يبعد القمر؟",
    ]
    answers = ["Good evening.", MOON, "大约三十八万四千公里。", "حوالي ثلاثمائة وأربعة وثمانين ألف كيلومتر."]
    for number, (question, answer) in enumerate(zip(said * 2, answers * 2, strict=True), 1):
        gateway.hear(question, turn_id=number)
        common = {"turn_id": number, "generation": number, "request_id": f"r{number}"}
        gateway.say("assistant_text", text=answer, final=True, reasoning=False, **common)
    page.wait("document.querySelectorAll('.saying').length === 16")
    page.eval("document.querySelector('#captions-scroll').scrollTop -= 300")
    page.wait("!document.querySelector('#newest').hidden")


SCENES: dict[str, Callable[[Page, FakeGateway], None]] = {
    "idle": idle, "listening": listening, "hearing": hearing, "thinking": thinking, "speaking": speaking, "interrupted": interrupted,
    "paused": paused, "reconnecting": reconnecting, "timing": timing, "graph": graph, "memory": memory, "settings": settings,
    "refused": refused, "chinese-zh": chinese, "connecting": connecting, "muted": muted, "no-microphone": no_microphone, "token": token,
    "push-to-talk": push_to_talk, "long": long_conversation, "settings-zh": settings, "timing-zh": timing, "graph-zh": graph,
}  # fmt: skip
