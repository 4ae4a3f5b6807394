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
_OF_TOOLS = re.compile(
    r"\{\{[^}\n]{0,200}\}\}|\[\[ ?[A-Za-z_][^\]\n]{0,200}\]\]|\{%[^%\n]{0,200}%\}|<%[^%\n]{0,200}%>"
    r"|#\{[\w.-]{1,200}\}|\$\(\w{1,200}\)|\bref\+[a-z0-9]{1,40}://|ENC\[AES256_GCM,|\A#@ ",
    re.ASCII,
)
"""What Jinja, Helm, Copier, ERB, Octopus and Azure DevOps, Kustomize's vars, vals, SOPS and ytt fill in. An
object of KEDA's has no such text of its own; a dashboard and an alert have."""
_KEDAS = re.compile(r"^apiVersion:[ ]*[\"']?(?:eventing\.)?keda\.sh/", re.MULTILINE)
_IN_COMMENT = re.compile(
    r"(:[ \t]{1,9})(#\{[\w.-]{1,200}\}#?|#@ [^\n\"\\]{1,200}?|\[\[ [^\n\"\\]{1,200}? \]\])(?=[ \t]{0,9}\r?$)",
    re.MULTILINE,
)


class Template(str):
    """A text that holds variables or placeholders; `plain` if it is not quoted: a number may come of it."""

    plain = False


class PlainTemplate(Template):
    """One without quotes."""

    plain = True


class ToolTemplate(Template):
    """One in an object of KEDA's that another tool fills in; nothing of it is known."""


def is_for_tools(text: str) -> bool:
    """Whether a document is an object of KEDA's that another tool fills in."""
    return _KEDAS.search(text) is not None and (
        _OF_TOOLS.search(text) is not None or _IN_COMMENT.search(text) is not None
    )


def uncommented(text: str) -> str:
    """A document with the values of ytt, Azure DevOps and Copier, comments and lists to YAML, as texts."""
    return _IN_COMMENT.sub(r'\1"\2"', text)


def template_of_tool(text: str) -> str:
    """The first part of a text that another tool fills in; ""."""
    found = _OF_TOOLS.search(text)
    return found[0] if found else ""


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
