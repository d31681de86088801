"""Registers the timer with the runtime."""

from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import TimerToolExtension


@register_addon_as_extension("timer_tool_python")
class TimerToolAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(TimerToolExtension(name), context)
