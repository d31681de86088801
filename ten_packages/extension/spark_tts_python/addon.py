from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import SparkTtsExtension


@register_addon_as_extension("spark_tts_python")
class SparkTtsAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(SparkTtsExtension(name), context)
