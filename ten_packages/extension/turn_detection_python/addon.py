from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import TurnDetectionExtension


@register_addon_as_extension("turn_detection_python")
class TurnDetectionAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(TurnDetectionExtension(name), context)
