"""Tells main_control, whenever it changes, whether the person seems to have finished. *When* to act is not decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from stream_talk.engines.host import Deadline, EngineHost, EngineSpec, HostSettings
from stream_talk.engines.interfaces import EngineUnavailable
from stream_talk.engines.shared import hosts
from stream_talk.ten import messages, names
from stream_talk.ten.stage import StageExtension
from ten_runtime import AudioFrame, Cmd, Data

from .config import TurnDetectionConfig
from .ear import Ear
from .model import ModelSettings, TurnModel
from .opinion import Decision, Opinion
from .prosody import finished_probability
from .smart_turn import SmartTurnEngine, find_model
from .text_turns import TextTurns


class TurnDetectionExtension(StageExtension[TurnDetectionConfig]):
    module = "turn_detection"
    vendor = "stream_talk"
    config_model = TurnDetectionConfig

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._ear = Ear()
        self._opinion = Opinion()
        self._sent: Decision | None = None
        self._metadata: messages.Json = {}
        self._reader = messages.PcmReader()
        self._smart_turn: EngineHost | None = None
        self._listening: asyncio.Task[Any] | None = None
        self._model: TurnModel | None = None
        self._asking: asyncio.Task[Any] | None = None
        self._turns = TextTurns()
        self._force_timer: asyncio.TimerHandle | None = None

    # --- life -----------------------------------------------------------------------------------------------------

    def configured(self, config: TurnDetectionConfig) -> None:
        if config.model.base_url:
            self._model = TurnModel(ModelSettings(**config.model.model_dump()))

    async def start_stage(self) -> None:
        chosen = self.settings.smart_turn
        if not chosen.enabled or not (chosen.model_path or find_model()):
            return
        host = hosts.acquire(
            EngineSpec.of(SmartTurnEngine, {"model_path": chosen.model_path}), HostSettings(placement="thread")
        )
        try:
            await host.load()
        except EngineUnavailable as problem:
            hosts.release(host)
            self.report_error(names.CODE_NON_FATAL, f"{problem}; words and prosody decide")
            return
        self._smart_turn = host

    async def stop_stage(self) -> None:
        self._stop_forcing()
        if self._smart_turn is not None:
            hosts.release(self._smart_turn)
        if self._model is not None:
            await self._model.close()

    # --- messages in ----------------------------------------------------------------------------------------------

    def handle_audio(self, frame: AudioFrame) -> None:
        view = self._reader.read(frame)
        self._ear.hear(view.pcm, view.sample_rate_hz, view.timestamp_ms)
        if view.metadata:
            self._metadata = view.metadata
        chosen = self.settings.smart_turn
        if self._smart_turn is not None and self._ear.asks_again(chosen.repeat_ms, chosen.max_repeats):
            self._listen()

    async def handle_cmd(self, name: str, cmd: Cmd) -> Mapping[str, Any] | None:
        if name == names.START_OF_SENTENCE:
            self._voice_began()
        elif name == names.END_OF_SENTENCE:
            body = messages.read_json(cmd)
            ended_ms = float(body.get("timestamp_ms", self._ear.now_ms))
            self._voice_ended(ended_ms)
        return {}

    async def handle_data(self, name: str, data: Data) -> None:
        body = messages.read_json(data)
        if name == names.ASR_RESULT:
            self._metadata = {**self._metadata, **(body.get("metadata") or {})}
            self._metadata.pop("asr_info", None)
            self._words(str(body.get("text", "")).strip())
        elif name == names.TEXT_DATA:
            await self._text_data(str(body.get("text", "")), final=bool(body.get("is_final", False)))

    # --- opinions -------------------------------------------------------------------------------------------------

    def _voice_began(self) -> None:
        self._ear.voice_began()
        self._opinion.voice_resumed()
        if self._listening is not None:
            self._listening.cancel()
        self._say()

    def _voice_ended(self, ended_ms: float) -> None:
        self._ear.voice_ended(ended_ms)
        if self.settings.prosody:
            self._opinion.prosody = finished_probability(self._ear.last_voice())
        self._say()
        if self._smart_turn is not None:
            self._listen()

    def _words(self, text: str) -> None:
        if not text:
            return
        changed = text != self._opinion.text
        self._opinion.heard(text)
        self._say()
        if changed and self._model is not None:
            if self._asking is not None:
                self._asking.cancel()
            self._asking = self.spawn(self._ask_model(text))

    def _listen(self) -> None:
        if self._listening is not None and not self._listening.done():
            return
        self._ear.asked()
        self._listening = self.spawn(self._ask_smart_turn())

    async def _ask_smart_turn(self) -> None:
        assert self._smart_turn is not None
        sentence = self._ear.sentence
        try:
            heard = await self._smart_turn.call("probability", self._ear.all(), deadline=Deadline.PARTIAL)
        except Exception as error:
            self.report_error(names.CODE_NON_FATAL, f"smart-turn failed: {error}; words and prosody decide")
            hosts.release(self._smart_turn)
            self._smart_turn = None
            return
        if sentence == self._ear.sentence and not self._ear.voice:
            self._opinion.smart_turn = float(heard)
            self._say()

    async def _ask_model(self, text: str) -> None:
        assert self._model is not None
        rested = self._model.resting
        label = await self._model.ask(text)
        if label is not None and text == self._opinion.text:
            self._opinion.label = label
            self._say()
        if self._model.resting and not rested:
            problem = f"the turn model does not answer in time ({self._model.last_problem}); words and prosody decide"
            self.report_error(names.CODE_NON_FATAL, problem)

    def _say(self) -> None:
        decision = self._opinion.decide()
        if not decision.text or not decision.differs_from(self._sent):
            return
        self._sent = decision
        self.send_data(
            names.TURN_DECISION,
            {
                "state": decision.state,
                "probability": round(decision.probability, 3),
                "source": decision.source,
                "text": decision.text,
                "silence_ms": round(self._ear.silence_ms),
                "metadata": self._metadata,
            },
        )

    # --- TEN's own protocol -----------------------------------------------------------------------------------------

    async def _text_data(self, text: str, *, final: bool) -> None:
        if self._turns.flush_due(text, final=final):
            self.send_cmd(names.FLUSH, {})
        if not final:
            self.send_data(names.TEXT_DATA, {"text": self._turns.text_so_far(text), "is_final": False})
            return
        self._turns.keep(text)
        whole = self._turns.text_so_far("")
        self._opinion.heard(whole)
        if self._model is not None:
            self._opinion.label = await self._model.ask(whole)
        turn = self._turns.settle(self._opinion.decide().state)
        self._stop_forcing()
        if turn:
            self.send_data(names.TEXT_DATA, {"text": turn, "is_final": True})
        elif self._turns.text_so_far("") and self.settings.force_threshold_ms > 0:
            loop = asyncio.get_running_loop()
            self._force_timer = loop.call_later(self.settings.force_threshold_ms / 1000.0, self._force)

    def _force(self) -> None:
        self.send_data(names.TEXT_DATA, {"text": self._turns.take(), "is_final": True})

    def _stop_forcing(self) -> None:
        if self._force_timer is not None:
            self._force_timer.cancel()
            self._force_timer = None
