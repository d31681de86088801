import numpy


def make_sampler(temp=0.0, top_p=0.0, min_p=0.0, min_tokens_to_keep=1, top_k=0):
    assert temp > 0 and top_p > 0 and top_k > 0
    return lambda logits: int(numpy.argmax(logits))
