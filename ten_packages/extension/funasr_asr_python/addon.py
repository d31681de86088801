from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import FunAsrExtension


@register_addon_as_extension("funasr_asr_python")
class FunAsrAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(FunAsrExtension(name), context)
