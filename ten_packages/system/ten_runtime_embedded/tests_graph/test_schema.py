import json
import os

import pytest
from ten_graph.schema import ManifestApi, ManifestError, SchemaError, parse_schema


@pytest.mark.parametrize(
    ("type_", "value", "adjusted"),
    [
        ("int8", 127, 127),
        ("uint64", (1 << 64) - 1, (1 << 64) - 1),
        ("float64", 3, 3.0),
        ("float32", 0.5, 0.5),
        ("bool", True, True),
        ("string", "x", "x"),
        ("buf", b"x", b"x"),
        ("ptr", object, object),
    ],
)
def test_values_that_fit(type_, value, adjusted):
    result = parse_schema({"type": type_}).adjust(value)
    assert result == adjusted
    assert type(result) is type(adjusted)


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        ("int8", 128, "out of range of int8"),
        ("uint8", -1, "out of range of uint8"),
        ("int64", 1 << 63, "out of range of int64"),
        ("int32", 1.0, "unsupported conversion from `float64` to `int32`"),
        ("int32", "1", "unsupported conversion from `string` to `int32`"),
        ("int32", True, "unsupported conversion from `bool` to `int32`"),
        ("bool", 1, "unsupported conversion from `int64` to `bool`"),
        ("string", None, "unsupported conversion from `null` to `string`"),
        ("float64", 10**400, "out of range of float64"),
        ("object", [], "unsupported conversion from `array` to `object`"),
        ("array", {}, "unsupported conversion from `object` to `array`"),
    ],
)
def test_values_that_do_not(type_, value, message):
    with pytest.raises(SchemaError) as caught:
        parse_schema({"type": "object", "properties": {"p": {"type": type_}}}).adjust({"p": value})
    assert str(caught.value) == f".p: {message}"


def test_nesting_is_adjusted_and_undeclared_keys_pass():
    schema = parse_schema(
        {
            "type": "object",
            "properties": {"list": {"type": "array", "items": {"type": "float64"}}, "o": {"type": "object"}},
        }
    )
    assert schema.adjust({"list": [1, 2], "o": {"x": None}, "other": None}) == {
        "list": [1.0, 2.0],
        "o": {"x": None},
        "other": None,
    }
    with pytest.raises(SchemaError, match=r"^\.list\[1\]: unsupported"):
        schema.adjust({"list": [1, "2"]})


def test_required_and_all_errors_at_once():
    schema = parse_schema(
        {"type": "object", "properties": {"a": {"type": "bool"}, "b": {"type": "bool"}}, "required": ["a", "c"]}
    )
    with pytest.raises(SchemaError, match=r"the required properties are absent: 'a', 'c'"):
        schema.adjust({})
    assert [error.path for error in schema.errors({"a": 1, "b": 2})] == ["", ".a", ".b"]


@pytest.mark.parametrize(
    "tree", [{"type": "int"}, {}, [], {"type": []}, {"type": "array", "items": 3}, {"type": "object", "properties": []}]
)
def test_schemas_that_are_none(tree):
    with pytest.raises(SchemaError):
        parse_schema(tree)


def write(path, api, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**more, "api": api}))


def props(**types):
    return {"properties": {name: {"type": type_} for name, type_ in types.items()}}


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "ten_packages" / "extension" / "x" / "manifest.json"
    api = {
        "property": props(rate="float64"),
        "cmd_in": [{"name": "go", "property": props(n="int32"), "result": {"property": props(ok="bool")}}],
        "data_out": [{"name": "text", "property": {**props(text="string"), "required": ["text"]}}, {"name": "bare"}],
    }
    write(path, api, name="x")
    return path


def test_directions_kinds_and_results(manifest):
    api = ManifestApi.load(manifest.parent, app_base_dir=None)
    assert api.adjust_properties({"rate": 1, "more": 2}) == {"rate": 1.0, "more": 2}
    assert api.check_message("in", "cmd", "go", {"n": 1}) == {"n": 1}
    assert api.check_message("out", "cmd", "go", {"n": "undeclared direction"}) == {"n": "undeclared direction"}
    with pytest.raises(SchemaError, match=r"^\.n: unsupported conversion"):
        api.check_message("in", "cmd", "go", {"n": "1"})
    with pytest.raises(SchemaError, match="required properties are absent: 'text'"):
        api.check_message("out", "data", "text", {})
    with pytest.raises(SchemaError, match=r"^\.ok"):
        api.check_result("in", "go", {"ok": 1})
    assert api.check_result("in", "other", {"ok": 1}) == {"ok": 1}
    assert api.message_names("out", "data") == {"text", "bare"}
    assert api.message_schema("out", "data", "bare") is None


def test_adjusting_one_property(manifest):
    api = ManifestApi.load(manifest.parent)
    assert api.adjust_property("rate", 2) == 2.0
    assert api.adjust_property("no.such", "x") == "x"
    with pytest.raises(SchemaError, match=r"^\.rate"):
        api.adjust_property("rate", "fast")


def test_no_manifest_means_nothing_declared(tmp_path):
    api = ManifestApi.load(tmp_path)
    assert api.adjust_properties({"a": None}) == {"a": None}


def test_interfaces_are_merged_and_required_is_dropped(tmp_path, manifest):
    shared = tmp_path / "ten_packages" / "system" / "base" / "api"
    write(shared / "asr.json", None)
    (shared / "asr.json").write_text(
        json.dumps(
            {"interface": [{"import_uri": "deep.json"}], "property": {**props(lang="string"), "required": ["lang"]}}
        )
    )
    (shared / "deep.json").write_text(json.dumps({"cmd_in": [{"name": "flush"}]}))
    for uri in (
        "../../system/base/api/asr.json",
        "${app_base_dir}/ten_packages/system/base/api/asr.json",
        (shared / "asr.json").as_uri(),
    ):
        write(manifest, {"interface": [{"import_uri": uri}], "property": props(rate="float64")})
        os.utime(manifest, ns=(0, os.stat(manifest).st_mtime_ns + 1000))
        api = ManifestApi.load(manifest.parent, app_base_dir=tmp_path)
        assert api.adjust_properties({"rate": 1}) == {"rate": 1.0}
        assert api.message_names("in", "cmd") == {"flush"}
        with pytest.raises(SchemaError, match=r"^\.lang"):
            api.adjust_properties({"lang": 1})


@pytest.mark.parametrize(
    ("interface", "message"),
    [
        ({"property": props(rate="string")}, 'property "rate" is declared differently'),
        ({"cmd_in": [{"name": "go"}]}, 'cmd_in "go" is declared differently'),
        ({"interface": [{"import_uri": "i.json"}]}, "in a cycle"),
        ({"interface": [{"import_uri": "none.json"}]}, "does not exist"),
        ({"cmd_in": "go"}, "must be a list"),
    ],
)
def test_interfaces_that_cannot_be_merged(manifest, interface, message):
    (manifest.parent / "i.json").write_text(json.dumps(interface))
    api = json.loads(manifest.read_text())["api"]
    write(manifest, {**api, "interface": [{"import_uri": "i.json"}]})
    with pytest.raises(ManifestError, match=message):
        ManifestApi.load(manifest.parent)


def test_a_changed_manifest_is_read_again(manifest):
    before = ManifestApi.load(manifest.parent)
    assert ManifestApi.load(manifest.parent) is before
    write(manifest, {"property": props(rate="string")})
    os.utime(manifest, ns=(0, os.stat(manifest).st_mtime_ns + 1_000_000))
    assert ManifestApi.load(manifest.parent).adjust_properties({"rate": "x"}) == {"rate": "x"}
