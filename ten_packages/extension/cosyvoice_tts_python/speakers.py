"""The speakers of a loaded model: those stored in it, and recordings that are encoded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable, Voice

GRID_TOKENS = 25
_V3_PREFIX = "You are a helpful assistant.<|endofprompt|>"
_RECORDINGS = (".wav", ".flac")


class Speakers:
    def __init__(self, cosy: Any, folder: str) -> None:
        self._cosy = cosy
        self._folder = Path(folder).expanduser() if folder else None
        self._stored = set(cosy.frontend.spk2info)
        self._without_text: set[str] = set()

    @property
    def _is_v3(self) -> bool:
        return type(self._cosy).__name__ == "CosyVoice3"

    def names(self) -> list[str]:
        return [*sorted(self._stored), *sorted(self._recordings())]

    def list(self) -> list[Voice]:
        return [Voice(name, "zh", "stored" if name in self._stored else "cloned") for name in self.names()]

    def _recordings(self) -> dict[str, Path]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        return {path.stem: path for path in sorted(self._folder.iterdir()) if path.suffix in _RECORDINGS}

    def prepare(self, name: str) -> str:
        """The id under which the model knows this voice."""
        names = self.names()
        if not names:
            raise EngineUnavailable("this model has no speakers of its own", "put a recording in `params.voices_dir`")
        name = name or names[0]
        if name not in names:
            raise EngineUnavailable(f"there is no voice {name!r}", f"write one of: {', '.join(names)}")
        if name not in self._cosy.frontend.spk2info:
            self._encode(name, self._recordings()[name])
        return name

    def _encode(self, name: str, recording: Path) -> None:
        transcript = recording.with_suffix(".txt")
        text = transcript.read_text(encoding="utf-8").strip() if transcript.is_file() else ""
        if not text:
            self._without_text.add(name)
        normalized = self._cosy.frontend.text_normalize(text, split=False, text_frontend=True) if text else ""
        if self._is_v3:
            normalized = _V3_PREFIX + normalized
        self._cosy.add_zero_shot_spk(normalized, str(recording), name)
        trim_prompt(self._cosy.frontend.spk2info[name])

    def synthesis(self, name: str, text: str, text_frontend: bool) -> Iterator[dict[str, Any]]:
        info = self._cosy.frontend.spk2info[name]
        rest = {"stream": True, "text_frontend": text_frontend}
        if "flow_prompt_speech_token" not in info:
            sound = self._cosy.inference_sft(text, name, **rest)
        elif name in self._without_text:
            # Version 3 waits for its mark in the prompt, and here there is none.
            text = _V3_PREFIX + text if self._is_v3 else text
            sound = self._cosy.inference_cross_lingual(text, "", zero_shot_spk_id=name, **rest)
        else:
            sound = self._cosy.inference_zero_shot(text, "", "", zero_shot_spk_id=name, **rest)
        outputs: Iterator[dict[str, Any]] = sound
        return outputs


def trim_prompt(info: dict[str, Any]) -> None:
    """To whole chunks of 25 tokens: otherwise the first sound waits for up to 24 more tokens (0.96 s), depending on the recording."""
    tokens = info["flow_prompt_speech_token"]
    keep = tokens.shape[1] - tokens.shape[1] % GRID_TOKENS
    if not keep:
        return
    info["flow_prompt_speech_token"] = tokens[:, :keep]
    info["prompt_speech_feat"] = info["prompt_speech_feat"][:, : 2 * keep]
    for name, length in (("flow_prompt_speech_token_len", keep), ("prompt_speech_feat_len", 2 * keep)):
        if name in info:
            info[name] = info[name].new_full(info[name].shape, length)
