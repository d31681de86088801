from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import PiperTtsExtension


@register_addon_as_extension("piper_tts_python")
class PiperTtsAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(PiperTtsExtension(name), context)
