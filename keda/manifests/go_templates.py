"""Go templates that only name a value, as Flux's ResourceSet and Argo CD's ApplicationSet have them.

`<< inputs.tenant | quote >>`, `{{ .path.basename }}`, `{{path}}`. Anything else, such as a condition, makes
the text around it UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import resolved
from keda.manifests.reading import dig, sequence

_NAME = re.compile(r"\.?[A-Za-z_][\w.\[\]-]*", re.ASCII)
_INDEX = re.compile(r"index\s+(\S+)\s+(\d+)", re.ASCII)


def normalized(value: Any) -> str:
    """Argo CD's `normalize`: a DNS name of it (applicationset/utils/utils.go, SanitizeName)."""
    return re.sub(r"[^a-z0-9.-]", "-", str(value).lower()).strip("-.")


_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "int": lambda value: value,
    "lower": lambda value: str(value).lower(),
    "normalize": normalized,
    "toYaml": lambda value: value,
    "trim": lambda value: str(value).strip(),
    "upper": lambda value: str(value).upper(),
}
_QUOTES = ("quote", "squote", "toString")


class Templates(NamedTuple):
    """What fills in the texts between `left` and `right`. `typed`: YAML is read of them afterwards, so that a
    number can come of one.
    """

    left: str
    right: str
    values: Mapping[str, Any]
    typed: bool = False

    def filled(self, value: Any) -> Any:
        """A value with its texts filled in; UNKNOWN in place of each that cannot be."""
        if isinstance(value, dict):
            return {self._key(key): self.filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner) for inner in value]
        return self.text(value) if isinstance(value, str) and self.left in value else value

    def text(self, template: str) -> Any:
        """A text filled in; UNKNOWN if one of its templates cannot be."""
        parts, end, quoted = "", 0, not self.typed
        for match in re.finditer(f"{re.escape(self.left)}-?(.*?)-?{re.escape(self.right)}", template):
            value = self._value(match[1])
            if isinstance(value, (dict, list)) and match[0] == template:
                return value
            if not isinstance(value, (str, int, float)):
                return UNKNOWN
            quoted = quoted or any(each in match[1] for each in _QUOTES)
            parts += template[end : match.start()]
            parts += str(value).lower() if isinstance(value, bool) else str(value)
            end = match.end()
        parts += template[end:]
        return UNKNOWN if self.left in parts else parts if quoted else resolved(parts)

    def _key(self, key: Any) -> Any:
        filled = self.text(key) if isinstance(key, str) and self.left in key else key
        return filled if isinstance(filled, str) else key

    def _value(self, expression: str) -> Any:
        term, *functions = (part.strip() for part in expression.split("|"))
        value = self._term(term)
        for function in functions:
            name, _, width = function.partition(" ")
            if name in ("indent", "nindent") and width.isdigit() or name in _QUOTES:
                continue
            if name not in _FUNCTIONS or value is UNKNOWN:
                return UNKNOWN
            value = _FUNCTIONS[name](value)
        return value

    def _term(self, term: str) -> Any:
        if index := _INDEX.fullmatch(term):
            listed, at = sequence(self._term(index[1])), int(index[2])
            return listed[at] if at < len(listed) else UNKNOWN
        if not _NAME.fullmatch(term):
            return UNKNOWN
        name = term.removeprefix(".")
        found = self.values[name] if name in self.values else dig(self.values, *name.split("."))
        return UNKNOWN if found is None else found
