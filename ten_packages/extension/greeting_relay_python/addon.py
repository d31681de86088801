from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import GreetingRelayExtension


@register_addon_as_extension("greeting_relay_python")
class GreetingRelayAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(GreetingRelayExtension(name), context)
