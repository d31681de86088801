from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import RulesLlmExtension


@register_addon_as_extension("rules_llm_python")
class RulesLlmAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(RulesLlmExtension(name), context)
