"""The JSONPath of `kubectl wait`, for `pulumi.com/waitFor`: fields, indexes, `[*]` and `[?(@.a=="b")]`."""

from __future__ import annotations

import re
from typing import Any

STEP = re.compile(
    r"""\.(?P<field>(?:[\w-]|\\.)+)
    |\[(?P<index>-?\d+)\]
    |\[(?P<all>\*)\]
    |\[['"](?P<quoted>[^'"]+)['"]\]
    |\[\?\(@\.(?P<key>[\w.-]+)\s*==\s*['"](?P<value>[^'"]*)['"]\)\]""",
    re.VERBOSE,
)


def find(path: str, obj: Any) -> list[Any]:
    """All values that `{.status.conditions[?(@.type=="Ready")].status}` finds.

    Raises:
        ValueError: not a path of this kind.
    """
    inner = path.strip().removeprefix("{").removesuffix("}")
    found, position = [obj], 0
    inner = inner if inner.startswith((".", "[")) else f".{inner}"
    while position < len(inner):
        step = STEP.match(inner, position)
        if step is None:
            raise ValueError(
                f"{path!r} is not a JSONPath that can be waited for; write it as kubectl wait takes it"
            )
        found = [value for each in found for value in _step(step, each)]
        position = step.end()
    return found


def _step(step: re.Match[str], value: Any) -> list[Any]:
    name = step["field"].replace("\\", "") if step["field"] else step["quoted"]
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    if step["index"] is not None:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    if step["all"]:
        return list(value)
    return [item for item in value if find(step["key"], item) == [step["value"]]]
