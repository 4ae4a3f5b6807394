"""Placeholders, and variables that Flux (postBuild), envsubst and OpenShift fill in after a file is written.

What the files do not show is UNKNOWN. A default is the value. Sources: Flux kustomize-controller's
envsubst (github.com/fluxcd/pkg/envsubst), GNU envsubst for `$NAME`, OpenShift's Template (`${{NAME}}` keeps
its type).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import Document, resolved
from keda.manifests.reading import dig, mapping, sequence, text
from keda.manifests.templates import PLACEHOLDER, VARIABLE, Template, ToolTemplate

_DEFAULTS = (":=", ":-", "=", "-")
_LITERAL = ("GrafanaDashboard",)
"""Kinds whose texts have variables of their own."""
_TYPED = re.compile(r"\$\{\{(\w+)\}\}")
"""OpenShift's: the value is not a string."""
_DATA = ("data", "binaryData")


def filled_in(document: Document, variables: Mapping[str, str] | None = None) -> Any:
    """The document's value with its variables: a value, a default, or UNKNOWN.

    Grafana's and a script's own variables stay as they are written: in a ConfigMap's texts of several lines
    or of JSON, in dashboards, in files that are not Kubernetes objects.
    """
    return filled(document.value, variables or {}) if document.templates else document.value


def filled(manifest: Any, variables: Mapping[str, str]) -> Any:
    """The same for a value that holds Templates; what holds none is handed back as it is."""
    if isinstance(manifest, dict):
        if (kind := manifest.get("kind")) == "Template" and "objects" in manifest:
            variables = {**variables, **_parameters(manifest)}
        if kind is None or kind in _LITERAL:
            return _fill(manifest, variables, literal=True)
        if kind == "ConfigMap":
            return {
                key: _texts(value, variables) if key in _DATA else _fill(value, variables)
                for key, value in manifest.items()
            }
        if isinstance(items := manifest.get("items"), list) and str(kind).endswith("List"):
            return {**manifest, "items": [filled(item, variables) for item in items]}
    return _fill(manifest, variables)


def value_of(template: Template, variables: Mapping[str, str]) -> Any:
    """The value of one text; UNKNOWN if one of its variables is."""
    if isinstance(template, ToolTemplate):
        return UNKNOWN
    if typed := _TYPED.fullmatch(template):
        return resolved(variables[typed[1]]) if typed[1] in variables else UNKNOWN
    found = _replaced(template, variables)
    return UNKNOWN if found is None else resolved(found) if template.plain else found


def _replaced(template: str, variables: Mapping[str, str]) -> str | None:
    if PLACEHOLDER.search(template):
        return None
    parts: list[str] = []
    end = 0
    for match in VARIABLE.finditer(template):
        name, rest = match["name"], match["rest"] or ""
        operator = next((each for each in _DEFAULTS if rest.startswith(each)), None)
        if name is None or "$" in rest or (rest and operator is None):
            return None
        value = variables.get(name)
        if operator and not (value or (value is not None and not operator.startswith(":"))):
            value = rest[len(operator) :].strip("\"'") if "}" not in rest else None
        if value is None:
            return None
        parts += [template[end : match.start()], value]
        end = match.end()
    return "".join((*parts, template[end:]))


def _texts(value: object, variables: Mapping[str, str]) -> Any:
    """A ConfigMap's data: a short text is a value, a long one a file."""
    if not isinstance(value, dict):
        return _fill(value, variables)
    return {
        key: str(each) if isinstance(each, Template) and _is_file(each) else _fill(each, variables)
        for key, each in value.items()
    }


def _is_file(value: str) -> bool:
    return "\n" in value.rstrip() or value.lstrip().startswith(('{"', "["))


def _fill(value: Any, variables: Mapping[str, str], *, literal: bool = False) -> Any:
    """Iterative, so that no depth is too deep; what an alias shares stays shared."""
    done: dict[int, Any] = {}
    pending: list[tuple[Any, bool]] = [(value, False)]
    while pending:
        current, opened = pending.pop()
        if id(current) in done or not isinstance(current, (dict, list)):
            continue
        inner = list(current.values()) if isinstance(current, dict) else current
        if not opened:
            pending.append((current, True))
            pending += [(each, False) for each in inner if isinstance(each, (dict, list))]
            continue
        new = [_filled_leaf(each, done, variables, literal) for each in inner]
        same = all(one is other for one, other in zip(new, inner, strict=True))
        done[id(current)] = (
            current if same else dict(zip(current, new, strict=True)) if isinstance(current, dict) else new
        )
    return _filled_leaf(value, done, variables, literal)


def _filled_leaf(value: Any, done: Mapping[int, Any], variables: Mapping[str, str], literal: bool) -> Any:
    if isinstance(value, (dict, list)):
        return done.get(id(value), value)
    if not isinstance(value, Template):
        return value
    return str(value) if literal else value_of(value, variables)


def _parameters(template: Mapping[Any, Any]) -> dict[str, str]:
    """The values that an OpenShift Template brings along."""
    given = map(mapping, sequence(dig(template, "parameters")))
    return {
        text(each.get("name")): str(each["value"])
        for each in given
        if isinstance(each.get("value"), (str, int))
    }
