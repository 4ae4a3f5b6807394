"""Texts that are filled in after a file is written: variables and placeholders."""

from __future__ import annotations

import re

VARIABLE = re.compile(
    r"\$(?:\{(?P<name>[A-Za-z_]\w*)(?P<rest>[^}]*)\}|(?!G\b|SYS\b)[A-Za-z_]\w*|\{\{)", re.ASCII
)
"""`${NAME}` and what follows the name, `$NAME`, OpenShift's `${{NAME}}`. `$G` and `$SYS` are NATS' own."""
PLACEHOLDER = re.compile(
    r"\A<[^<>\n]{1,60}>\Z|\A\{[A-Za-z_][\w.-]*\}\Z|(?<![?P<])<[A-Za-z][\w.-]*>(?!>)|__[A-Z][A-Z0-9_]*__|@[A-Z][A-Z0-9_]*@"
    r"|(?<![A-Za-z0-9_])(?:(?:CHANGE|REPLACE)[_-]?(?:ME|THIS)(?![A-Za-z0-9])|(?:REPLACE_WITH|YOUR)[_-][A-Z0-9_-]+)",
    re.ASCII,
)
"""What a person or a script fills in: `<NAME>`, `{name}`, `__NAME__`, `@NAME@`, YOUR_NAME, REPLACE_ME.
`(?<name>` is a regular expression's, `__name__` Prometheus' own."""
_MARKS = re.compile(r"[$<@]|__|CHANGE|REPLACE|YOUR|\{[A-Za-z_][\w.-]*\}", re.ASCII)
"""In every placeholder and variable; a short search, since every document is searched."""


class Template(str):
    """A text that holds variables or placeholders; `plain` if it is not quoted: a number may come of it."""

    plain = False


class PlainTemplate(Template):
    """One without quotes."""

    plain = True


def may_be_filled_in(text: str) -> bool:
    """Whether a text, of one value or of a document, may have a placeholder or a variable."""
    return _MARKS.search(text) is not None


def placeholder_of(text: str) -> str:
    """The first placeholder of a text; "" if it has none."""
    found = PLACEHOLDER.search(text) if may_be_filled_in(text) else None
    return found[0] if found else ""


def has_variable(text: str) -> bool:
    """Whether a text has a variable of Flux, envsubst or OpenShift."""
    return "$" in text and VARIABLE.search(text) is not None
