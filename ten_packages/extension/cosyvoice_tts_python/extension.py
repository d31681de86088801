from stream_talk.ten.tts import TtsExtension

from .config import CosyvoiceConfig


class CosyvoiceTtsExtension(TtsExtension):
    vendor = "cosyvoice"
    config_model = CosyvoiceConfig
    engine_at = ("engine.py", "CosyvoiceEngine")
    # Its exact pins fit nobody else's, and a kernel that hangs can only be killed.
    placement = "process"
