"""Model folders for the stand-in: version 2 with two recordings to clone, and 300M-SFT with two stored speakers."""

from __future__ import annotations

from pathlib import Path

STAND_IN = Path(__file__).with_name("stand_in") / "CosyVoice"


def version_2(folder: Path) -> dict[str, object]:
    _touch(folder, "cosyvoice2.yaml", "speech_tokenizer_v2.onnx")
    voices = folder / "voices"
    voices.mkdir()
    for name in ("anna", "bob"):
        (voices / f"{name}.wav").touch()
    (voices / "anna.txt").write_text("What Anna says. \n", encoding="utf-8")
    return {
        "repo_dir": str(STAND_IN),
        "model_dir": str(folder),
        "device": "cpu",
        "voice": "anna",
        "voices_dir": str(voices),
    }


def version_1(folder: Path) -> dict[str, object]:
    import torch

    _touch(folder, "cosyvoice.yaml", "speech_tokenizer_v1.onnx")
    speakers = {name: {"embedding": torch.full((1, 192), pitch)} for name, pitch in (("one", 220.0), ("two", 330.0))}
    torch.save(speakers, folder / "spk2info.pt")
    return {"repo_dir": str(STAND_IN), "model_dir": str(folder), "device": "cpu"}


def _touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*names, "llm.pt", "flow.pt", "hift.pt", "campplus.onnx"):
        (folder / name).touch()
