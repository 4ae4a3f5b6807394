"""The corrections that are certain, because they keep the meaning: quotes put around a text or taken from a
number, and a word of KEDA's vocabulary that is right but for case, hyphens, underscores or one letter.
`elsewhere.edit_of` has the fourth: a block under a key that belongs further in.
"""

from __future__ import annotations

import os
import re

from keda.checks.registry import Edit

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,9}")


def quoted(value: object) -> Edit | None:
    """A number or boolean as text."""
    if not isinstance(value, (bool, int, float)):
        return None
    return Edit(str(value).lower() if isinstance(value, bool) else str(value), quotes=True)


def unquoted(value: object, wanted: str) -> Edit | None:
    """A text as what the CRD asks for: "integer" or "boolean"."""
    if wanted == "integer" and _WHOLE.fullmatch(str(value)):
        return Edit(int(str(value)))
    if wanted == "boolean" and value in ("true", "false"):
        return Edit(value == "true")
    return None


def word(written: object, meant: str | None) -> Edit | None:
    """A value that is one of a known few."""
    return Edit(meant) if meant and isinstance(written, str) and _is_slip(written, meant) else None


def key(written: str, meant: str | None, beside: object) -> Edit | None:
    """A key that is one of a known few, unless the meant one stands `beside` it."""
    if not meant or (isinstance(beside, dict) and meant in beside) or not _is_slip(written, meant):
        return None
    return Edit(meant, key=True)


def _is_slip(written: str, meant: str) -> bool:
    """Whether the two are one word but for case, hyphens and underscores, or one letter."""
    one, other = (re.sub(r"[-_ ]", "", word.lower()) for word in (written, meant))
    if one == other:
        return True
    if min(len(one), len(other)) < 5 or re.sub(r"[a-z]", "", one) != re.sub(r"[a-z]", "", other):
        return False
    at = len(os.path.commonprefix([one, other]))
    rest, meant_rest = one[at:], other[at:]
    return meant_rest in (rest[1:], rest[1::-1] + rest[2:]) or meant_rest[1:] in (rest, rest[1:])
