from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import PocketsphinxAsrExtension


@register_addon_as_extension("pocketsphinx_asr_python")
class PocketsphinxAsrAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(PocketsphinxAsrExtension(name), context)
