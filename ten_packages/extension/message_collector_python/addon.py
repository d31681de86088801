"""Registers the collector of messages with the runtime."""

from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import MessageCollectorExtension


@register_addon_as_extension("message_collector_python")
class MessageCollectorAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(MessageCollectorExtension(name), context)
