"""The `api` section of manifests: types of properties and messages."""

from ten_graph.schema.api import ManifestApi, ManifestError
from ten_graph.schema.types import ObjectSchema, Schema, SchemaError, parse_schema

__all__ = ["ManifestApi", "ManifestError", "ObjectSchema", "Schema", "SchemaError", "parse_schema"]
