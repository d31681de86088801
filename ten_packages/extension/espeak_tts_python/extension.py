from stream_talk.ten.tts import TtsExtension

from .config import EspeakConfig
from .engine import EspeakEngine


class EspeakTtsExtension(TtsExtension):
    vendor = "espeak-ng"
    config_model = EspeakConfig
    engine_class = EspeakEngine
    # One global voice per process, and a GPL library: it lives in a worker of its own.
    placement = "process"
