"""Log lines: matchers, formatters, emitters, call sites."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ten_runtime import AsyncExtension, Cmd, CmdResult, LogLevel, LogOption, StatusCode, Value
from ten_runtime._core.log import LogConfigError, log_system, runtime_log


@pytest.fixture(autouse=True)
def _default_logging() -> Iterator[None]:
    yield
    log_system.configure({"handlers": []})


def handler(path: Path, *matchers: dict[str, str], kind: str = "plain") -> dict[str, Any]:
    emitter = {"type": "file", "config": {"path": str(path)}}
    return {"matchers": list(matchers), "formatter": {"type": kind}, "emitter": emitter}


class Logging(AsyncExtension):
    async def on_cmd(self, async_ten_env: Any, cmd: Cmd) -> None:
        async_ten_env.log_debug("quiet")
        async_ten_env.log_info("plain words")
        async_ten_env.log_warn("with fields", category="cat.sub", fields={"n": 1, "who": "我"})
        async_ten_env.log_error("typed", fields=Value.from_python({"deep": {"x": [1]}}), option=LogOption(sync=True))
        async_ten_env.log(LogLevel.INFO, "level given")
        await async_ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def log_lines(stage: Any, path: Path, *handlers: dict[str, Any]) -> list[str]:
    log_system.configure({"handlers": list(handlers)})

    async def script(env: Any, _tester: Any) -> None:
        await env.send_cmd(Cmd.create("x"))

    assert stage.play(Logging, script) is None
    return [line for line in path.read_text(encoding="utf-8").splitlines() if "ten_runtime" not in line]


def test_plain_lines_have_the_documented_shape(stage: Any, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "app.log"
    lines = log_lines(stage, path, handler(path, {"level": "info"}))
    assert len(lines) == 4
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \d+\(\d+\) I on_cmd@test_log\.py:\d+ \[addon_\d+\] plain words"
    assert re.fullmatch(shape, lines[0])
    assert re.search(r" W cat\.sub on_cmd@.*\] with fields n=1 who=我$", lines[1])
    assert lines[2].endswith('typed deep={"x": [1]}') and " E " in lines[2]


def test_json_lines_carry_their_fields(stage: Any, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    records = [json.loads(line) for line in log_lines(stage, path, handler(path, {"level": "warn"}, kind="json"))]
    assert [record["level"] for record in records] == ["WARN", "ERROR"]
    assert {"timestamp", "category", "pid", "tid", "function", "file", "line", "message"} <= set(records[0])
    assert records[0]["n"] == 1 and records[0]["category"] == "cat.sub" and records[1]["deep"] == {"x": [1]}


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        ([{"level": "error"}, {"level": "info", "category": "cat"}], ["with fields", "typed"]),
        ([{"level": "info"}, {"level": "off", "category": "cat"}], ["plain words", "typed", "level given"]),
        ([{"level": "debug", "category": "cat"}, {"level": "error", "category": "cat.sub"}], []),
        ([{"level": "debug"}, {"level": "error"}], ["typed"]),
        ([{"level": "info", "category": "cat"}, {"level": "error"}], ["with fields", "typed"]),
        ([], []),
    ],
)
def test_the_last_matching_category_decides(
    stage: Any, tmp_path: Path, matchers: list[dict[str, str]], expected: list[str]
) -> None:
    path = tmp_path / "app.log"
    lines = log_lines(stage, path, handler(path, *matchers))
    assert len(lines) == len(expected)
    for line, words in zip(lines, expected, strict=True):
        assert words in line


def test_without_handlers_everything_goes_to_stderr(stage: Any, capfd: pytest.CaptureFixture[str]) -> None:
    log_system.configure({"handlers": []})

    async def script(env: Any, _tester: Any) -> None:
        await env.send_cmd(Cmd.create("x"))

    assert stage.play(Logging, script) is None
    err = capfd.readouterr().err
    assert " D on_cmd@test_log.py" in err and "quiet" in err


def test_files_are_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    log_system.configure({"handlers": [handler(path, {"level": "debug"})]})
    runtime_log.info("before")
    path.rename(tmp_path / "rotated.log")
    log_system.reopen_files()
    runtime_log.info("after")
    assert "before" in (tmp_path / "rotated.log").read_text() and "after" in path.read_text()


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {"matchers": [{"level": "loud"}], "emitter": {"type": "console"}},
        {"matchers": [{"level": "info"}], "emitter": {"type": "pigeon"}},
        {"matchers": [{"level": "info"}], "emitter": {"type": "file"}},
        {"matchers": [{"level": "info"}], "emitter": {"type": "console"}, "formatter": {"type": "xml"}},
    ],
)
def test_a_wrong_configuration_names_its_place(entry: Any) -> None:
    with pytest.raises(LogConfigError, match=r"ten\.log"):
        log_system.configure({"handlers": [entry]})


@pytest.mark.parametrize(
    "config", [{"endpoint": "http://127.0.0.1:4317"}, {"endpoint": "http://127.0.0.1:9", "protocol": "grpc"}, {}, None]
)
def test_an_otlp_handler_that_cannot_be_used_is_left_out_and_the_others_work(tmp_path: Path, config: Any) -> None:
    path = tmp_path / "app.log"
    otlp = {"matchers": [{"level": "info"}], "emitter": {"type": "otlp", "config": config}}
    log_system.configure({"handlers": [otlp, handler(path, {"level": "info"})]})
    runtime_log.info("still here")
    assert "still here" in path.read_text()


def test_older_apps_name_a_level_and_a_file(app_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "old.log"
    app = app_of(ten={"log_level": "warn", "log_file": str(path)})
    app.close()
    app.run(False)
    runtime_log.info("not this")
    runtime_log.warn("but this")
    assert "but this" in path.read_text() and "not this" not in path.read_text()


class Refusing(io.StringIO):
    """A stream whose other end has left, for a while."""

    is_open = False

    def write(self, text: str) -> int:
        if not self.is_open:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)


def test_whoever_logs_does_not_fail_with_the_stream_and_lost_lines_are_counted(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Refusing()
    monkeypatch.setattr("sys.stderr", stream)

    async def script(env: Any, _tester: Any) -> None:
        assert (await env.send_cmd(Cmd.create("x")))[1] is None

    assert stage.play(Logging, script) is None
    stream.is_open = True
    runtime_log.info("again")
    first, second = stream.getvalue().splitlines()
    assert first.endswith("again")
    assert re.search(r" W ten_runtime .* [5-9] log lines could not be written$", second)


def test_a_console_without_the_character_shows_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(raw, encoding="ascii"))
    runtime_log.info("我")
    assert raw.getvalue().endswith(b"\\u6211\n")
    monkeypatch.setattr("sys.stderr", None)
    runtime_log.info("nobody sees this")


def test_a_file_that_cannot_be_opened_again_stays_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs" / "app.log"
    console = {"matchers": [{"level": "info"}], "emitter": {"type": "console", "config": {"stream": "stderr"}}}
    log_system.configure({"handlers": [handler(path, {"level": "info"}), console]})
    moved = path.parent.rename(tmp_path / "moved")
    log_system.reopen_files()
    runtime_log.info("still here")
    assert "still here" in (moved / "app.log").read_text("utf-8")
    assert "cannot be opened again" in capsys.readouterr().err
