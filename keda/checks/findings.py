"""The findings of `keda check`, each of a named rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from keda.checks.registry import IGNORE, Edit, Problem, Rule, Severity, rule_groups, rules
from keda.core.errors import MISSING, is_secret_key, is_secret_value, join, printable, show
from keda.manifests.reading import At

__all__ = ["IGNORE", "Finding", "Rule", "rule_groups", "rules", "without_secrets"]


class Finding(NamedTuple):
    """One mistake in one object. `str()` is one line."""

    code: str
    severity: Severity
    at: At
    """The path as keys and indexes; `path` is the same as a person writes it."""
    what: str
    """The value and what is wrong with it, up to a full stop, or a colon that `why` follows."""
    fix: str
    keda: str
    """KEDA's or the API server's own wording, or ""; … stands for what is left out."""
    object: str
    """Kind namespace/name."""
    where: str
    """As the caller named the object's place; "" if it did not."""
    edit: Edit | None = None
    """The correction, where it is certain."""
    places: str = ""
    """A sentence on where the objects are that do not go together, or ""."""
    why: str = ""
    """What happens at run time, or ""."""

    @property
    def message(self) -> str:
        """`what` and `why`."""
        return f"{self.what} {self.why}".rstrip()

    @property
    def path(self) -> str:
        """The place as text, such as `spec.triggers[0].metadata.query`."""
        return join(*self.at)

    @property
    def text(self) -> str:
        """The line without its place and its rule."""
        quoted = f"KEDA: {self.keda}" if self.keda else ""
        whole = f"{self.object} {self.path}: {self.message} {self.fix} {self.places} {quoted}"
        return " ".join(printable(whole).split())

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.severity}: {self.text} [{self.code}]"


def finding(rule: Rule, problem: Problem, ref: str, where: str, prefix: At = ()) -> Finding:
    """A problem as a finding on the object `ref`, whose place within its document is `prefix`."""
    shown = "" if problem.value is MISSING else f"{show(problem.value, join(*problem.at))} "
    return Finding(
        rule.name,
        rule.severity,
        (*prefix, *problem.at),
        f"{shown}{problem.what}",
        problem.fix,
        problem.keda,
        ref,
        where,
        problem.edit,
        problem.places,
        problem.why,
    )


def without_secrets(text: str, values: Mapping[str, str]) -> str:
    """KEDA's wording with every secret among `values` (by key) taken out."""
    for key, value in values.items():
        if value and (is_secret_key(key) or is_secret_value(value)):
            text = text.replace(value, "(value hidden)")
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text))[:300]
