"""A whole conversation in simulated time around the real decision code: person, recogniser, model, voice and loudspeaker are scripts.

Everything that the listener hears is measured at the loudspeaker, independently of the ledger: each spoken word is a constant
sample value, so that the samples that came out say which words were audible and for how long.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from stream_talk.audio.playout import ChunkTag, PlayoutBuffer
from stream_talk.text.units import split_words

from main_control_python.client import ClientEvents
from main_control_python.config import MainControlConfig
from main_control_python.conversation import Conversation
from main_control_python.inputs import Inputs
from main_control_python.outbox import Ask, Chat, Outbox, Say, Tell

RATE = 16000
FRAME_MS = 20


@dataclass
class Timing:
    vad_onset_ms: float = 80.0
    vad_hangover_ms: float = 160.0
    asr_partial_ms: float = 90.0
    asr_final_ms: float = 40.0
    asr_partials: bool = True
    llm_first_ms: float = 80.0
    llm_token_ms: float = 10.0
    tts_first_ms: float = 40.0
    tts_chunk_ms: float = 5.0
    word_ms: int = 250  # both of the person and of the voice


@dataclass
class Model:
    """The scripted language model. `answer` maps the messages to text, or to a list of text and tool calls."""

    answer: Callable[[list[dict[str, Any]]], Any] = lambda _messages: "Fine."
    asked: list[dict[str, Any]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)


class Simulation:
    def __init__(self, timing: Timing | None = None, **properties: Any) -> None:
        self.now = 0.0
        self.timing = timing or Timing()
        self.model = Model()
        self.memory: Callable[[str, dict[str, Any]], tuple[float, dict[str, Any]]] | None = None
        self.tool: Callable[[dict[str, Any]], tuple[float, Any]] | None = None
        self.tool_calls: list[dict[str, Any]] = []
        self.commands: list[tuple[float, str, dict[str, Any]]] = []
        self.messages: list[dict[str, Any]] = []
        self.sent: list[tuple[float, str, dict[str, Any]]] = []
        self.playout = PlayoutBuffer(RATE)
        self.audible: list[tuple[float, int, np.ndarray]] = []  # (time, generation, samples)
        self.dead_recogniser = False
        self.dead_voice = False
        self.reports_playout = True
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._asr_words: list[str] = []
        self._asr_segment = 0
        self._voice_words: list[str] = ["?"]
        self._voice: dict[str, dict[str, Any]] = {}
        self._dead_requests: set[str] = set()
        self._cancelled_llm: set[str] = set()
        self._deadline: float | None = None
        config = MainControlConfig.model_validate({"session_id": "s1", **properties})
        self.outbox = Outbox(config.session_id)
        self.conversation = Conversation(config, self.outbox, lambda: 1_000_000 + round(self.now))
        self.inputs = Inputs(self.conversation, ClientEvents(self.conversation))
        self.at(0.0, self._speaker)

    # --- time --------------------------------------------------------------------------------------------------------

    def at(self, time_ms: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (time_ms, next(self._order), what))

    def after(self, delay_ms: float, what: Callable[[], None]) -> None:
        self.at(self.now + delay_ms, what)

    def run(self, until_ms: float) -> Simulation:
        while True:
            due = self.conversation.next_ms()
            head = self._queue[0][0] if self._queue else float("inf")
            if min(due, head) > until_ms:
                self.now = until_ms
                return self
            if due < head:
                assert due != self._deadline, f"the deadline {due} does not go away"
                self._deadline = due
                self.now = max(self.now, due)
                self.conversation.tick(self.now)
            else:
                self.now, _, what = heapq.heappop(self._queue)
                self._deadline = None
                what()
            self._carry_out()

    # --- the person --------------------------------------------------------------------------------------------------

    def hello(self, **fields: Any) -> None:
        self.client("hello", **fields)

    def client(self, kind: str, **fields: Any) -> None:
        self.inputs.data["client_event"](self.now, {"type": kind, **fields})
        self._carry_out()

    def says(self, start_ms: float, text: str, *, pauses: dict[int, float] | None = None) -> float:
        """The person says this; `pauses` is silence in ms before the word of that number. Returns the end of the speech."""
        words, time, sound_from = split_words(text), start_ms, start_ms
        for number, word in enumerate(words):
            gap = (pauses or {}).get(number, 0.0)
            if gap:
                self._sound(sound_from, time)
                time += gap
                sound_from = time
            time += self.timing.word_ms
            self.at(time, lambda word=word: self._recognise(word))
        self._sound(sound_from, time)
        return time

    def coughs(self, start_ms: float, duration_ms: float = 250.0) -> None:
        self._sound(start_ms, start_ms + duration_ms)

    def _sound(self, start_ms: float, end_ms: float) -> None:
        onset, offset = start_ms + self.timing.vad_onset_ms, end_ms + self.timing.vad_hangover_ms
        start = {"timestamp_ms": start_ms, "decided_ms": onset}
        end = {"timestamp_ms": end_ms, "decided_ms": offset}
        self.at(onset, lambda: self.inputs.cmds["start_of_sentence"](self.now, start))
        self.at(offset, lambda: self.inputs.cmds["end_of_sentence"](self.now, end))

    def _recognise(self, word: str) -> None:
        self._asr_words.append(word)
        if self.timing.asr_partials and not self.dead_recogniser:
            segment, text = self._asr_segment, _joined(self._asr_words)
            self.after(self.timing.asr_partial_ms, lambda: self._partial(segment, text))

    def _partial(self, segment: int, text: str) -> None:
        if segment == self._asr_segment:
            self._asr_result(text, final=False)

    def _finalize(self, finalize_id: str) -> None:
        def final() -> None:
            text, self._asr_words = _joined(self._asr_words), []
            self._asr_result(text, final=True)
            self._asr_segment += 1
            self.inputs.data["asr_finalize_end"](self.now, {"finalize_id": finalize_id})

        if not self.dead_recogniser:
            self.after(self.timing.asr_final_ms, final)

    def _asr_result(self, text: str, *, final: bool) -> None:
        body = {"id": f"seg-{self._asr_segment}", "text": text, "final": final, "language": "en-US"}
        self.inputs.data["asr_result"](self.now, body)

    # --- the assistant's stages --------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        while wishes := self.outbox.take():
            for wish in wishes:
                if isinstance(wish, Say):
                    self._data(wish.name, json.loads(json.dumps(wish.body)))
                elif isinstance(wish, Tell):
                    self.commands.append((self.now, wish.name, wish.body))
                    if wish.name == "abort":
                        self._cancelled_llm.add(wish.body["request_id"])
                        self.model.aborted.append(wish.body["request_id"])
                elif isinstance(wish, Ask):
                    self._ask(wish)
                elif isinstance(wish, Chat):
                    self._think(wish)

    def _data(self, name: str, body: dict[str, Any]) -> None:
        self.sent.append((self.now, name, body))
        if name == "message":
            self.messages.append(body)
        elif name == "asr_finalize":
            self._finalize(body["finalize_id"])
        elif name == "tts_text_input":
            self._speak(body)
        elif name == "tts_flush":
            self._dead_requests.add(body["request_id"])
        elif name == "playout_control":
            self.playout.control(
                body["action"], body["generation"], gain_db=body.get("gain_db", -14.0), from_ms=body.get("from_ms")
            )
            self._report()

    def _ask(self, wish: Ask) -> None:
        self.commands.append((self.now, wish.name, wish.body))
        if wish.name in ("tool_call", "tool_cancel"):
            self.tool_calls.append({"command": wish.name, **wish.body})
            if wish.name == "tool_call" and self.tool is not None:
                delay, result = self.tool(wish.body)
                self.after(delay, lambda: wish.answer(self.now, True, {"tool_result": result}))
        elif self.memory is not None:
            delay, body = self.memory(wish.name, wish.body)
            self.after(delay, lambda: wish.answer(self.now, True, body))
        else:
            self.after(0.0, lambda: wish.answer(self.now, False, {"not_connected": True}))

    def _think(self, wish: Chat) -> None:
        self.model.asked.append(wish.body)
        answer = self.model.answer(wish.body["messages"])
        time = self.now + self.timing.llm_first_ms
        parts = answer if isinstance(answer, list) else [] if answer is None else [answer]
        for part in parts:
            if isinstance(part, dict):
                self.at(time, lambda part=part: self._thought(wish.llm_id, part))
                continue
            for token in _tokens(part):
                event = {"type": "message_content_delta", "delta": token}
                self.at(time, lambda event=event: self._thought(wish.llm_id, event))
                time += self.timing.llm_token_ms
        if answer is not None:
            self.at(time, lambda: self._thought(wish.llm_id, None))

    def _thought(self, llm_id: str, event: dict[str, Any] | None) -> None:
        if llm_id in self._cancelled_llm:
            return
        if event is None:
            self.inputs.llm_end(self.now, llm_id, True, {})
        elif event.get("type") == "fails":
            self._cancelled_llm.add(llm_id)
            self.inputs.llm_end(self.now, llm_id, False, {"message": "boom"})
        else:
            self.inputs.llm_event(self.now, llm_id, event)

    def _speak(self, body: dict[str, Any]) -> None:
        if self.dead_voice:
            return
        voice = self._voice.setdefault(body["request_id"], {"position_ms": 0, "free_at": 0.0, "started": False})
        start = max(self.now + self.timing.tts_first_ms, voice["free_at"])
        if body["text_input_end"] and not body["text"]:
            self.at(start, lambda: self._voice_ends(body, voice))
            return
        voice["free_at"] = start + self.timing.tts_chunk_ms * len(split_words(body["text"]))
        self.at(start, lambda: self._voice_speaks(body, voice))

    def _voice_speaks(self, body: dict[str, Any], voice: dict[str, Any]) -> None:
        request_id, word_ms = body["request_id"], self.timing.word_ms
        if request_id in self._dead_requests:
            return
        if not voice["started"]:
            voice["started"] = True
            self.inputs.data["tts_audio_start"](self.now, {"request_id": request_id, "metadata": body["metadata"]})
        words, at_ms = split_words(body["text"]), voice["position_ms"]
        timed = [
            {"word": w.strip(".,!?。，！？"), "start_ms": at_ms + i * word_ms, "duration_ms": word_ms}
            for i, w in enumerate(words)
        ]
        for word in words:
            self._voice_words.append(word)
            level = len(self._voice_words) - 1
            pcm = np.full(RATE * word_ms // 1000, level, dtype=np.int16)
            self.playout.push(pcm, ChunkTag.from_metadata(body["metadata"]))
        voice["position_ms"] = at_ms + len(words) * word_ms
        result = {
            "request_id": request_id,
            "text": body["text"],
            "start_ms": at_ms,
            "duration_ms": len(words) * word_ms,
            "words": timed,
        }
        self.inputs.data["tts_text_result"](self.now, result)

    def _voice_ends(self, body: dict[str, Any], voice: dict[str, Any]) -> None:
        request_id = body["request_id"]
        if self.now < voice["free_at"] and request_id not in self._dead_requests:
            self.at(voice["free_at"], lambda: self._voice_ends(body, voice))
            return
        self.playout.end_request(request_id)
        reason = 2 if request_id in self._dead_requests else 1
        end = {"request_id": request_id, "reason": reason, "request_total_audio_duration_ms": voice["position_ms"]}
        self.inputs.data["tts_audio_end"](self.now, end)
        self._report()

    # --- the loudspeaker ---------------------------------------------------------------------------------------------

    def _speaker(self) -> None:
        while_samples = RATE * FRAME_MS // 1000
        taken = self.playout.take(while_samples)
        if taken is not None:
            self.audible.append((self.now, taken.tag.generation, taken.pcm))
        self._report()
        self.after(FRAME_MS, self._speaker)

    def _report(self) -> None:
        reports = self.playout.take_reports(self.now)
        for report in reports if self.reports_playout else []:
            self.inputs.data["playout_report"](self.now, report)

    # --- what came out -----------------------------------------------------------------------------------------------

    def heard_words(self, generation: int | None = None) -> list[str]:
        """Words of which at least half was audible, in order, as the loudspeaker gave them out."""
        chunks = [pcm for _, g, pcm in self.audible if generation is None or g == generation]
        if not chunks:
            return []
        levels, counts = np.unique(np.concatenate(chunks), return_counts=True)
        enough = RATE * self.timing.word_ms // 2000
        heard = [int(level) for level, count in zip(levels, counts, strict=True) if level > 0 and count >= enough]
        return [self._voice_words[level] for level in heard]

    def first_sound_after(self, time_ms: float) -> float:
        return next((t for t, _, pcm in self.audible if t >= time_ms and pcm.any()), float("inf"))

    def last_sound_ms(self, generation: int | None = None) -> float:
        wanted = (t for t, g, pcm in self.audible if pcm.any() and generation in (None, g))
        return max(wanted, default=float("-inf"))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == kind]

    def states(self) -> list[str]:
        return [m["state"] for m in self.of("state")]

    def history(self) -> list[tuple[str, str]]:
        return [(e.role, e.text) for e in self.conversation.history.entries if not e.tool]

    def inputs_to_voice(self) -> list[tuple[float, str]]:
        return [(t, b["text"]) for t, n, b in self.sent if n == "tts_text_input" and b["text"]]


def _tokens(text: str) -> list[str]:
    tokens, word = [], ""
    for character in text:
        if character == " " and word:
            tokens.append(word)
            word = ""
        word += character
    return [*tokens, word] if word else tokens


def _joined(words: list[str]) -> str:
    return " ".join(words) if not any("\u4e00" <= c <= "\u9fff" for w in words for c in w) else "".join(words)
