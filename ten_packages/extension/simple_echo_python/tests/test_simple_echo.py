"""Written against TEN's public API only: the same file passes on TEN's native runtime."""

from __future__ import annotations

import asyncio

from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Cmd,
    Data,
    StatusCode,
    TenError,
    TenErrorCode,
)


class EchoTester(AsyncExtensionTester):
    def __init__(self) -> None:
        super().__init__()
        self.frame_came_back = asyncio.Event()

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        result, error = await ten_env.send_cmd(Cmd.create("hello"))
        assert error is None and result is not None
        assert result.get_status_code() == StatusCode.OK
        assert result.get_property_string("detail") == ("hello, too", None)

        data = Data.create("note")
        data.set_property_string("text", "你好")
        await ten_env.send_data(data)

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None:
        assert data.get_name() == "note"
        assert data.get_property_string("text") == ("你好", None)
        frame = AudioFrame.create("pcm_frame")
        frame.set_sample_rate(16000)
        frame.alloc_buf(640)
        buffer = frame.lock_buf()
        buffer[:] = bytes(index % 256 for index in range(640))
        frame.unlock_buf(buffer)
        await ten_env.send_audio_frame(frame)

    async def on_audio_frame(self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame) -> None:
        assert audio_frame.get_sample_rate() == 16000
        assert audio_frame.get_buf() == bytes(index % 256 for index in range(640))
        self.frame_came_back.set()
        ten_env.stop_test()


def test_whatever_is_sent_comes_back() -> None:
    tester = EchoTester()
    tester.set_test_mode_single("simple_echo_python")
    assert tester.run() is None
    assert tester.frame_came_back.is_set()


class Disappointed(AsyncExtensionTester):
    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        result, _error = await ten_env.send_cmd(Cmd.create("sing"))
        detail = result.get_property_string("detail")[0] if result is not None else ""
        if detail != "a song":
            ten_env.stop_test(TenError.create(TenErrorCode.ErrorCodeGeneric, f"got {detail!r}"))


def test_a_tester_reports_what_it_did_not_get() -> None:
    tester = Disappointed()
    tester.set_test_mode_single("simple_echo_python")
    error = tester.run()
    assert error is not None
    assert error.error_message() == "got 'sing, too'"
