"""The three networks, as rules: two speech tokens per character, a sine whose pitch is the speaker's, a vocoder that is 5 % off where it
lacks context and louder where the flow was not told that it streams."""

from __future__ import annotations

import math
import threading

import torch

SAMPLES_PER_FRAME = 480
EDGE_SAMPLES = 480


class Llm:
    def __init__(self) -> None:
        self.steps = 0
        self.pace: threading.Semaphore | None = None  # one permit per token, where a test wants to hold it

    def inference(self, text, text_len=None, **_rest):
        text_ids = text[0].tolist()
        for position in range(2 * len(text_ids)):
            if self.pace is not None:
                self.pace.acquire(timeout=10)
            self.steps += 1
            if text_ids[0] == ord("!") and position == 10:
                raise ValueError("should not reach infinite sampling")
            yield (37 * position) % 6561


class Flow:
    pre_lookahead_len = 3
    token_mel_ratio = 2

    def inference(self, token, prompt_token, prompt_feat, embedding, streaming, finalize):
        assert prompt_feat.shape[1] == 2 * prompt_token.shape[1]
        count = token.shape[1] - (0 if finalize else self.pre_lookahead_len)
        mel = torch.zeros(1, 80, 2 * count)
        mel[0, 0] = torch.arange(2 * count)
        mel[0, 1] = float(embedding[0, 0])
        mel[0, 2] = 0.5 if streaming else 0.6
        return mel, None


class Hift:
    def inference(self, speech_feat, cache_source):
        samples = speech_feat.shape[2] * SAMPLES_PER_FRAME
        begin = int(speech_feat[0, 0, 0]) * SAMPLES_PER_FRAME
        time = torch.arange(begin, begin + samples, dtype=torch.float64) / 24000
        wave = float(speech_feat[0, 2, -1]) * torch.sin(2 * math.pi * float(speech_feat[0, 1, 0]) * time).float()
        if begin:
            assert cache_source.shape[2] == 3840
            wave[:EDGE_SAMPLES] *= 0.95
        wave[-EDGE_SAMPLES:] *= 0.95
        return wave.unsqueeze(0), wave.reshape(1, 1, -1)
