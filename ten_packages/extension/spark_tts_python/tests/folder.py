"""Model folders for the stand-ins, and two recordings to clone."""

from __future__ import annotations

from pathlib import Path

STAND_IN = Path(__file__).with_name("stand_in")
_FILES = {
    "torch": ("config.yaml", "LLM/config.json", "BiCodec/config.yaml", "BiCodec/model.safetensors"),
    "mlx": ("config.json", "BiCodec/model.safetensors"),
}


def make(folder: Path, backend: str) -> dict[str, object]:
    for name in (*_FILES[backend], "voices/ann.wav", "voices/robert.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "voices" / "robert.txt").write_text("What Robert says.\n", encoding="utf-8")
    return {
        "model_dir": str(folder), "repo_dir": str(STAND_IN / "Spark-TTS"), "device": "cpu", "voice": "ann",
        "voices_dir": str(folder / "voices"), "seed": 3,
    }  # fmt: skip
