"""From text to speech tokens, one at a time: upstream's sampling, with a place to stop at every token.

Upstream hands out tokens by the chunk, computes attention maps for an analyser that is switched off, and lets ids through that its
vocoder has no row for (on CUDA that ends the process).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from .options import ChatterboxOptions

SPEECH_TOKENS = 6561  # ids below are sound; above are marks and unused rows


def token_cap(text: str) -> int:
    """25 tokens are a second; no text needs more than this. Without a cap a missed end babbles for 40 s."""
    return len(text) * 2 + 40


def text_ids(model: Any, text: str) -> torch.Tensor:
    """Twice the same row: guided and unguided."""
    hp = model.t3.hp
    ids = model.tokenizer.text_to_tokens(text).to(model.device)
    edge = torch.ones_like(ids[:, :1])
    return torch.cat([hp.start_text_token * edge, ids, hp.stop_text_token * edge], dim=1).expand(2, -1).contiguous()


def speech_tokens(model: Any, text: str, options: ChatterboxOptions, generator: Any) -> Iterator[int]:
    """Ends at the model's end mark or at the cap. Each step is one pass of the language model."""
    t3 = model.t3
    with torch.inference_mode():
        ids = text_ids(model, text)
        first = t3.hp.start_speech_token * torch.ones_like(ids[:, :1])
        embeds, _ = t3.prepare_input_embeds(t3_cond=model.conds.t3, text_tokens=ids, speech_tokens=first)
        embeds = torch.cat([embeds, _embedded(t3, t3.hp.start_speech_token, 0)], dim=1)
        seen = torch.full((1, 1), t3.hp.start_speech_token, dtype=torch.long, device=embeds.device)
        logits, past = _step(t3, embeds, None)
    for position in range(token_cap(text)):
        # Not around the yield: inference mode would leak into whoever consumes.
        with torch.inference_mode():
            token = pick(logits, seen, t3.hp.stop_speech_token, options, generator)
        if token == t3.hp.stop_speech_token:
            return
        yield token
        with torch.inference_mode():
            seen = torch.cat([seen, torch.full_like(seen[:, :1], token)], dim=1)
            logits, past = _step(t3, _embedded(t3, token, position + 1), past)


def _embedded(t3: Any, token: int, position: int) -> torch.Tensor:
    ids = torch.full((2, 1), token, dtype=torch.long, device=t3.device)
    embedded: torch.Tensor = t3.speech_emb(ids) + t3.speech_pos_emb.get_fixed_embedding(position)
    return embedded


def _step(t3: Any, embeds: torch.Tensor, past: Any) -> tuple[torch.Tensor, Any]:
    output = t3.patched_model(
        inputs_embeds=embeds, past_key_values=past, use_cache=True, output_attentions=False,
        output_hidden_states=True, return_dict=True,
    )  # fmt: skip
    return output.logits[:, -1, :], output.past_key_values


def pick(logits: torch.Tensor, seen: torch.Tensor, stop: int, options: ChatterboxOptions, generator: Any) -> int:
    """Guidance, temperature, repetition penalty, top-p, in upstream's order; ids that are no sound cannot win."""
    guided, unguided = logits[0:1], logits[1:2]
    scores = guided + options.cfg_weight * (guided - unguided)
    end_score = scores[:, stop].clone()
    scores[:, SPEECH_TOKENS:] = -torch.inf
    scores[:, stop] = end_score
    scores = scores / options.temperature
    earlier = scores.gather(1, seen)
    penalty = options.repetition_penalty
    scores = scores.scatter(1, seen, torch.where(earlier < 0, earlier * penalty, earlier / penalty))
    ascending, order = torch.sort(scores, descending=False)
    unlikely = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - options.top_p
    unlikely[:, -1] = False
    scores = scores.masked_fill(unlikely.scatter(1, order, unlikely), -torch.inf)
    return int(torch.multinomial(scores.softmax(dim=-1), 1, generator=generator))
