import pytest
from ten_graph import conversion, paths
from ten_graph.conversion import ConversionError, convert, convert_result


def fixed(path, value):
    return {"path": path, "conversion_mode": "fixed_value", "value": value}


def original(path, original_path):
    return {"path": path, "conversion_mode": "from_original", "original_path": original_path}


def per_property(*rules, **more):
    return {"type": "per_property", "rules": list(rules), **more}


def test_fresh_properties_same_name():
    rules = per_property(fixed("a.b[1]", "x"), original("copy", "deep[0].value"))
    properties = {"deep": [{"value": {"k": 1}}], "gone": True}
    assert convert(rules, "m", properties) == ("m", {"a": {"b": [None, "x"]}, "copy": {"k": 1}})
    assert properties == {"deep": [{"value": {"k": 1}}], "gone": True}


def test_keep_original_copies_and_overrides():
    rules = per_property(fixed("a", 2), keep_original=True)
    properties = {"a": 1, "b": {"c": []}}
    name, converted = convert(rules, "m", properties)
    assert (name, converted) == ("m", {"a": 2, "b": {"c": []}})
    converted["b"]["c"].append(1)
    assert properties["b"]["c"] == []


def test_renaming_and_reading_the_name():
    assert convert(per_property(fixed("ten.name", "n"), original("was", "ten.name")), "m", {}) == ("n", {"was": "m"})
    with pytest.raises(ConversionError, match="only be set to a string"):
        convert(per_property(original("ten.name", "a")), "m", {"a": 1})


def test_a_missing_original_is_an_invalid_value():
    assert convert(per_property(original("a", "b.c")), "m", {"b": {}})[1] == {"a": None}


def test_a_result_keeps_its_own_properties():
    rules = per_property(fixed("x", 1), result={"rules": [original("detail", "text")]})
    assert convert_result(rules, "m", {"text": "ok"}) == {"text": "ok", "detail": "ok"}
    assert convert_result(per_property(fixed("x", 1)), "m", {"text": "ok"}) == {"text": "ok"}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {"rules": 3},
        {"rules": [3]},
        {"rules": [fixed("a", [])]},
        {"rules": [fixed("a[b]", 1)]},
        {"type": "x", "rules": [fixed("a", 1)]},
        per_property(fixed("a", 1), result=3),
    ],
)
def test_malformed_conversions_are_described(bad):
    assert list(conversion.problems(bad))


def test_paths():
    assert paths.parse("a..b[0][1]") == ("a", "b", 0, 1)
    tree = {"a": "text"}
    paths.put(tree, "a.b[1].c", 1)
    assert tree == {"a": {"b": [None, {"c": 1}]}}
    assert paths.get(tree, "a.b[1].c") == 1
    assert paths.get(tree, "a.b[5]") is paths.MISSING
    # A missing key in the middle must not be skipped: that is a fault of the native runtime.
    assert paths.get({"b": 1}, "a.b") is paths.MISSING
    for bad in ("", ".", "a[", "a[x]", "a[99999999]"):
        with pytest.raises(ValueError, match="path"):
            paths.parse(bad)
