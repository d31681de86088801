from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import SileroVadExtension


@register_addon_as_extension("silero_vad_python")
class SileroVadAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(SileroVadExtension(name), context)
