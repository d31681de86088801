from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import LoopbackTalker


@register_addon_as_extension("loopback_talker")
class LoopbackTalkerAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(LoopbackTalker(name), context)
