from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import ChatterboxTtsExtension


@register_addon_as_extension("chatterbox_tts_python")
class ChatterboxTtsAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(ChatterboxTtsExtension(name), context)
