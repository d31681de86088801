"""Registers the host that plays recordings with the runtime."""

from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import WavIoExtension


@register_addon_as_extension("wav_io_python")
class WavIoAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(WavIoExtension(name), context)
