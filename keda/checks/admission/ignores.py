"""The annotations that ignore a rule: of a known one, and with a reason."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import FIELDS, IGNORE, KEDA, OTHERS, Problem, error, rules
from keda.core.errors import MISSING, did_you_mean
from keda.core.reasons import is_reason
from keda.manifests.objects import Item
from keda.manifests.reading import text


@error(
    "bad-ignore",
    FIELDS,
    summary="An ignore annotation without effect",
    why="A rule is ignored by its exact name and with a reason, so that every reader of the object sees why.",
    passes="""
        annotations:
          keda-homelab.dev/ignore-default-max: "The quota of the namespace is the limit."
    """,
).on(KEDA, OTHERS, having=["annotations"])
def bad_ignore(item: Item) -> Iterator[Problem]:
    for key, value in item.annotations.items():
        if not (
            isinstance(key, str) and key.startswith(IGNORE) and (value is None or isinstance(value, str))
        ):
            continue
        at = ("metadata", "annotations", key)
        name, known = key.removeprefix(IGNORE), [rule.name for rule in rules().values() if rule.ignorable]
        if name not in known:
            guess = did_you_mean(name, known)
            fix = f"Write {IGNORE}{guess}." if guess else "Remove it."
            yield Problem(at, MISSING, "names no rule that can be ignored; it does nothing.", fix)
        elif not is_reason(value):
            given = (value, "is not a reason") if text(value).strip() else (MISSING, "gives no reason")
            yield Problem(at, given[0], f"{given[1]}; it does nothing.", "Write why, in a few words.")
