"""The string form of a label selector, as k8s.io/apimachinery's labels.Parse reads it."""

from __future__ import annotations

import re

_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_REQUIREMENT = re.compile(
    r"\s*(?:(!)\s*)?([^\s!=<>,()]+)\s*(?:(==|=|!=|>|<|in\b|notin\b)\s*(.*))?", re.DOTALL
)


def is_selector(text: str) -> bool:
    """Whether `kubectl get pods -l` takes it."""
    return all(map(_requirement, re.split(r",(?![^()]*\))", text)))


def _requirement(text: str) -> bool:
    match = _REQUIREMENT.fullmatch(text)
    if match is None or (match[1] and match[3]):
        return False
    prefix, slash, name = match[2].rpartition("/")
    if not name or not _LABEL.fullmatch(name):
        return False
    if slash and not _PREFIX.fullmatch(prefix):
        return False
    operator, operand = match[3], (match[4] or "").strip()
    if operator in ("in", "notin"):
        if not (operand.startswith("(") and operand.endswith(")")):
            return False
        return all(_LABEL.fullmatch(part.strip()) for part in operand[1:-1].split(","))
    if operator in (">", "<"):
        return bool(re.fullmatch(r"[+-]?[0-9]{1,18}", operand))
    return bool(_LABEL.fullmatch(operand))
