from . import addon
