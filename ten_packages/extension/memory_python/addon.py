from ten_runtime import Addon, TenEnv, register_addon_as_extension

from .extension import MemoryExtension


@register_addon_as_extension("memory_python")
class MemoryAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context: object) -> None:
        ten_env.on_create_instance_done(MemoryExtension(name), context)
