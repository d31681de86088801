"""ten-vad, and what stands in for it where it cannot run: no binary (Linux on ARM), no libc++, not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream_talk.engines.interfaces import EngineUnavailable, VadEngine
from stream_talk.engines.spec import EngineSpec
from stream_talk.ten import names
from stream_talk.ten.vad import VadExtension

from .config import TenVadConfig
from .energy import EnergyVadEngine
from .engine import TenVadEngine

_EXTENSIONS = Path(__file__).resolve().parent.parent


class TenVadExtension(VadExtension):
    vendor = "ten"
    config_model = TenVadConfig
    engine_class = TenVadEngine

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._notices: list[str] = []

    @classmethod
    def engine_options(cls, config: Any) -> dict[str, Any]:
        return {"hop_size_ms": config.hop_size_ms}

    def make_engine(self, config: Any) -> VadEngine:
        try:
            return super().make_engine(config)
        except EngineUnavailable as error:
            return self._stand_in(config.fallback_engines, error)

    async def start_stage(self) -> None:
        for notice in self._notices:
            self.report_error(names.CODE_NON_FATAL, notice)
        await super().start_stage()

    def _stand_in(self, candidates: list[str], first: EngineUnavailable) -> VadEngine:
        problems = [str(first)]
        for name in candidates:
            try:
                engine = stand_in(name)
                engine.load()  # type: ignore[attr-defined]
            except EngineUnavailable as error:
                problems.append(str(error))
                continue
            self._notices.append(f"{'; '.join(problems)}; {name} detects speech instead")
            return engine
        raise EngineUnavailable("; ".join(problems), first.remedy)


def stand_in(name: str) -> VadEngine:
    """The engine of another VAD extension, found by its folder: extensions do not import each other."""
    if name == "energy":
        return EnergyVadEngine()
    file = _EXTENSIONS / name / "engine.py"
    if not file.is_file():
        raise EngineUnavailable(
            f"there is no extension {name}", "name a VAD extension of ten_packages/extension, or energy"
        )
    class_name = "".join(part.capitalize() for part in name.removesuffix("_python").split("_")) + "Engine"
    engine: VadEngine = EngineSpec.at(file, class_name).create()
    return engine
