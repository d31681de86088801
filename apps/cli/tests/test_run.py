"""`stream-talk run` and main.py as a person starts them: in a process of their own, on a small app."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ADDON = """
from ten_runtime import Addon, AsyncExtension, Cmd, CmdResult, Loc, StatusCode, register_addon_as_extension

{body}

@register_addon_as_extension("{name}")
class TheAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(TheExtension(name), context)
"""
EXTENSIONS = {
    "closer_python": """
class TheExtension(AsyncExtension):
    async def on_start(self, ten_env):
        text, _ = await ten_env.get_property_to_json("")
        print("properties", text.replace(chr(10), " "), flush=True)
        close = Cmd.create("ten:close_app")
        close.set_dests([Loc("")])
        await ten_env.send_cmd(close)
""",
    "asker_python": """
class TheExtension(AsyncExtension):
    async def on_start(self, ten_env):
        await ten_env.send_cmd(Cmd.create("question"))
    async def on_stop(self, ten_env):
        print("the asker stopped in order", flush=True)
""",
    "bad_import_python": "raise RuntimeError('broken on import')",
    "bad_init_python": """
class TheExtension(AsyncExtension):
    async def on_init(self, ten_env):
        raise RuntimeError("broken in on_init")
""",
    "bad_cmd_python": """
class TheExtension(AsyncExtension):
    async def on_cmd(self, ten_env, cmd):
        raise RuntimeError("broken in on_cmd")
""",
    "silent_python": """
import asyncio
class TheExtension(AsyncExtension):
    async def on_init(self, ten_env):
        await asyncio.Event().wait()
""",
}


def write_json(path, tree):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("app")
    write_json(home / "manifest.json", {"type": "app", "name": "small", "version": "0.1.0"})
    limits = {"uncaught_exception": "graph", "start_timeout_s": 0.5, "stop_timeout_s": 0.5}
    write_json(home / "property.json", {"ten_embedded": limits})
    for name, body in EXTENSIONS.items():
        directory = home / "ten_packages" / "extension" / name
        api = {"property": {"properties": {"count": {"type": "int32"}}}}
        write_json(directory / "manifest.json", {"type": "extension", "name": name, "version": "0.1.0", "api": api})
        (directory / "__init__.py").write_text("from . import addon\n")
        (directory / "addon.py").write_text(ADDON.format(name=name, body=body))
    return home


def node(name, addon, **property):
    return {"type": "extension", "name": name, "addon": addon, "property": property}


@pytest.fixture
def run(home, tmp_path):
    def run(graph, *command):
        path = tmp_path / "g.json"
        path.write_text(graph if isinstance(graph, str) else json.dumps(graph))
        command = command or (sys.executable, "-m", "stream_talk_cli.main", "run")
        environ = {**os.environ, "STREAM_TALK_HOME": str(home), "GREETING": "hi"}
        return subprocess.run(
            [*command, str(path)], capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environ
        )

    return run


CLOSER = {"nodes": [node("closer", "closer_python", greeting="${env:GREETING}")]}


@pytest.mark.parametrize(
    "command", [(), (sys.executable, str(ROOT / "main.py"), "--", "--graph")], ids=["run", "main.py"]
)
def test_a_graph_runs_until_it_closes_the_app(run, command):
    done = run(CLOSER, *command)
    assert done.returncode == 0, done.stderr
    assert '"greeting": "hi"' in done.stdout


def test_a_variant_reaches_the_runtime_as_a_plain_graph(run, tmp_path):
    (tmp_path / "base.json").write_text(json.dumps(CLOSER))
    variant = {
        "extends": "base.json",
        "stream_talk": {"title": "V"},
        "nodes": [{"name": "closer", "property": {"count": 3}}],
    }
    done = run(variant)
    assert done.returncode == 0, done.stderr
    assert '"count": 3' in done.stdout


def cycle(tmp_path):
    inner = {"nodes": [{"type": "subgraph", "name": "s", "graph": {"import_uri": "inner.json"}}]}
    (tmp_path / "inner.json").write_text(json.dumps(inner))
    return inner


def asked(addon):
    edge = {"extension": "asker", "cmd": [{"name": "question", "dest": [{"extension": "bad"}]}]}
    return {"nodes": [node("asker", "asker_python"), node("bad", addon)], "connections": [edge]}


@pytest.mark.parametrize(
    ("graph", "told"),
    [
        ('{"nodes": [', ["g.json: line 1 column 12: not valid JSON"]),
        ({"nodes": [node("n", "closer_pithon")]}, ['g.json: nodes[0] "n": the addon "closer_pithon"', "closer_python"]),
        (cycle, ["inner.json", 'nodes[0] "s": graphs import each other in a cycle']),
        (
            {"nodes": [node("n", "closer_python", x="${env:NO_SUCH_VARIABLE}")]},
            ["g.json", 'node "n" property.x', "NO_SUCH_VARIABLE"],
        ),
        ({"nodes": [node("n", "closer_python", count="three")]}, ["g.json", '"n"', "count"]),
        ({"nodes": [node("n", "bad_import_python")]}, ["g.json", '"n"', "broken on import"]),
        ({"nodes": [node("n", "bad_init_python")]}, ["g.json", '"n"', "broken in on_init"]),
        (asked("bad_cmd_python"), ["g.json", '"bad"', "broken in on_cmd"]),
        ({"nodes": [node("n", "silent_python")]}, ["g.json", '"n"', "on_init"]),
    ],
    ids=[
        "not JSON",
        "unknown addon",
        "cycle",
        "environment",
        "wrong type",
        "import",
        "on_init",
        "on_cmd",
        "no acknowledgement",
    ],
)
def test_what_bad_input_gets(run, tmp_path, graph, told):
    done = run(graph(tmp_path) if callable(graph) else graph)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    for text in told:
        assert text in last
    if graph == asked("bad_cmd_python"):
        assert "the asker stopped in order" in done.stdout


def test_a_missing_graph_is_told_without_a_traceback(home):
    environ = {**os.environ, "STREAM_TALK_HOME": str(home)}
    command = [sys.executable, "-m", "stream_talk_cli.main", "run", "nosuch"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)
    assert done.returncode == 1
    assert done.stderr == 'there is no graph "nosuch"; write the path of a graph file\n'


def test_a_taken_port_is_told_and_is_no_success():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "stream_talk_cli.main", "run", "--no-browser", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr.splitlines()[-1]
