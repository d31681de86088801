from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import EspeakTtsExtension


@register_addon_as_extension("espeak_tts_python")
class EspeakTtsAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(EspeakTtsExtension(name), context)
