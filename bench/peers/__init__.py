"""Adaptors for side-by-side harnesses."""
