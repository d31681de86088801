"""Upstream's backend asserts what it asserts; its language model is replaced by a rule (see `chatterbox.tts`)."""

from __future__ import annotations

import types

import torch

VOCABULARY = 8194
steps = 0
attention_maps = 0


class T3HuggingfaceBackend:
    def __init__(self, config, llama, *, speech_enc, speech_head, alignment_stream_analyzer=None):
        assert alignment_stream_analyzer is None, "the spy was asked for"
        self._llama = llama

    def __call__(
        self, inputs_embeds, past_key_values=None, use_cache=True, output_attentions=False,
        output_hidden_states=True, return_dict=True,
    ):  # fmt: skip
        global steps, attention_maps
        assert return_dict and output_hidden_states and inputs_embeds.shape[0] == 2
        assert not (inputs_embeds.shape[1] != 1 and past_key_values)
        steps += 1
        attention_maps += output_attentions
        if past_key_values is None:
            text = inputs_embeds[0, :-1, 0].tolist()
            past_key_values = {"length": len(text), "endless": 9999 in text, "broken": 8888 in text, "said": 0}
        said = past_key_values["said"]
        past_key_values["said"] = said + 1
        if past_key_values["broken"] and said == 15:
            raise RuntimeError("CUDA error: out of memory")
        logits = torch.full((2, 1, VOCABULARY), -40.0)
        logits[:, :, (37 * said) % 6561] = 20.0
        logits[:, :, 6563:] = 30.0  # unused rows that upstream lets win
        if said >= past_key_values["length"] and not past_key_values["endless"]:
            logits[:, :, 6562] = 60.0
        return types.SimpleNamespace(logits=logits, past_key_values=past_key_values)
