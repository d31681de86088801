from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import GatewayExtension


@register_addon_as_extension("gateway_python")
class GatewayAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(GatewayExtension(name), context)
