from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import CosyvoiceTtsExtension


@register_addon_as_extension("cosyvoice_tts_python")
class CosyvoiceTtsAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(CosyvoiceTtsExtension(name), context)
