"""Stands in for a checkout of CosyVoice (commit ace7c47) where its weights are not: the interface that the engine uses."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import torch

from .model import CosyVoice2Model, CosyVoiceModel

encoded: list[tuple[str, str]] = []
downloads: list[str] = []


class FrontEnd:
    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.spk2info = {}

    def text_normalize(self, text, split=True, text_frontend=True):
        return [text] if split else text.strip()


class CosyVoice2:
    sample_rate = 24000
    model_class = CosyVoice2Model

    def __init__(self, model_dir: str, fp16: bool = False, load_jit: bool = False, load_trt: bool = False) -> None:
        logging.getLogger().setLevel(logging.DEBUG)
        torch.manual_seed(1986)
        self.frontend, self.model = FrontEnd(), self.model_class()
        if (Path(model_dir) / "spk2info.pt").is_file():
            self.frontend.spk2info = torch.load(Path(model_dir) / "spk2info.pt", weights_only=True)

    def add_zero_shot_spk(self, prompt_text, prompt_wav, zero_shot_spk_id):
        encoded.append((zero_shot_spk_id, prompt_text))
        tokens = 40 + len(zero_shot_spk_id)  # no multiple of 25
        pitch = torch.full((1, 192), 200.0 + 10 * len(zero_shot_spk_id))
        self.frontend.spk2info[zero_shot_spk_id] = {
            "prompt_text": torch.zeros(1, 5), "llm_prompt_speech_token": torch.zeros(1, tokens),
            "flow_prompt_speech_token": torch.zeros(1, tokens),
            "flow_prompt_speech_token_len": torch.tensor([tokens], dtype=torch.int32),
            "prompt_speech_feat": torch.zeros(1, 2 * tokens, 80),
            "prompt_speech_feat_len": torch.tensor([2 * tokens], dtype=torch.int32),
            "llm_embedding": pitch, "flow_embedding": pitch,
        }  # fmt: skip

    def _tts(self, text, arguments, stream):
        for piece in self.frontend.text_normalize(text):
            ids = torch.tensor([[ord(char) for char in piece]], dtype=torch.int32)
            yield from self.model.tts(text=ids, stream=stream, **arguments)

    def inference_sft(self, tts_text, spk_id, stream=False, speed=1.0, text_frontend=True):
        pitch = self.frontend.spk2info[spk_id]["embedding"]
        yield from self._tts(tts_text, {"flow_embedding": pitch, "llm_embedding": pitch}, stream)

    def inference_zero_shot(
        self, tts_text, prompt_text, prompt_wav, zero_shot_spk_id="", stream=False, speed=1.0, text_frontend=True
    ):
        info = dict(self.frontend.spk2info[zero_shot_spk_id])
        arguments = {k: v for k, v in info.items() if not k.endswith("_len")}
        yield from self._tts(tts_text, arguments, stream)

    def inference_cross_lingual(
        self, tts_text, prompt_wav, zero_shot_spk_id="", stream=False, speed=1.0, text_frontend=True
    ):
        info = dict(self.frontend.spk2info[zero_shot_spk_id])
        del info["prompt_text"], info["llm_prompt_speech_token"]
        yield from self._tts(tts_text, {k: v for k, v in info.items() if not k.endswith("_len")}, stream)


class CosyVoice(CosyVoice2):
    sample_rate = 22050
    model_class = CosyVoiceModel


def AutoModel(**kwargs):
    folder = Path(kwargs["model_dir"])
    if not os.path.exists(folder):
        downloads.append(str(folder))
    return (CosyVoice2 if (folder / "cosyvoice2.yaml").is_file() else CosyVoice)(**kwargs)
