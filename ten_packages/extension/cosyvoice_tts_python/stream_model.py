"""CosyVoice's streaming, without its faults.

Upstream doubles a hop length that all requests share, looks for tokens every 100 ms, decodes the last chunk with another attention mask,
waits for ever when its language model fails, and keeps running (and keeps its books) when nobody listens any more. `streaming_class`
makes a subclass of the loaded model's class with its own `tts`; `model.__class__ = streaming_class(type(model))` puts it to work.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import torch
from stream_talk.engines.interfaces import CancelToken
from stream_talk.engines.token_schedule import TokenSchedule

GRID_TOKENS = 25  # the model was trained on chunks of this many
HOPS = (50, 100)  # after the first
# What upstream takes where a request has none.
_NO_IDS, _NO_SPEAKER, _NO_MEL = torch.zeros(1, 0, dtype=torch.int32), torch.zeros(0, 192), torch.zeros(1, 0, 80)
_BOOKS = ("tts_speech_token_dict", "llm_end_dict", "hift_cache_dict", "mel_overlap_dict", "flow_cache_dict")


class Stopped(Exception):
    """Raised in the language model's thread at its next token, because nobody listens any more."""


class TokenFeed(list[int]):
    """The list that upstream's language model appends to; whoever decodes waits here instead of looking every 100 ms."""

    def __init__(self, cancel: CancelToken) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._cancel = cancel
        self._stopped = False
        self._ended = False
        self._error: BaseException | None = None

    def append(self, token: int) -> None:
        with self._changed:
            super().append(int(token))
            self._changed.notify_all()
            if self._stopped or self._cancel.cancelled:
                raise Stopped

    def end(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True

    @property
    def cancelled(self) -> bool:
        return self._cancel.cancelled

    def wait_for(self, count: int) -> bool:
        """True when there are that many tokens; False when there will never be, or nobody wants them."""
        with self._changed:
            self._changed.wait_for(lambda: len(self) >= count or self._ended or self._cancel.cancelled)
            if self._error is not None:
                raise self._error
            return len(self) >= count and not self._cancel.cancelled


class _Never:
    cancelled = False


class _Streaming:
    """Laid over an upstream model class, whose attributes and `token2wav` it uses."""

    cancel: CancelToken = _Never()
    first_hop_tokens = GRID_TOKENS

    def llm_job(self, *arguments: Any) -> None:
        feed: TokenFeed = self.tts_speech_token_dict[arguments[-1]]
        error: BaseException | None = None
        try:
            super().llm_job(*arguments)
        except Stopped:
            error = None
        except BaseException as problem:  # handed to the thread that decodes
            error = problem
        finally:
            feed.end(error)

    def tts(
        self,
        text: Any = _NO_IDS,
        flow_embedding: Any = _NO_SPEAKER,
        llm_embedding: Any = _NO_SPEAKER,
        prompt_text: Any = _NO_IDS,
        llm_prompt_speech_token: Any = _NO_IDS,
        flow_prompt_speech_token: Any = _NO_IDS,
        prompt_speech_feat: Any = _NO_MEL,
        **_ignored: Any,
    ) -> Iterator[dict[str, Any]]:
        request = str(uuid.uuid4())
        feed = self._open_books(request)
        thread = threading.Thread(
            target=self.llm_job, args=(text, prompt_text, llm_prompt_speech_token, llm_embedding, request),
            name="cosyvoice-lm", daemon=True,
        )  # fmt: skip
        voice = {
            "prompt_token": flow_prompt_speech_token,
            "prompt_feat": prompt_speech_feat,
            "embedding": flow_embedding,
            "uuid": request,
        }
        decode = self._by_window if hasattr(self, "token_overlap_len") else self._by_offset
        thread.start()
        try:
            for speech in decode(feed, voice):
                yield {"tts_speech": speech.cpu()}
        finally:
            feed.stop()
            thread.join()
            self._close_books(request)

    def _open_books(self, request: str) -> TokenFeed:
        feed = TokenFeed(self.cancel)
        self.tts_speech_token_dict[request] = feed
        self.llm_end_dict[request] = False
        self.hift_cache_dict[request] = None
        if hasattr(self, "mel_overlap_dict"):
            self.mel_overlap_dict[request] = torch.zeros(1, 80, 0)
        if hasattr(self, "flow_cache_dict"):
            self.flow_cache_dict[request] = torch.zeros(1, 80, 0, 2)
        return feed

    def _close_books(self, request: str) -> None:
        for name in _BOOKS:
            getattr(self, name, {}).pop(request, None)

    def _by_offset(self, feed: TokenFeed, voice: dict[str, Any]) -> Iterator[Any]:
        """Every chunk decodes all tokens so far, and hands out what is new."""
        ahead = self.flow.pre_lookahead_len
        pad = -voice["prompt_token"].shape[1] % GRID_TOKENS
        schedule = TokenSchedule((self.first_hop_tokens + pad, *HOPS), look_ahead=ahead)
        offset = 0
        while feed.wait_for(offset + schedule.wanted + ahead):
            tokens = torch.tensor(feed[: offset + schedule.wanted + ahead]).unsqueeze(0)
            yield self.token2wav(token=tokens, token_offset=offset, stream=True, finalize=False, **voice)
            offset += schedule.wanted
            schedule.advance()
        if len(feed) > offset and not feed.cancelled:
            tokens = torch.tensor(feed[:]).unsqueeze(0)
            yield self.token2wav(token=tokens, token_offset=offset, stream=True, finalize=True, **voice)

    def _by_window(self, feed: TokenFeed, voice: dict[str, Any]) -> Iterator[Any]:
        """Version 1: a window of constant length that overlaps the next one."""
        hop, overlap = self.token_min_hop_len, self.token_overlap_len
        offset = 0
        while feed.wait_for(offset + hop + overlap):
            tokens = torch.tensor(feed[offset : offset + hop + overlap]).unsqueeze(0)
            yield self.token2wav(token=tokens, finalize=False, **voice)
            offset += hop
        if len(feed) > offset and not feed.cancelled:
            yield self.token2wav(token=torch.tensor(feed[offset:]).unsqueeze(0), finalize=True, **voice)


def streaming_class(upstream: type[Any]) -> type[Any]:
    """For CosyVoice2Model and CosyVoice3Model (`token_offset` decoding) and for CosyVoiceModel (sliding window)."""
    return type(upstream.__name__, (_Streaming, upstream), {})  # upstream asks for its class's name
