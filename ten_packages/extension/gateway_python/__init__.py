"""The gateway: the server through which people and programs talk with Stream-Talk."""

from . import addon
