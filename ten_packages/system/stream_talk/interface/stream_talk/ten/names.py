"""Names on the wire: TEN's voice conventions, and the few of ours. docs/messages.md says what they mean."""

from __future__ import annotations

from typing import Final

# audio
PCM_FRAME: Final = "pcm_frame"

# speech to text
ASR_RESULT: Final = "asr_result"
ASR_FINALIZE: Final = "asr_finalize"
ASR_FINALIZE_END: Final = "asr_finalize_end"
TRIGGER_CONNECT: Final = "trigger_connect"

# language model
CHAT_COMPLETION: Final = "chat_completion"
ABORT: Final = "abort"
RETRIEVE_PROMPT: Final = "retrieve_prompt"
TOOL_REGISTER: Final = "tool_register"
TOOL_CALL: Final = "tool_call"

# text to speech
TTS_TEXT_INPUT: Final = "tts_text_input"
TTS_TEXT_RESULT: Final = "tts_text_result"
TTS_VISEMES: Final = "tts_visemes"
TTS_AUDIO_START: Final = "tts_audio_start"
TTS_AUDIO_END: Final = "tts_audio_end"
TTS_FLUSH: Final = "tts_flush"
TTS_FLUSH_END: Final = "tts_flush_end"
LIST_VOICES: Final = "list_voices"
VOICES: Final = "voices"

# voice activity and turns
START_OF_SENTENCE: Final = "start_of_sentence"
END_OF_SENTENCE: Final = "end_of_sentence"
TURN_DECISION: Final = "turn_decision"
TEXT_DATA: Final = "text_data"
FLUSH: Final = "flush"

# the session and its client
CLIENT_EVENT: Final = "client_event"
PLAYOUT_REPORT: Final = "playout_report"
PLAYOUT_CONTROL: Final = "playout_control"
MESSAGE: Final = "message"
ON_USER_JOINED: Final = "on_user_joined"
ON_USER_LEFT: Final = "on_user_left"

# memory
MEMORY_LOAD: Final = "memory_load"
MEMORY_APPEND: Final = "memory_append"
MEMORY_SEARCH: Final = "memory_search"
MEMORY_CLEAR: Final = "memory_clear"

# every module
ERROR: Final = "error"
METRICS: Final = "metrics"
UPDATE_CONFIGS: Final = "update_configs"
CONNECTION_STATUS_CHANGED: Final = "connection_status_changed"
PROVIDE_FEATURES: Final = "provide_features"

MODULE_ASR: Final = "asr"
MODULE_LLM: Final = "llm"
MODULE_TTS: Final = "tts"
MODULE_VAD: Final = "vad"

# error codes: plain ints, because TEN's own enum compares unequal to the ints it becomes on the wire
CODE_OK: Final = 0
CODE_FATAL: Final = -1000  # this configuration can never work
CODE_NON_FATAL: Final = 1000  # not now; the module goes on trying

# reasons of tts_audio_end
REASON_REQUEST_END: Final = 1
REASON_INTERRUPTED: Final = 2
REASON_ERROR: Final = 3

LOG_KEY_POINT: Final = "key_point"
LOG_VENDOR: Final = "vendor"
