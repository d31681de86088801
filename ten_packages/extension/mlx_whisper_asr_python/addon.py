from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import MlxWhisperAsrExtension


@register_addon_as_extension("mlx_whisper_asr_python")
class MlxWhisperAsrAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(MlxWhisperAsrExtension(name), context)
