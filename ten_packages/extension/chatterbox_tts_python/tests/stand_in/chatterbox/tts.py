"""Stands in for chatterbox-streaming 0.1.2 where its weights are not: the interface that the engine uses, with upstream's faults.

One speech token per character. The sound is a sine whose pitch is the voice's, continuous over the clause, so that an unsplit rendering
is known. Faults kept: unused ids win unless they are masked, and then break the vocoder; `finalize=False` drops three tokens; a
rendering is off by 5 % where the vocoder lacks context; `conds` is state of the instance; empty text is spoken.
"""

from __future__ import annotations

import math
import types
from dataclasses import dataclass
from pathlib import Path

import torch

from .models.t3.modules.cond_enc import T3Cond

SAMPLES_PER_FRAME = 480
EDGE_SAMPLES = 480
prepared: list[str] = []
decoded: list[tuple[int, bool]] = []


def punc_norm(text: str) -> str:
    return text.strip() or "You need to add some text for me to talk."


@dataclass
class Conditionals:
    t3: T3Cond
    gen: dict

    def to(self, device):
        return self

    @classmethod
    def load(cls, fpath, map_location="cpu"):
        return voice(float(torch.load(fpath, weights_only=True)["pitch"]), 0.5)


def voice(pitch: float, exaggeration: float) -> Conditionals:
    emotion = exaggeration * torch.ones(1, 1, 1)
    return Conditionals(T3Cond(torch.ones(1, 256), torch.zeros(1, 150), emotion), {"embedding": torch.tensor([pitch])})


class Tokenizer:
    def text_to_tokens(self, text: str) -> torch.Tensor:
        special = [9999] * ("endless" in text) + [8888] * ("broken" in text)
        return torch.tensor([[100 + ord(c) % 100 for c in text] + special])


class T3:
    device = torch.device("cpu")
    compiled = False
    cfg = tfmr = speech_head = None
    hp = types.SimpleNamespace(start_text_token=255, stop_text_token=0, start_speech_token=6561, stop_speech_token=6562)

    def __init__(self) -> None:
        self.speech_emb = lambda ids: ids.float().unsqueeze(-1)
        self.speech_pos_emb = types.SimpleNamespace(get_fixed_embedding=lambda position: torch.zeros(1, 1, 1))

    def prepare_input_embeds(self, *, t3_cond, text_tokens, speech_tokens):
        assert text_tokens.shape[0] == 2
        return torch.cat([text_tokens, speech_tokens], dim=1).float().unsqueeze(-1), 0


class S3Gen:
    def flow_inference(self, speech_tokens, ref_wav=None, ref_sr=None, ref_dict=None, finalize=False):
        if int(speech_tokens.max()) >= 6561:
            raise IndexError("index out of range in self")
        count = speech_tokens.shape[1] - (0 if finalize else 3)
        decoded.append((speech_tokens.shape[1], finalize))
        mel = torch.zeros(1, 80, 2 * count)
        mel[0, 0] = torch.arange(2 * count)
        mel[0, 1] = float(ref_dict["embedding"][0])
        return mel

    def hift_inference(self, speech_feat, cache_source=None):
        samples = speech_feat.shape[2] * SAMPLES_PER_FRAME
        begin = int(speech_feat[0, 0, 0]) * SAMPLES_PER_FRAME
        time = torch.arange(begin, begin + samples, dtype=torch.float64) / 24000
        wave = 0.5 * torch.sin(2 * math.pi * float(speech_feat[0, 1, 0]) * time).float()
        if begin:
            assert cache_source.shape == (1, 1, 3840)
            wave[:EDGE_SAMPLES] *= 0.95
        wave[-EDGE_SAMPLES:] *= 0.95
        return wave.unsqueeze(0), wave.reshape(1, 1, -1)


class Watermarker:
    def apply_watermark(self, wave, sample_rate):
        assert sample_rate == 24000
        return wave * 0.5


class ChatterboxTTS:
    sr = 24000

    def __init__(self, folder: Path, device: str) -> None:
        assert isinstance(device, str)
        self.device = device
        self.t3, self.s3gen, self.tokenizer, self.watermarker = T3(), S3Gen(), Tokenizer(), Watermarker()
        self.conds = voice(220.0, 0.5) if (folder / "conds.pt").exists() else None

    @classmethod
    def from_local(cls, ckpt_dir, device):
        return cls(Path(ckpt_dir), device)

    def prepare_conditionals(self, wav_fpath, exaggeration=0.5):
        prepared.append(Path(wav_fpath).name)
        self.conds = voice(330.0 + 10 * len(Path(wav_fpath).stem), exaggeration)
