"""mlx-audio 0.6.2's generator: the token that ends a reading is handed out too, with the reason."""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[3]))
import rules


def stream_generate(model, tokenizer, prompt, max_tokens=256, sampler=None, logits_processors=None):
    reading = rules.Reading(tokenizer, prompt)
    reason = "length"
    for index in range(max_tokens):
        logits = reading.logits()[None]
        for processor in logits_processors or ():
            logits = processor(prompt, logits)
        token = sampler(logits[0])
        if token == tokenizer.eos_token_id:
            reason = "stop"
            break
        if index + 1 == max_tokens:
            break
        yield SimpleNamespace(token=token, finish_reason=None)
    yield SimpleNamespace(token=token, finish_reason=reason)
