"""The policy config: what in it nobody reads. The engine checks types by each rule's schema, no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from keda.core.errors import did_you_mean
from keda.core.reasons import is_reason
from keda.manifests.reading import mapping, sequence

_OF_EVERY_RULE = ("enforcementLevel",)
ALL = "all"
"""In place of a rule's name: every rule."""


def mistakes(config: Mapping[str, object], known: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """One line for each rule and key that does not exist, and each exclusion without a reason.

    Args:
        config: levels and settings by rule, as in the policy config file.
        known: the keys of each rule's settings.
    """
    for rule, settings in config.items():
        if rule != ALL and rule not in known:
            yield f"policy config {rule}: is not a rule, so it has no effect. {_fix(rule, known)}"
            continue
        keys = known.get(rule, ())
        for key, value in mapping(settings).items():
            if key not in keys and key not in _OF_EVERY_RULE:
                yield f"policy config {rule}.{key}: unknown key. No rule reads it. {_fix(key, keys)}"
            elif key == "excluded":
                yield from _without_reason(rule, value)


def _without_reason(rule: str, excluded: object) -> Iterator[str]:
    for index, entry in enumerate(map(mapping, sequence(excluded))):
        if "reason" in entry and not is_reason(entry["reason"]):
            yield (
                f"policy config {rule}.excluded[{index}].reason: is not a reason. Nobody can find out later "
                "whether the exclusion is still right. Write why the object is passed over, in words."
            )


def _fix(word: str, known: Iterable[str]) -> str:
    names = list(known)
    guess = did_you_mean(word, names)
    return f"Write {guess}." if guess else f"Known here: {', '.join(names) or 'none'}."
