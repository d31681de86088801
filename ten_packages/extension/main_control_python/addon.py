"""Registers the conversation with the runtime."""

from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import MainControlExtension


@register_addon_as_extension("main_control_python")
class MainControlAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(MainControlExtension(name), context)
