"""The machinery behind the public API. Nothing outside ``ten_runtime`` imports from here."""
