from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import KokoroTtsExtension


@register_addon_as_extension("kokoro_tts_python")
class KokoroTtsAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(KokoroTtsExtension(name), context)
