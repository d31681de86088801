"""Streaming with upstream's documented faults: one hop length for all requests, a poll, a non-streaming last chunk, a thread that dies
without a word, books that nobody closes, a window that swells."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import nullcontext

import numpy as np
import torch

from .networks import Flow, Hift, Llm


def fade_in_out(fade_in, fade_out, window):
    overlap = len(window) // 2
    shaped = torch.from_numpy(window).float()
    fade_in = fade_in.clone()
    fade_in[..., :overlap] = fade_in[..., :overlap] * shaped[:overlap] + fade_out[..., -overlap:] * shaped[overlap:]
    return fade_in


class CosyVoice2Model:
    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.llm, self.flow, self.hift = Llm(), Flow(), Hift()
        self.token_hop_len, self.token_max_hop_len = 25, 100
        self.mel_cache_len, self.source_cache_len = 8, 3840
        self.speech_window = np.hamming(2 * self.source_cache_len)
        self.llm_context = nullcontext()
        self.lock = threading.Lock()
        self.tts_speech_token_dict, self.llm_end_dict, self.hift_cache_dict = {}, {}, {}

    def llm_job(self, text, prompt_text, llm_prompt_speech_token, llm_embedding, uuid):
        with self.llm_context:
            for token in self.llm.inference(text=text.to(self.device), text_len=None, uuid=uuid):
                self.tts_speech_token_dict[uuid].append(token)
        self.llm_end_dict[uuid] = True

    def token2wav(
        self, token, prompt_token, prompt_feat, embedding, token_offset, uuid, stream=False, finalize=False, speed=1.0
    ):
        mel, _ = self.flow.inference(token, prompt_token, prompt_feat, embedding, streaming=stream, finalize=finalize)
        mel = mel[:, :, token_offset * self.flow.token_mel_ratio :]
        cache = self.hift_cache_dict[uuid]
        source = torch.zeros(1, 1, 0)
        if cache is not None:
            mel, source = torch.concat([cache["mel"], mel], dim=2), cache["source"]
        speech, source = self.hift.inference(speech_feat=mel, cache_source=source)
        if cache is not None:
            speech = fade_in_out(speech, cache["speech"], self.speech_window)
        if finalize:
            return speech
        self.hift_cache_dict[uuid] = {
            "mel": mel[:, :, -self.mel_cache_len :],
            "source": source[:, :, -self.source_cache_len :],
            "speech": speech[:, -self.source_cache_len :],
        }
        return speech[:, : -self.source_cache_len]

    def tts(
        self, text, flow_embedding, llm_embedding=None, prompt_text=None, llm_prompt_speech_token=None,
        flow_prompt_speech_token=None, prompt_speech_feat=None, stream=False, speed=1.0, **kwargs,
    ):  # fmt: skip
        this = str(uuid.uuid1())
        self.tts_speech_token_dict[this], self.llm_end_dict[this], self.hift_cache_dict[this] = [], False, None
        arguments = (text, prompt_text, llm_prompt_speech_token, llm_embedding, this)
        thread = threading.Thread(target=self.llm_job, args=arguments, daemon=True)
        thread.start()
        voice = {
            "prompt_token": flow_prompt_speech_token,
            "prompt_feat": prompt_speech_feat,
            "embedding": flow_embedding,
        }
        offset, ahead = 0, self.flow.pre_lookahead_len
        while True:
            time.sleep(0.1)
            tokens = self.tts_speech_token_dict[this]
            if len(tokens) - offset >= self.token_hop_len + ahead:
                part = torch.tensor(tokens[: offset + self.token_hop_len + ahead]).unsqueeze(0)
                yield {"tts_speech": self.token2wav(part, token_offset=offset, uuid=this, stream=True, **voice)}
                offset += self.token_hop_len
                self.token_hop_len = min(self.token_max_hop_len, self.token_hop_len * 2)
            if self.llm_end_dict[this] and len(self.tts_speech_token_dict[this]) - offset < self.token_hop_len + ahead:
                break
        thread.join()
        part = torch.tensor(self.tts_speech_token_dict[this]).unsqueeze(0)
        yield {"tts_speech": self.token2wav(part, token_offset=offset, uuid=this, finalize=True, **voice)}
        for book in (self.tts_speech_token_dict, self.llm_end_dict, self.hift_cache_dict):
            book.pop(this)


class CosyVoiceModel(CosyVoice2Model):
    """Version 1, narrowed to what differs: a window of constant length, and no offset."""

    def __init__(self) -> None:
        super().__init__()
        del self.token_hop_len, self.source_cache_len
        self.token_min_hop_len, self.token_max_hop_len, self.token_overlap_len = 50, 100, 20
        self.mel_overlap_dict, self.flow_cache_dict = {}, {}
        self.spoken = {}

    def token2wav(self, token, prompt_token, prompt_feat, embedding, uuid, finalize=False, speed=1.0):
        assert self.mel_overlap_dict[uuid].shape[:2] == (1, 80) and uuid in self.flow_cache_dict
        count = token.shape[1] - (0 if finalize else self.token_overlap_len)
        begin = self.spoken.get(uuid, 0)
        self.spoken[uuid] = begin + count
        time_s = torch.arange(begin * 441, (begin + count) * 441) / 22050
        return 0.5 * torch.sin(2 * torch.pi * float(embedding[0, 0]) * time_s).unsqueeze(0)
