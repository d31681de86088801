"""Messages on their own: properties, paths, buffers, clones, and errors as values."""

from __future__ import annotations

import array
import json

import pytest
from ten_runtime import (
    AudioFrame,
    AudioFrameDataFmt,
    Cmd,
    CmdResult,
    Data,
    Loc,
    PixelFmt,
    StartGraphCmd,
    StatusCode,
    StopGraphCmd,
    TenError,
    TenErrorCode,
    TriggerLifeCycleCmd,
    Value,
    ValueType,
    VideoFrame,
)

NOT_FOUND = 100000


def test_an_error_is_a_value_with_methods() -> None:
    error = TenError.create(TenErrorCode.ErrorCodeTimeout)
    assert error.error_code() == 8
    assert error.error_message() == ""
    assert "error_code: 2, error_message: no" in str(TenError.create(TenErrorCode.ErrorCodeInvalidJSON, "no"))
    assert not isinstance(error, Exception)
    with pytest.raises(NotImplementedError, match=r"Use TenError.create instead\."):
        TenError()


@pytest.mark.parametrize("cls", [Cmd, Data, AudioFrame, VideoFrame, CmdResult])
def test_messages_are_only_made_by_create(cls: type) -> None:
    with pytest.raises(NotImplementedError, match=rf"Use {cls.__name__}.create instead\."):
        cls("x")


def test_each_type_of_property_comes_back() -> None:
    data = Data.create("d")
    assert data.set_property_int("i", -(2**63)) is None
    assert data.set_property_string("s", "漢字") is None
    assert data.set_property_bool("b", True) is None
    assert data.set_property_float("f", 0.5) is None
    assert data.set_property_buf("x", b"\x00\x01") is None
    assert data.get_property_int("i") == (-(2**63), None)
    assert data.get_property_string("s") == ("漢字", None)
    assert data.get_property_bool("b") == (True, None)
    assert data.get_property_float("f") == (0.5, None)
    buf, error = data.get_property_buf("x")
    assert buf == bytearray(b"\x00\x01") and isinstance(buf, bytearray) and error is None


@pytest.mark.parametrize(
    ("getter", "default"),
    [
        ("get_property_int", 0),
        ("get_property_string", ""),
        ("get_property_bool", False),
        ("get_property_float", 0.0),
        ("get_property_buf", bytearray()),
        ("get_property_to_json", ""),
    ],
)
def test_a_missing_property_gives_the_default_and_code_100000(getter: str, default: object) -> None:
    value, error = getattr(Data.create("d"), getter)("a.b")
    assert value == default
    assert error.error_code() == NOT_FOUND
    assert error.error_message() == "Failed to find value: a.b"


@pytest.mark.parametrize(
    ("text", "getter", "code"),
    [
        ('"s"', "get_property_int", 1),
        ("1.5", "get_property_int", 1),
        ("1", "get_property_bool", 1),
        ("1", "get_property_float", 1),
        ("1", "get_property_string", 3),
        ("true", "get_property_int", 1),
        ('"x"', "get_property_buf", 1),
    ],
)
def test_a_property_of_another_type_is_not_converted(text: str, getter: str, code: int) -> None:
    data = Data.create("d")
    assert data.set_property_from_json("v", text) is None
    value, error = getattr(data, getter)("v")
    assert not value
    assert error.error_code() == code


def test_wrong_arguments_raise() -> None:
    data = Data.create("d")
    for call in (
        lambda: data.set_property_int("a", "1"),  # type: ignore[arg-type]
        lambda: data.set_property_int("a", 2**63),
        lambda: data.get_property_int(5),  # type: ignore[arg-type]
        lambda: data.set_property_string("a", 1),  # type: ignore[arg-type]
        lambda: data.set_property_buf("a", "text"),
        lambda: AudioFrame.create("a").set_property_from_json(None, ["{}"]),  # type: ignore[arg-type]
        lambda: data.set_dests(["stt"]),  # type: ignore[list-item]
        lambda: CmdResult.create(StatusCode.OK, data),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="Failed to parse arguments"):
            call()
    with pytest.raises(ValueError, match="empty"):
        data.set_property_buf("a", b"")


def test_a_buffer_property_is_whatever_offers_its_bytes() -> None:
    data = Data.create("d")
    for value in (b"\x01\x02", bytearray(b"\x01\x02"), memoryview(b"\x01\x02\x03")[:2], array.array("B", (1, 2))):
        assert data.set_property_buf("a", value) is None
        assert data.get_property_buf("a") == (bytearray(b"\x01\x02"), None)


def test_paths_make_objects_and_arrays_and_replace_what_is_in_the_way() -> None:
    data = Data.create("d")
    assert data.set_property_int("a.b[2].c", 7) is None
    assert json.loads(data.get_property_to_json()[0]) == {"a": {"b": [None, None, {"c": 7}]}}
    assert data.get_property_int("a.b[2].c") == (7, None)
    assert data.set_property_string("a", "flat") is None
    assert data.set_property_int("a.x", 1) is None
    assert json.loads(data.get_property_to_json("a")[0]) == {"x": 1}


def test_a_missing_parent_does_not_fall_back_to_its_sibling() -> None:
    data = Data.create("d")
    data.set_property_int("b", 1)
    assert data.get_property_int("a.b")[1].error_code() == NOT_FOUND


def test_ten_name_is_a_path() -> None:
    cmd = Cmd.create("old")
    assert cmd.get_property_string("ten.name") == ("old", None)
    assert cmd.set_property_string("ten.name", "new") is None
    assert cmd.get_name() == "new"
    frame = AudioFrame.create("f")
    frame.set_sample_rate(16000)
    assert frame.get_property_int("ten.sample_rate") == (16000, None)


@pytest.mark.parametrize("path", [None, ""])
def test_json_without_a_path_replaces_and_returns_everything(path: str | None) -> None:
    data = Data.create("d")
    data.set_property_int("gone", 1)
    assert data.set_property_from_json(path, '{"名": [1, {"x": null}]}') is None
    text, error = data.get_property_to_json(path)
    assert error is None and json.loads(text) == {"名": [1, {"x": None}]} and "名" in text


def test_changing_one_property_keeps_the_others_however_often_their_text_was_seen() -> None:
    for _ in range(3):
        frame = AudioFrame.create("pcm_frame")
        assert frame.set_property_from_json(None, '{"speaker": {"id": 1}}') is None
        assert frame.set_property_int("speaker.level", 2) is None
        assert json.loads(frame.get_property_to_json()[0]) == {"speaker": {"id": 1, "level": 2}}


def test_a_scalar_as_json_keeps_its_quotes() -> None:
    data = Data.create("d")
    data.set_property_string("v", "testValue")
    assert data.get_property_to_json("v") == ('"testValue"', None)


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": NaN}', "[" * 100_000, '{"a":' * 200 + "1" + "}" * 200])
def test_what_is_not_a_json_object_is_code_2(text: str) -> None:
    error = Data.create("d").set_property_from_json(None, text)
    assert error is not None and error.error_code() == TenErrorCode.ErrorCodeInvalidJSON


def test_buffers_and_gaps_are_null_in_json() -> None:
    data = Data.create("d")
    data.set_property_buf("x", b"1")
    data.set_property_int("a[1]", 1)
    assert json.loads(data.get_property_to_json()[0]) == {"x": None, "a": [None, 1]}


def test_destinations_are_checked_before_anything_changes() -> None:
    cmd = Cmd.create("c")
    assert cmd.set_dests([Loc("", "", "ext"), Loc("")]) is None
    for loc, word in ((Loc(None), "App URI"), (Loc("", None, "ext"), "Graph ID")):
        error = cmd.set_dests([Loc(""), loc])
        assert error is not None and error.error_code() == 3 and word in error.error_message()
    assert cmd.set_dests([]) is None


def test_a_new_message_has_no_source() -> None:
    source = Cmd.create("c").get_source()
    assert (source.app_uri, source.graph_id, source.extension_name) == (None, None, None)


@pytest.mark.parametrize(
    "name", ["ten:close_app", "ten:start_graph", "ten:stop_graph", "ten:timer", "ten:trigger_life_cycle"]
)
def test_a_built_in_name_makes_the_built_in_command(name: str) -> None:
    cmd = Cmd.create(name)
    assert cmd.set_property_string("ten.some_field", "x") is None
    assert cmd.get_property_string("ten.some_field") == ("x", None)
    assert Cmd.create("other").set_property_string("ten.some_field", "x") is not None


def test_built_in_commands_have_setters() -> None:
    start = StartGraphCmd.create()
    assert start.get_name() == "ten:start_graph"
    assert start.set_predefined_graph_name("g") and start.set_sync_stop_before_deinit(True)
    assert StopGraphCmd.create().set_graph_id("id") and TriggerLifeCycleCmd.create().set_stage("start")


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        '{"nodes": [{"type": "extension", "name": "a", "addon": "x"}], "connections": [{"extension": "b"}]}',
        '{"nodes": [{"type": "extension", "name": "a", "addon": "x"}, {"type": "extension", "name": "a", "addon": "x"}]}',
        '{"nodes": [{"type": "extension", "name": "a", "addon": "x"}],'
        ' "connections": [{"extension": "a", "cmd": [{"name": "c", "dest": [{"extension": "z"}]}]}]}',
    ],
)
def test_set_graph_from_json_refuses_what_is_no_graph(text: str) -> None:
    assert StartGraphCmd.create().set_graph_from_json(text) is False
    assert StartGraphCmd.create().set_graph_from_json('{"nodes": [{"type": "extension", "name": "a", "addon": "x"}]}')


def test_results_remember_status_and_flags() -> None:
    result = CmdResult.create(StatusCode.ERROR, Cmd.create("c"))
    assert result.get_name() == "ten:result"
    assert result.get_status_code() is StatusCode.ERROR
    assert result.is_final() and not result.is_completed()
    result.set_final(False)
    assert not result.is_final() and not result.clone().is_final()


def test_a_data_buffer_is_written_through_its_lock() -> None:
    data = Data.create("d")
    assert data.get_buf() == bytearray()
    with pytest.raises(ValueError, match=r"Invalid buffer size\."):
        data.alloc_buf(0)
    with pytest.raises(SystemError):
        data.lock_buf()
    data.alloc_buf(4)
    view = data.lock_buf()
    with pytest.raises(SystemError):
        data.lock_buf()
    view[:] = b"abcd"
    with pytest.raises(SystemError):
        data.unlock_buf(memoryview(b"abcd"))
    data.unlock_buf(view)
    assert data.get_buf() == bytearray(b"abcd")
    data.alloc_buf(9)
    assert len(data.get_buf()) == 4, "a second allocation of data is ignored"


def test_audio_and_video_buffers_report_misuse_as_natively() -> None:
    audio, video = AudioFrame.create("a"), VideoFrame.create("v")
    with pytest.raises(ValueError, match=r"Invalid audio frame size\."):
        audio.alloc_buf(-1)
    with pytest.raises(SystemError, match=r"Failed to get buffer\."):
        audio.get_buf()
    audio.alloc_buf(2)
    audio.alloc_buf(3)
    assert len(audio.get_buf()) == 3
    with pytest.raises(RuntimeError):
        audio.unlock_buf(memoryview(b""))
    video.alloc_buf(1)
    with pytest.raises(SystemError):
        video.unlock_buf(memoryview(b""))


def test_frames_have_fields_with_defaults_and_take_any_integer() -> None:
    audio = AudioFrame.create("a")
    assert audio.get_data_fmt() == AudioFrameDataFmt.INTERLEAVE and not audio.is_eof()
    audio.set_data_fmt(0)
    for field in (
        "timestamp",
        "sample_rate",
        "samples_per_channel",
        "bytes_per_sample",
        "number_of_channels",
        "line_size",
    ):
        assert getattr(audio, f"get_{field}")() == 0
        getattr(audio, f"set_{field}")(7)
        assert getattr(audio, f"get_{field}")() == 7
    video = VideoFrame.create("v")
    assert video.get_pixel_fmt() == PixelFmt.RGBA
    video.set_width(2)
    video.set_height(3)
    video.set_eof(True)
    assert (video.get_width(), video.get_height(), video.is_eof(), audio.get_data_fmt()) == (2, 3, True, 0)


def test_a_clone_shares_nothing() -> None:
    frame = AudioFrame.create("a")
    frame.set_property_from_json("p", '{"list": [1]}')
    frame.alloc_buf(1)
    frame.set_timestamp(9)
    twin = frame.clone()
    view = frame.lock_buf()
    view[0] = 1
    frame.set_property_int("p.list[0]", 2)
    assert type(twin) is AudioFrame and twin.get_timestamp() == 9
    assert twin.get_buf() == bytearray(1)
    assert twin.get_property_int("p.list[0]") == (1, None)


def test_values_know_their_type() -> None:
    value = Value.from_python({"a": [True, 1, 2.5, "s", b"x", None]})
    assert value.get_type() == ValueType.OBJECT
    types = [item.get_type() for item in value.get_object()[0]["a"].get_array()[0]]
    assert types == [
        ValueType.BOOL,
        ValueType.INT,
        ValueType.FLOAT,
        ValueType.STRING,
        ValueType.BYTES,
        ValueType.STRING,
    ]
    number, error = Value.from_int(3).get_bool()
    assert number is False and error is not None and error.error_code() == TenErrorCode.ErrorCodeInvalidType
    assert "not a boolean, got INT" in error.error_message()


def test_every_documented_module_can_be_imported() -> None:
    import importlib

    for name in (
        "addon addon_manager app async_extension async_ten_env async_test audio_frame cmd cmd_result data error extension "
        "global_thread_manager loc log_level log_option msg send_options start_graph_cmd stop_graph_cmd ten_env "
        "ten_env_attach_to_enum ten_env_base test test_base trigger_life_cycle_cmd value value_buffer video_frame"
    ).split():
        assert importlib.import_module(f"ten_runtime.{name}")
    from ten_runtime.msg import Loc as loc_of_msg

    assert loc_of_msg is Loc
