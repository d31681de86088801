"""mlx-audio's own language model, sampler and BiCodec, small and with random weights, behind the MLX backend. Runs where mlx-audio is."""

from __future__ import annotations

import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from stream_talk.engines.interfaces import SpeechRequest
from stream_talk.engines.runner import CancelFlag

from ..engine import SparkEngine
from ..mlx_backend import MlxBackend
from ..prompt import GLOBAL_TOKENS, SoundVocabulary, SparkVoice
from ..voices import VoiceShelf
from ..windows import WindowDecoder
from . import folder

mx = pytest.importorskip("mlx.core", reason="runs in tests/environments/mlx")
pytest.importorskip("mlx_audio", reason="runs in tests/environments/mlx")

WIDTH = 32
SPEAKER = tuple(random.Random(2).randrange(4096) for _ in range(GLOBAL_TOKENS))


def language_model(words: int):
    from mlx_audio.lm.models.qwen2 import Model, ModelArgs

    return Model(
        ModelArgs(
            model_type="qwen2", hidden_size=WIDTH, num_hidden_layers=1, intermediate_size=64, num_attention_heads=2,
            rms_norm_eps=1e-6, vocab_size=words, num_key_value_heads=1,
        )
    )  # fmt: skip


def codec():
    """BiCodec in its true architecture; what encodes is not needed."""
    from mlx_audio.tts.models.spark.audio_tokenizer import BiCodecTokenizer
    from mlx_audio.tts.models.spark.bicodec import BiCodec
    from mlx_audio.tts.models.spark.modules.encoder_decoder.feat_decoder import Decoder
    from mlx_audio.tts.models.spark.modules.encoder_decoder.wave_generator import WaveGenerator
    from mlx_audio.tts.models.spark.modules.residual import FactorizedVectorQuantize
    from mlx_audio.tts.models.spark.modules.speaker.speaker_encoder import SpeakerEncoder

    tokenizer = object.__new__(BiCodecTokenizer)
    tokenizer.model = BiCodec(
        mel_params={}, encoder=None, postnet=None,
        quantizer=FactorizedVectorQuantize(
            input_dim=WIDTH, codebook_size=8192, codebook_dim=8, commitment=0.25, codebook_loss_weight=2.0,
            use_l2_normlize=True, threshold_ema_dead_code=0.2,
        ),
        prenet=Decoder(
            input_channels=WIDTH, vocos_dim=WIDTH, vocos_intermediate_dim=64, vocos_num_layers=12, out_channels=WIDTH,
            condition_dim=WIDTH, sample_ratios=[1, 1], use_tanh_at_final=False,
        ),
        decoder=WaveGenerator(input_channel=WIDTH, channels=64, rates=[8, 5, 4, 2], kernel_sizes=[16, 11, 8, 4]),
        speaker_encoder=SpeakerEncoder(
            input_dim=128, out_dim=WIDTH, latent_dim=WIDTH, token_num=32, fsq_levels=[4] * 6, fsq_num_quantizers=1
        ),
    )  # fmt: skip
    tokenizer.model.eval()
    return tokenizer


@pytest.fixture(scope="module")
def backend():
    sys.path.insert(0, str(folder.STAND_IN))
    import rules

    sys.path.remove(str(folder.STAND_IN))
    mx.random.seed(1)
    words = rules.Tokenizer()
    words.decode = lambda ids, **_options: "".join(words._words[int(i)] for i in ids)
    engine = SparkEngine(model_dir="unused", seed=4)
    backend = MlxBackend(engine._options)
    backend._spark = SimpleNamespace(
        model=language_model(len(words.get_vocab())), tokenizer=words, _audio_tokenizer=codec()
    )
    backend.vocabulary = SoundVocabulary(words.get_vocab())
    return backend


def test_only_sound_is_sampled_up_to_the_limit(backend):
    backend.seed(1)
    allowed = frozenset(backend.vocabulary.semantic)
    tokens = list(backend.tokens("<|task_tts|>Hello.", allowed, 40))
    assert set(tokens) <= allowed and 0 < len(tokens) <= 40
    assert len(set(tokens)) > 5


def test_the_codec_makes_320_samples_of_a_token(backend):
    for count in (1, 33, 83):
        wave = backend.detokenize(SPEAKER, list(range(count)))
        assert wave.shape == (320 * count,) and wave.dtype == np.float32 and np.isfinite(wave).all()


def test_seams_of_the_true_codec_cannot_be_heard(backend):
    """Streamed against unsplit. Random weights look farther than trained ones need to."""
    tokens = [random.Random(i).randrange(8192) for i in range(220)]
    decoder = WindowDecoder(lambda window: backend.detokenize(SPEAKER, window))
    pieces = [piece for token in tokens if (piece := decoder.push(token)) is not None]
    streamed = np.concatenate([*pieces, decoder.finish()])
    unsplit = backend.detokenize(SPEAKER, tokens)
    assert len(pieces) == 4 and len(streamed) == len(unsplit)
    assert np.abs(streamed - unsplit).max() < 10 ** (-50 / 20) * np.abs(unsplit).max()


def test_a_clause_streams_and_a_cancel_leaves_it_usable(backend):
    engine = SparkEngine(model_dir="unused", seed=4)
    engine._backend = backend
    engine._shelf = VoiceShelf("", backend.encode, lambda style: SparkVoice(SPEAKER))
    flag = CancelFlag()
    stream = engine.speak(SpeechRequest("Hello there."), flag)
    first = next(stream)
    assert len(first.pcm) == 17 * 320 - 80
    flag.set()
    assert list(stream) == []
    pcm = np.concatenate([chunk.pcm for chunk in engine.speak(SpeechRequest("Hi."), CancelFlag())])
    assert len(pcm) > 0 and len(pcm) % 320 == 0
