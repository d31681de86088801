from . import addon  # noqa: F401 (registers it)
