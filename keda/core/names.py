"""Names of Kubernetes objects, checked as the API server checks them."""

from __future__ import annotations

import re

from keda.core.errors import Refused

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")

LABEL_MAX = 63
"""Characters in a namespace, a label value, and so in a ScaledObject's name, which KEDA writes as a label."""
NAME_MAX = 253


def _name(value: str, limit: int) -> str:
    if len(value) > limit:
        raise Refused(f"has {len(value)} characters, more than {limit}.", "Shorten it.")
    if not _SUBDOMAIN.fullmatch(value):
        raise Refused(
            "is not a Kubernetes name.",
            "Use lower-case letters, digits and dashes, beginning with a letter or digit.",
        )
    return value


def object_name(value: str) -> str:
    """A DNS subdomain name of at most 253 characters. Raises Refused."""
    return _name(value, NAME_MAX)


def label_name(value: str) -> str:
    """A name that KEDA also writes as a label value: at most 63 characters. Raises Refused."""
    return _name(value, LABEL_MAX)


def namespace_name(value: str) -> str:
    """A DNS label of at most 63 characters, without dots. Raises Refused."""
    if "." in value:
        raise Refused("is not a namespace: it has a dot.", "Use lower-case letters, digits and dashes.")
    return _name(value, LABEL_MAX)


def label_value(value: str) -> str:
    """A label's value: at most 63 letters, digits, dashes, dots and underscores. Raises Refused."""
    if len(value) > LABEL_MAX or not _LABEL_VALUE.fullmatch(value):
        raise Refused(
            "is not a label value.",
            "Use at most 63 letters, digits, '-', '_' and '.'.",
            "The API server would refuse the object.",
        )
    return value
