"""From speech tokens to sound while they are still coming.

Every call decodes the clause from its first token: the flow's noise is indexed from there, so a sliding window would sound different in
the overlap. The vocoder sees only the new frames and the last eight before them, and its versions of those eight are cross-faded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from stream_talk.audio.pcm import Float32
from stream_talk.audio.seams import OverlapJoiner
from stream_talk.engines.interfaces import CancelToken
from stream_talk.engines.token_schedule import TokenSchedule

OVERLAP_FRAMES = 8
SAMPLES_PER_FRAME = 480
OVERLAP_SAMPLES = OVERLAP_FRAMES * SAMPLES_PER_FRAME
SCHEDULE = (10, 15, 25, 50)


class ClauseDecoder:
    def __init__(self, s3gen: Any, reference: dict[str, Any], device: str) -> None:
        self._s3gen = s3gen
        self._reference = reference
        self._device = device
        self._joiner = OverlapJoiner(OVERLAP_SAMPLES)
        self._source: torch.Tensor | None = None
        self._frames = 0  # of the clause that the vocoder has seen

    def decode(self, tokens: list[int], *, last: bool) -> Float32:
        """What is certain of the sound of all `tokens`, less what was handed out before."""
        with torch.inference_mode():
            ids = torch.tensor([tokens], dtype=torch.long, device=self._device)
            mel = self._s3gen.flow_inference(ids, ref_dict=self._reference, finalize=last)
            begin = max(0, self._frames - OVERLAP_FRAMES)
            wave, source = self._s3gen.hift_inference(mel[:, :, begin:], cache_source=self._source)
            self._source = source[:, :, -OVERLAP_SAMPLES:]
            self._frames = mel.shape[2]
            certain = self._joiner.push(wave.squeeze(0).float().cpu().numpy())
        return np.concatenate([certain, self._joiner.flush()]) if last else certain


def sound_of(tokens: Iterator[int], decoder: ClauseDecoder, cancel: CancelToken) -> Iterator[Float32]:
    """Sound as early as ten tokens allow; tokens that are left over at the end are spoken."""
    schedule = TokenSchedule(SCHEDULE)
    said: list[int] = []
    decoded = 0
    for token in tokens:
        if cancel.cancelled:
            return
        said.append(token)
        if schedule.is_due(len(said) - decoded):
            schedule.advance()
            decoded = len(said)
            yield decoder.decode(said, last=False)
            if cancel.cancelled:
                return
    if said and not cancel.cancelled:
        yield decoder.decode(said, last=True)
