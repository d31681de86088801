from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import SimpleEchoExtension


@register_addon_as_extension("simple_echo_python")
class SimpleEchoAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(SimpleEchoExtension(name), context)
