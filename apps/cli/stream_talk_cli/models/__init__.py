"""Fetching models: from a hub or a mirror of it, from a wheel, or from a folder."""
