"""Files that are no graphs."""

import pytest
from ten_graph import GraphError, load_graph_file
from ten_graph.errors import INVALID_JSON


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b'{"nodes": [}', "line 1 column 12"),
        (b"[]", "a graph is a JSON object, this is a list"),
        (b"null", "a graph is a JSON object, this is null"),
        (b"\xff\xfe", "not UTF-8 text: byte 0 is invalid"),
        (b'{"a": 1, "a": 2}', 'the key "a" appears twice in one object'),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number or the nesting is too large|cannot"),
        (b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nest"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper than 100 levels"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, content, message):
    path = tmp_path / "g.json"
    path.write_bytes(content)
    with pytest.raises(GraphError, match=message) as caught:
        load_graph_file(path)
    assert caught.value.code == INVALID_JSON
    assert str(caught.value).startswith(str(path))


def test_missing_files_and_directories(tmp_path):
    with pytest.raises(GraphError, match=r"none\.json: the file does not exist"):
        load_graph_file(tmp_path / "none.json")
    with pytest.raises(GraphError, match="cannot be read"):
        load_graph_file(tmp_path)


def test_byte_order_mark_and_chinese(tmp_path):
    path = tmp_path / "g.json"
    path.write_bytes("\ufeff".encode() + '{"标题": "对话"}'.encode())
    assert load_graph_file(path) == {"标题": "对话"}
