"""TEN's Python API.

The native binding is used when the app has it in ``ten_packages/system/ten_runtime_python``; otherwise everything here
is the embedded runtime, in pure Python.
"""

from ten_runtime._choose import use_native

if not use_native(__name__):
    from ten_runtime._core.base_dir import install_finder
    from ten_runtime.addon import Addon, register_addon_as_extension
    from ten_runtime.addon_manager import _AddonManager
    from ten_runtime.app import App
    from ten_runtime.async_extension import AsyncExtension
    from ten_runtime.async_ten_env import AsyncTenEnv
    from ten_runtime.async_test import AsyncExtensionTester, AsyncTenEnvTester
    from ten_runtime.audio_frame import AudioFrame, AudioFrameDataFmt
    from ten_runtime.cmd import Cmd
    from ten_runtime.cmd_result import CmdResult, StatusCode
    from ten_runtime.data import Data
    from ten_runtime.error import TenError, TenErrorCode
    from ten_runtime.extension import Extension
    from ten_runtime.loc import Loc
    from ten_runtime.log_level import LogLevel
    from ten_runtime.log_option import DefaultLogOption, LogOption
    from ten_runtime.send_options import SendOptions
    from ten_runtime.start_graph_cmd import StartGraphCmd
    from ten_runtime.stop_graph_cmd import StopGraphCmd
    from ten_runtime.ten_env import TenEnv
    from ten_runtime.test import ExtensionTester, TenEnvTester
    from ten_runtime.trigger_life_cycle_cmd import TriggerLifeCycleCmd
    from ten_runtime.value import Value, ValueType
    from ten_runtime.video_frame import PixelFmt, VideoFrame

    install_finder()

    __all__ = [
        "Addon",
        "App",
        "AsyncExtension",
        "AsyncExtensionTester",
        "AsyncTenEnv",
        "AsyncTenEnvTester",
        "AudioFrame",
        "AudioFrameDataFmt",
        "Cmd",
        "CmdResult",
        "Data",
        "DefaultLogOption",
        "Extension",
        "ExtensionTester",
        "Loc",
        "LogLevel",
        "LogOption",
        "PixelFmt",
        "SendOptions",
        "StartGraphCmd",
        "StatusCode",
        "StopGraphCmd",
        "TenEnv",
        "TenEnvTester",
        "TenError",
        "TenErrorCode",
        "TriggerLifeCycleCmd",
        "Value",
        "ValueType",
        "VideoFrame",
        "_AddonManager",
        "register_addon_as_extension",
    ]
