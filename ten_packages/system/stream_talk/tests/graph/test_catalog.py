import pytest
from small_app import conversation, extension
from stream_talk.graph import GraphError, app_home, find_graph, offered_graphs


def test_only_session_graphs_are_offered(app, write):
    write(
        "talk.json",
        {
            "stream_talk": {"title": {"en": "Talk", "zh": "对话"}, "description": "d", "needs": ["ears"]},
            **conversation(),
        },
    )
    write("gateway.json", {"nodes": [extension("gateway", "quiet_python")]})
    write("_part.json", conversation())
    (offer,) = offered_graphs(app, environ={})
    assert offer.to_dict() == {
        "name": "talk",
        "title": {"en": "Talk", "zh": "对话"},
        "description": {"en": "d"},
        "needs": ["ears"],
        "runs_here": True,
        "obstacles": [],
    }


def test_obstacles_carry_their_remedy(app, write):
    write("a.json", {"extends": "talk.json", "nodes": [{"name": "stt", "addon": "mlx_python"}]})
    write("b.json", {"extends": "talk.json", "nodes": [{"name": "stt", "property": {"lang": "${env:EAR_KEY}"}}]})
    write("talk.json", conversation())
    (app / "graphs" / "torn.json").write_text('{"nodes": [')
    offers = {offer.name: offer for offer in offered_graphs(app, environ={})}
    assert offers["talk"].runs_here
    assert 'the addon "mlx_python" is not installed' in offers["a"].obstacles[0].message
    assert offers["b"].obstacles[0].remedy.startswith("export EAR_KEY=")
    assert "not valid JSON" in offers["torn"].obstacles[0].message


def test_a_graph_is_found_by_path_or_name(app, write):
    path = write("talk.json", conversation())
    assert find_graph(str(path)) == find_graph("talk") == find_graph("talk.json") == path
    with pytest.raises(GraphError, match='there is no graph "tallk"; graphs here: talk'):
        find_graph("tallk")
    with pytest.raises(GraphError, match="there is no graph"):
        find_graph("bad\0name")


def test_home_is_the_checkout_unless_stated(app, monkeypatch):
    assert app_home() == app
    monkeypatch.delenv("STREAM_TALK_HOME")
    assert (app_home() / "pyproject.toml").is_file()
    assert (app_home() / "manifest.json").is_file()
