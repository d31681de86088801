from stream_talk.ten.asr import AsrExtension

from .config import PocketsphinxConfig
from .engine import PocketsphinxEngine


class PocketsphinxAsrExtension(AsrExtension):
    vendor = "pocketsphinx"
    config_model = PocketsphinxConfig
    engine_class = PocketsphinxEngine
    # pocketsphinx holds the interpreter's lock while it decodes, so on a thread it would stop the loop that carries audio.
    placement = "process"
