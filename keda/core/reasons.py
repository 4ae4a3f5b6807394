"""Reasons that people write where they pass a rule over."""

from __future__ import annotations

import re

REASON = r"[^\W\d_]{2,}.*[^\W_]{2,}"
"""What an exclusion's reason matches, anywhere in it: two words, or a word of four letters."""
_PLACEHOLDER = re.compile(
    r"(?i)\W*(true|false|yes|nope|none|null|todo|tbd|fixme|xxx+|asdf|test|temp|temporary|later|skip|because"
    r"|reason|ignored?|disabled?|no reason|not needed)\W*"
)


def is_reason(value: object) -> bool:
    """Whether a text gives a reason: words, not a placeholder such as "true" or "todo"."""
    return isinstance(value, str) and bool(re.search(REASON, value)) and not _PLACEHOLDER.fullmatch(value)
