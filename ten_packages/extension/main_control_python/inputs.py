"""Which message means what to the conversation: one small function per name."""

from __future__ import annotations

from collections.abc import Callable

from stream_talk.ten import names

from .client import ClientEvents
from .conversation import Conversation
from .outbox import Body

Handler = Callable[[float, Body], None]


class Inputs:
    def __init__(self, conversation: Conversation, client: ClientEvents) -> None:
        self._conversation = conversation
        self.cmds: dict[str, Handler] = {
            names.START_OF_SENTENCE: self._start_of_sentence,
            names.END_OF_SENTENCE: self._end_of_sentence,
            names.TOOL_REGISTER: self._tool_register,
            # TEN's own transports say this instead of hello and bye.
            names.ON_USER_JOINED: lambda now, _body: client.handle(now, {"type": "hello"}),
            names.ON_USER_LEFT: lambda now, _body: client.handle(now, {"type": "bye"}),
        }
        self.data: dict[str, Handler] = {
            names.ASR_RESULT: conversation.hearing.asr_result,
            names.ASR_FINALIZE_END: lambda now, body: conversation.hearing.asr_finalized(
                now, str(body.get("finalize_id", ""))
            ),
            names.TURN_DECISION: conversation.hearing.turn_decision,
            names.CLIENT_EVENT: client.handle,
            names.PLAYOUT_REPORT: self._playout_report,
            names.TTS_AUDIO_START: self._tts_audio_start,
            names.TTS_AUDIO_END: self._tts_audio_end,
            names.TTS_TEXT_RESULT: self._tts_text_result,
            names.TTS_VISEMES: self._tts_visemes,
            names.ERROR: conversation.module_error,
        }

    # --- the person --------------------------------------------------------------------------------------------------

    def _start_of_sentence(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        conversation.listening.sees_detector = True
        if not conversation.muted and conversation.config.mode == "auto":
            conversation.hearing.speech_start(now_ms, float(body.get("timestamp_ms", 0.0)), body.get("decided_ms"))

    def _end_of_sentence(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        if conversation.listening.speaking and not conversation.muted and conversation.config.mode == "auto":
            timestamp_ms = float(body.get("timestamp_ms", 0.0))
            conversation.hearing.speech_end(now_ms, timestamp_ms, body.get("decided_ms"))

    # --- the model ---------------------------------------------------------------------------------------------------

    def llm_event(self, now_ms: float, llm_id: str, event: Body) -> None:
        reply = self._conversation.find_thought(llm_id)
        if reply is not None:
            self._conversation.thinking.on_event(reply, now_ms, event)

    def llm_end(self, now_ms: float, llm_id: str, ok: bool, body: Body) -> None:
        reply = self._conversation.find_thought(llm_id)
        if reply is not None:
            self._conversation.thinking.on_end(reply, now_ms, ok, body)

    def _tool_register(self, now_ms: float, body: Body) -> None:
        tool = body.get("tool")
        if isinstance(tool, dict):
            self._conversation.tools.register(tool, body.get("source"))

    # --- the voice ---------------------------------------------------------------------------------------------------

    def _tts_audio_start(self, now_ms: float, body: Body) -> None:
        reply = self._conversation.find_reply(str(body.get("request_id", "")))
        if reply is not None:
            self._conversation.audio_started(reply, now_ms)

    def _tts_audio_end(self, now_ms: float, body: Body) -> None:
        reply = self._conversation.find_reply(str(body.get("request_id", "")))
        if reply is not None:
            self._conversation.speaking.audio_ended(reply, now_ms, body)

    def _tts_text_result(self, now_ms: float, body: Body) -> None:
        request_id = str(body.get("request_id", ""))
        reply = self._conversation.find_reply(request_id)
        if reply is not None:
            self._conversation.speaking.text_placed(reply, now_ms, body)
        else:
            self._conversation.keeping.text_placed(request_id, body)

    def _tts_visemes(self, now_ms: float, body: Body) -> None:
        reply = self._conversation.find_reply(str(body.get("request_id", "")))
        if reply is not None:
            self._conversation.speaking.visemes(reply, now_ms, body)

    def _playout_report(self, now_ms: float, body: Body) -> None:
        conversation = self._conversation
        request_id = str(body.get("request_id", ""))
        if conversation.reply is not None and conversation.reply.request_id == request_id:
            conversation.speaking.reported(conversation.reply, now_ms, body)
        else:
            conversation.keeping.reported(request_id, now_ms, body)
