"""A model folder for the stand-in, and two recordings to clone."""

from __future__ import annotations

from pathlib import Path

STAND_IN = Path(__file__).with_name("stand_in")


def make(folder: Path) -> dict[str, object]:
    for name in ("ve.pt", "t3_cfg.pt", "s3gen.pt", "tokenizer.json", "conds.pt", "voices/ann.wav", "voices/robert.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return {
        "model": str(folder),
        "voices_dir": str(folder / "voices"),
        "device": "cpu",
        "allow_slow": True,
        "watermark": False,
        "seed": 1,
    }
