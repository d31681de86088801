import pytest
from ten_graph import placeholders
from ten_graph.placeholders import PlaceholderError, resolve

ENVIRON = {"KEY": "secret", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:KEY}", "secret"),
        ("${env:KEY|other}", "secret"),
        ("${env:EMPTY}", ""),
        ("${env:EMPTY|other}", ""),
        ("${env:NONE|other}", "other"),
        ("${env:NONE|}", ""),
        ("${env:NONE|a|b}", "a|b"),
        (r"${env:NONE|a\|b}", "a|b"),
        ("Bearer ${env:KEY}", "Bearer ${env:KEY}"),
        ("${env:KEY} ", "${env:KEY} "),
        ("$KEY", "$KEY"),
        ("", ""),
    ],
)
def test_only_a_whole_string_is_a_placeholder(text, value):
    assert resolve(text, ENVIRON) == value


def test_any_depth_and_other_types_untouched():
    tree = {"a": [{"b": "${env:KEY}"}, 1, True, None, 1.5]}
    assert resolve(tree, ENVIRON) == {"a": [{"b": "secret"}, 1, True, None, 1.5]}
    assert tree["a"][0]["b"] == "${env:KEY}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:NONE}", "environment variable NONE is not set"),
        ("${file:x}", "Unsupported placeholder scope: file"),
        ("${KEY}", "Unsupported placeholder: ${KEY}"),
        ("${}", "Unsupported placeholder"),
        ("${env:}", "Unsupported placeholder"),
    ],
)
def test_errors_name_the_path(text, message):
    with pytest.raises(PlaceholderError) as caught:
        resolve({"params": [{"key": text}]}, ENVIRON)
    assert message in str(caught.value)
    assert caught.value.path == "params[0].key"


def test_find_reports_all_with_their_paths():
    found = list(placeholders.find({"a": "${env:X|1}", "b": ["${bad}", "${env:Y}"]}))
    assert (found[0].path, found[0].variable, found[0].default) == ("a", "X", "1")
    assert isinstance(found[1], PlaceholderError)
    assert found[1].path == "b[0]"
    assert (found[2].path, found[2].variable, found[2].default) == ("b[1]", "Y", None)
