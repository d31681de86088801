from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass
class T3Cond:
    speaker_emb: torch.Tensor
    cond_prompt_speech_tokens: torch.Tensor | None = None
    emotion_adv: torch.Tensor | None = None

    def to(self, *, device):
        return self
