"""Findings about single nodes: the addon, its Python packages, environment variables, properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ten_graph import Problem, paths, placeholders, selectors, settings
from ten_graph.errors import did_you_mean
from ten_graph.schema import ObjectSchema, SchemaError
from ten_graph.validate import items, node_place

from stream_talk.engines import environments
from stream_talk.graph.check.context import BUILT_IN_ADDONS, CheckContext
from stream_talk.graph.packages import Package
from stream_talk.graph.variant import merge_trees
from stream_talk.models import catalog, store


def unknown_addons(context: CheckContext) -> Iterator[Problem]:
    known = context.packages.names()
    for where, node in context.extension_nodes():
        addon = node["addon"]
        if "app" in node or addon in BUILT_IN_ADDONS:
            continue
        package = context.package_of(node)
        if package is None:
            otherwise = f"put the package into ten_packages/extension/{addon}, or name one of those there: {', '.join(known) or 'none'}"
            yield Problem(
                where, f'the addon "{addon}" is not installed', did_you_mean(addon, known, otherwise=otherwise)
            )
        elif package.problem is not None:
            yield Problem(where, f'the package of "{addon}" is broken: {package.problem}')


def fallback_addons(context: CheckContext) -> Iterator[Problem]:
    """The second engine of a node is named by its addon too, and would be missed only when it is needed."""
    known = context.packages.names()
    for where, node in context.extension_nodes():
        addon = _value_at(effective_properties(context, node), "fallback.addon")
        if not isinstance(addon, str) or not addon or "app" in node:
            continue
        package = context.packages.find(addon)
        place = f"{where} property.fallback.addon"
        if package is None:
            yield Problem(place, f'the addon "{addon}" is not installed', did_you_mean(addon, known))
        else:
            for missing, remedy in package.missing(context.version_of):
                yield Problem(place, f'"{addon}" {missing}', remedy)


def missing_packages(context: CheckContext) -> Iterator[Problem]:
    for where, node in context.extension_nodes():
        package = context.package_of(node)
        if package is None:
            continue
        interpreter = _interpreter(context, node)
        own_environment = interpreter.startswith(environments.PREFIX)
        name = interpreter.removeprefix(environments.PREFIX)
        if own_environment and environments.is_installed(name):
            continue
        if own_environment or not interpreter:
            for missing, remedy in package.missing(context.version_of):
                remedy = f"run: stream-talk engines install {name}" if own_environment else remedy
                yield Problem(where, f'"{package.addon}" {missing}', remedy)
        elif not Path(interpreter).is_file():
            text = f'"{package.addon}" shall run its engine with {interpreter}, which does not exist'
            yield Problem(
                f"{where} property.engine.interpreter", text, "name the Python of an environment that has the engine"
            )


def missing_models(context: CheckContext) -> Iterator[Problem]:
    """Models that are named `model:NAME` and were not fetched."""
    for where, node in context.extension_nodes():
        for place, name in store.named_models(effective_properties(context, node)):
            if store.is_installed(name):
                continue
            if catalog.find(name) is None:
                known = [model.name for model in catalog.MODELS]
                remedy = did_you_mean(name, known, otherwise="`stream-talk models list` shows those there are")
                yield Problem(f"{where} property.{place}", f'there is no model "{name}"', remedy)
            else:
                text = f'the model "{name}" is not on this machine'
                yield Problem(f"{where} property.{place}", text, f"run: stream-talk models pull {name}")


def _interpreter(context: CheckContext, node: Mapping[str, Any]) -> str:
    """The Python of another environment, when the node's engine lives there: its packages cannot be seen from here."""
    tree = _with_environment(effective_properties(context, node), context.environ)
    interpreter = _value_at(tree, "engine.interpreter")
    return interpreter if isinstance(interpreter, str) else ""


def environment(context: CheckContext) -> Iterator[Problem]:
    """Variables without value and default, in the node and in the defaults that it does not override."""
    for where, node in context.extension_nodes():
        for found in placeholders.find(effective_properties(context, node), "property"):
            if isinstance(found, placeholders.PlaceholderError):
                yield Problem(f"{where} {found.path}", found.message, "write ${env:NAME} or ${env:NAME|default}")
            elif found.default is None and found.variable not in context.environ:
                message = f"the environment variable {found.variable} is not set"
                yield Problem(
                    f"{where} {found.path}",
                    message,
                    f"export {found.variable}=..., or write ${{env:{found.variable}|default}}",
                )


def runtime_settings(context: CheckContext) -> Iterator[Problem]:
    """What a node tells the runtime under `ten` and `ten_embedded`."""
    for where, node in context.extension_nodes():
        for path, fault, remedy in settings.problems(effective_properties(context, node)):
            yield Problem(f"{where} property.{path}", fault, remedy)


def selectors_without_a_match(context: CheckContext) -> Iterator[Problem]:
    """Legal, but then its connections go nowhere."""
    if context.flat is None:
        return
    targets = [node for node in items(context.document.graph, "nodes") if node["type"] != "selector"]
    for index, node in enumerate(items(context.document.graph, "nodes")):
        if node["type"] == "selector" and not any(selectors.matches(node["filter"], target) for target in targets):
            yield Problem(f"{node_place(index, node)} filter", "matches no node", "correct its value, or remove it")


def properties(context: CheckContext) -> Iterator[Problem]:
    """Names and types against the manifest."""
    for where, node in context.extension_nodes():
        package = context.package_of(node)
        if package is None or package.api.properties is None:
            continue
        schema = package.api.properties
        written = node.get("property", {})
        if not isinstance(written, Mapping):
            continue
        for path, remedy in _undeclared(written, schema, package.defaults, "property", is_top=True):
            yield Problem(f"{where} {path}", f'"{package.addon}" has no such property', remedy)
        yield from _type_problems(context, package, node, where, schema)


def _type_problems(
    context: CheckContext, package: Package, node: Mapping[str, Any], where: str, schema: ObjectSchema
) -> Iterator[Problem]:
    tree = _with_environment(effective_properties(context, node), context.environ)
    for error in schema.errors(tree):
        value = _value_at(tree, error.path)
        if isinstance(value, str) and value.startswith("${"):
            continue  # its variable is not set: `environment` says so
        place = f"{where} property{error.path}"
        yield Problem(place, error.message, _type_remedy(error))


def _type_remedy(error: SchemaError) -> str:
    declared = error.message.rpartition("to `")[2].rstrip("`") if "to `" in error.message else ""
    return f"write a value of type {declared}" if declared else ""


def effective_properties(context: CheckContext, node: Mapping[str, Any]) -> dict[str, Any]:
    """property.json with the node's own over it: what the extension will see."""
    package = context.package_of(node)
    written = node.get("property")
    defaults = package.defaults if package is not None else {}
    return dict(merge_trees(defaults, written)) if isinstance(written, Mapping) else defaults


def _with_environment(tree: Any, environ: Mapping[str, str]) -> Any:
    """Placeholders replaced where that is possible; the others stay as written."""
    if isinstance(tree, Mapping):
        return {key: _with_environment(value, environ) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_with_environment(value, environ) for value in tree]
    if isinstance(tree, str):
        try:
            return placeholders.resolve(tree, environ)
        except placeholders.PlaceholderError:
            return tree
    return tree


def _value_at(tree: dict[str, Any], path: str) -> Any:
    try:
        return paths.get(tree, path)
    except ValueError:
        return None


def _undeclared(
    written: Mapping[str, Any], schema: ObjectSchema, defaults: Any, path: str, *, is_top: bool
) -> Iterator[tuple[str, str]]:
    """Keys that neither the manifest nor property.json knows. Below the top level vendors pass parameters through, so there only a
    likely misspelling counts."""
    known = set(schema.properties) | (set(defaults) if isinstance(defaults, Mapping) else set())
    for key, value in written.items():
        inner = schema.properties.get(key)
        if key not in known and schema.properties and not (is_top and key in settings.KEYS):
            remedy = did_you_mean(str(key), known)
            if is_top or remedy.startswith("did you mean"):
                yield f"{path}.{key}", remedy
        elif isinstance(inner, ObjectSchema) and isinstance(value, Mapping):
            inner_defaults = defaults.get(key) if isinstance(defaults, Mapping) else None
            yield from _undeclared(value, inner, inner_defaults, f"{path}.{key}", is_top=False)
