from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import TenVadExtension


@register_addon_as_extension("ten_vad_python")
class TenVadAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(TenVadExtension(name), context)
