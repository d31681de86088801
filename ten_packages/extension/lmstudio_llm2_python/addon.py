from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import LmStudioLlmExtension


@register_addon_as_extension("lmstudio_llm2_python")
class LmStudioLlmAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(LmStudioLlmExtension(name), context)
