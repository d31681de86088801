"""The models that graphs name, with the licences of their weights. Sizes are approximate; the command asks for the exact ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """`repo` is the Hugging Face id (empty: on no hub, see `note`), `modelscope` the ModelScope one.

    `files`: only these (suffix match); empty means all.
    """

    name: str
    role: str
    repo: str
    licence: str
    size_mb: int
    modelscope: str = ""
    files: tuple[str, ...] = ()
    free: bool = True
    """False: the licence restricts use (non-commercial, for instance) and has to be accepted."""
    note: str = ""
    wheel: str = ""
    """Instead of a hub: `package==version!path/inside/the/wheel`."""


_WHISPER = "MIT"
_FUNASR = "FunASR Model Licence 1.1 (attribution, keep the names)"


def _piper(language: str, speaker: str) -> tuple[str, str]:
    folder = f"{language[:2]}/{language}/{speaker}/medium"
    return (f"{folder}/{language}-{speaker}-medium.onnx", f"{folder}/{language}-{speaker}-medium.onnx.json")


MODELS: tuple[Model, ...] = (
    Model("faster-whisper-tiny", "asr", "Systran/faster-whisper-tiny", _WHISPER, 76),
    Model("faster-whisper-base", "asr", "Systran/faster-whisper-base", _WHISPER, 145),
    Model("faster-whisper-small", "asr", "Systran/faster-whisper-small", _WHISPER, 484),
    Model("faster-whisper-large-v3-turbo", "asr", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", _WHISPER, 1620),
    Model("mlx-whisper-large-v3-turbo", "asr", "mlx-community/whisper-large-v3-turbo-asr-fp16", _WHISPER, 1610, note="Apple Silicon"),
    Model("paraformer-zh-streaming", "asr", "funasr/paraformer-zh-streaming", _FUNASR, 880,
          modelscope="iic/speech_paraformer-large_asr_nat-zh-cn-16k-common-vocab8404-online"),
    Model("sensevoice-small", "asr", "FunAudioLLM/SenseVoiceSmall", _FUNASR, 940, modelscope="iic/SenseVoiceSmall"),
    Model("fun-asr-nano", "asr", "FunAudioLLM/Fun-ASR-Nano-2512", "see the model's card", 2000, modelscope="FunAudioLLM/Fun-ASR-Nano-2512",
          free=False, note="zh, en, ja; a language model of 0.6 B inside: better with a GPU"),
    Model("ct-punc", "asr", "funasr/ct-punc", _FUNASR, 1130,
          modelscope="iic/punc_ct-transformer_cn-en-common-vocab471067-large"),
    Model("piper-en-ljspeech", "tts", "rhasspy/piper-voices", "voice: public domain (LJ Speech)", 63,
          files=_piper("en_US", "ljspeech"), note="engine piper is GPL-3.0"),
    Model("piper-en-lessac", "tts", "rhasspy/piper-voices", "voice: Blizzard 2013 licence, for research", 63,
          files=_piper("en_US", "lessac"), free=False, note="engine piper is GPL-3.0"),
    Model("piper-zh-huayan", "tts", "rhasspy/piper-voices", "see the voice's card", 63, files=_piper("zh_CN", "huayan"), free=False,
          note="engine piper is GPL-3.0"),
    Model("kokoro", "tts", "", "Apache-2.0", 340, files=("kokoro-v1.0.onnx", "voices-v1.0.bin"),
          note="kokoro-v1.0.onnx and voices-v1.0.bin from the releases of kokoro-onnx; then: models pull kokoro --from DIR"),
    Model("kokoro-mlx", "tts", "mlx-community/Kokoro-82M-bf16", "Apache-2.0", 330, note="Apple Silicon"),
    Model("chatterbox", "tts", "ResembleAI/chatterbox", "MIT", 3200,
          files=("ve.pt", "t3_cfg.pt", "s3gen.pt", "tokenizer.json", "conds.pt")),
    Model("cosyvoice2", "tts", "FunAudioLLM/CosyVoice2-0.5B", "Apache-2.0", 4900, modelscope="iic/CosyVoice2-0.5B"),
    Model("cosyvoice-300m-sft", "tts", "FunAudioLLM/CosyVoice-300M-SFT", "Apache-2.0", 5400, modelscope="iic/CosyVoice-300M-SFT"),
    Model("spark", "tts", "SparkAudio/Spark-TTS-0.5B", "CC BY-NC-SA 4.0: not for commercial use", 3950, free=False),
    Model("Spark-TTS-0.5B-bf16", "tts", "mlx-community/Spark-TTS-0.5B-bf16", "CC BY-NC-SA 4.0: not for commercial use", 2900,
          free=False, note="Apple Silicon; the name must contain the part Spark"),
    Model("smart-turn", "turn", "pipecat-ai/smart-turn-v3", "BSD-2", 9,
          wheel="pipecat-ai==1.14.0!pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"),
    Model("ten-turn-detection", "turn", "TEN-framework/TEN_Turn_Detection", "Apache-2.0 with additional conditions", 15200,
          free=False, note="served by vLLM; turn_detection_python reaches it over HTTP"),
)  # fmt: skip
_BY_NAME = {model.name: model for model in MODELS}


def find(name: str) -> Model | None:
    return _BY_NAME.get(name)
