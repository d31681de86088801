"""What `run` decides before it starts anything."""

import json
import socket
import threading

import pytest
from stream_talk_cli import browser
from stream_talk_cli.launch import app_property, make_plan


def node(name, addon, **property):
    return {"type": "extension", "name": name, "addon": addon, "property": property}


SESSION = {
    "nodes": [node("llm", "llm_python")],
    "exposed_messages": [{"type": "cmd_in", "name": "chat_completion", "extension": "llm"}],
}
GATEWAY = {"nodes": [node("gateway", "gateway_python", port=8000, default_graph="other", limits={"a": 1})]}


@pytest.fixture
def app(tmp_path, monkeypatch):
    (tmp_path / "graphs").mkdir()
    (tmp_path / "manifest.json").write_text('{"type": "app", "name": "a", "version": "0.1.0"}')
    (tmp_path / "property.json").write_text('{"ten": {"log": {"handlers": []}}, "mine": 1}')
    (tmp_path / "graphs" / "talk.json").write_text(json.dumps(SESSION))
    (tmp_path / "graphs" / "gateway.json").write_text(json.dumps(GATEWAY))
    monkeypatch.setenv("STREAM_TALK_HOME", str(tmp_path))
    return tmp_path


def test_a_conversation_is_offered_by_the_gateway(app):
    plan = make_plan(app / "graphs" / "talk.json", {"port": 9000, "tls_self_signed": True})
    assert plan.file.name == "gateway.json"
    expected = {"port": 9000, "tls_self_signed": True, "default_graph": "talk", "limits": {"a": 1}}
    assert plan.gateway.property == expected
    assert plan.url == "https://127.0.0.1:9000/"


def test_a_graph_from_elsewhere_brings_its_directory(app, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine.json").write_text(json.dumps(SESSION))
    plan = make_plan(elsewhere / "mine.json", {})
    assert plan.gateway.property["default_graph"] == "mine"
    assert plan.gateway.property["graphs_dir"] == str(elsewhere)


def test_a_graph_without_ports_runs_by_itself(app):
    (app / "graphs" / "alone.json").write_text(json.dumps({"nodes": SESSION["nodes"]}))
    plan = make_plan(app / "graphs" / "alone.json", {"port": 9000})
    assert (plan.file.name, plan.gateway, plan.url) == ("alone.json", None, None)


def test_the_gateway_itself_may_be_named(app):
    plan = make_plan(app / "graphs" / "gateway.json", {})
    assert plan.url == "http://127.0.0.1:8000/"


def test_an_address_for_everybody_is_shown_as_one_that_can_be_opened(app):
    assert make_plan(app / "graphs" / "talk.json", {"host": "0.0.0.0"}).url == "http://127.0.0.1:8000/"


def test_the_app_gets_a_plain_graph_and_keeps_its_own_properties(app):
    plan = make_plan(app / "graphs" / "talk.json", {})
    tree = app_property(plan.graph, "")
    (entry,) = tree["ten"]["predefined_graphs"]
    assert (entry["name"], entry["auto_start"]) == ("default", True)
    assert [item["name"] for item in entry["graph"]["nodes"]] == ["gateway"]
    assert tree["mine"] == 1
    assert tree["ten"]["log"] == {"handlers": []}
    (handler,) = app_property(plan.graph, "warn")["ten"]["log"]["handlers"]
    assert handler["matchers"] == [{"level": "warn"}]


def test_the_page_is_opened_when_the_server_answers(monkeypatch):
    opened = threading.Event()
    urls = []
    monkeypatch.setattr(browser, "RETRY_S", 0.01)
    monkeypatch.setattr(browser.webbrowser, "open", lambda url: (urls.append(url), opened.set()))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        browser.open_when_ready(url)
        assert not opened.wait(0.1), "nobody listens yet"
        server.listen()
        assert opened.wait(10)
    assert urls == [url]


def test_opening_can_be_called_off(monkeypatch):
    monkeypatch.setattr(browser, "RETRY_S", 0.01)
    urls = []
    monkeypatch.setattr(browser.webbrowser, "open", urls.append)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        browser.open_when_ready(f"http://127.0.0.1:{port}/").set()
        for thread in threading.enumerate():
            if thread.name == "open-browser":
                thread.join(10)
                assert not thread.is_alive()
    assert urls == []
