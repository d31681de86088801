from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import OpenAiLlmExtension


@register_addon_as_extension("openai_llm2_python")
class OpenAiLlmAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(OpenAiLlmExtension(name), context)
