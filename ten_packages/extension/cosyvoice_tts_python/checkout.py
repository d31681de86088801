"""Finding upstream's code and weights, and nothing that is not there: upstream would download a folder that it does not find."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable

from .options import CosyvoiceOptions

_FILES = {
    "cosyvoice2.yaml": ("llm.pt", "flow.pt", "hift.pt", "campplus.onnx", "speech_tokenizer_v2.onnx"),
    "cosyvoice3.yaml": ("llm.pt", "flow.pt", "hift.pt", "campplus.onnx", "speech_tokenizer_v3.onnx"),
    "cosyvoice.yaml": ("llm.pt", "flow.pt", "hift.pt", "campplus.onnx", "speech_tokenizer_v1.onnx"),
}


def load_upstream(options: CosyvoiceOptions) -> Any:
    """The loaded `CosyVoice*` object, on the wanted device."""
    repo, model_dir = _checked_repo(options.repo_dir), _checked_model(options.model_dir)
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # upstream takes CUDA wherever it sees it
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    for path in (repo / "third_party" / "Matcha-TTS", repo):
        if str(path) not in sys.path:
            sys.path.insert(0, str(path))
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        import torch
        from cosyvoice.cli.cosyvoice import AutoModel
    except ImportError as error:
        raise EngineUnavailable(
            f"CosyVoice cannot be imported ({error})", "stream-talk engines install cosyvoice"
        ) from error
    chosen = {name: True for name in ("fp16", "load_jit", "load_trt") if getattr(options, name)}
    try:
        cosy = AutoModel(model_dir=str(model_dir), **chosen)
    finally:
        # Importing upstream sets the root logger to DEBUG, with a handler of its own.
        root.setLevel(level)
        root.handlers[:] = handlers
    _move(cosy, options.device, torch)
    torch.seed()  # upstream leaves every process with the same one
    return cosy


def _checked_repo(given: str) -> Path:
    repo = Path(given).expanduser()
    if not (repo / "cosyvoice" / "cli" / "cosyvoice.py").is_file():
        raise EngineUnavailable(
            f"{repo} is not a checkout of CosyVoice",
            "git clone --recursive https://github.com/FunAudioLLM/CosyVoice, and write its folder in `params.repo_dir`",
        )
    if not (repo / "third_party" / "Matcha-TTS" / "matcha").is_dir():
        raise EngineUnavailable(f"{repo} lacks its submodule", "run in it: git submodule update --init --recursive")
    return repo


def _checked_model(given: str) -> Path:
    folder = Path(given).expanduser()
    yaml = next((name for name in _FILES if (folder / name).is_file()), None)
    if yaml is None:
        raise EngineUnavailable(
            f"{folder} has no {', '.join(_FILES)}", "write the folder of CosyVoice2-0.5B in `params.model_dir`"
        )
    if yaml == "cosyvoice.yaml" and (folder / "CosyVoice-BlankEN").is_dir():
        raise EngineUnavailable(
            f"{folder} is an old snapshot of version 2", "rename its cosyvoice.yaml to cosyvoice2.yaml"
        )
    missing = [name for name in _FILES[yaml] if not (folder / name).is_file()]
    if missing:
        raise EngineUnavailable(f"{folder} has no {', '.join(missing)}", "fetch the model's folder again")
    return folder


def _move(cosy: Any, device: str, torch: Any) -> None:
    """Upstream knows CUDA and CPU. On Apple Silicon the networks are moved; version 3's vocoder needs float64 and stays."""
    mps = getattr(torch.backends, "mps", None)
    wanted = device == "mps" or (device == "auto" and not torch.cuda.is_available() and mps and mps.is_available())
    if device == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailable("there is no CUDA device", "write `params.device: auto`")
    if not wanted:
        return
    if not mps or not mps.is_available():
        raise EngineUnavailable("there is no MPS device", "write `params.device: auto`")
    model = cosy.model
    model.device = cosy.frontend.device = torch.device("mps")
    for part in (model.llm, model.flow, *(() if "3" in type(model).__name__ else (model.hift,))):
        part.to(model.device)
