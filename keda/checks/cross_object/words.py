"""Words that a scaler does not have, from the Secret or ConfigMap of a TriggerAuthentication."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.advice.words import UNKNOWN_WORD, unknown_words, why
from keda.checks.registry import SCALING, Problem
from keda.checks.scaling import triggers_of
from keda.checks.sources import authentication
from keda.core.errors import MISSING, one_of
from keda.manifests.objects import Item, Objects


@UNKNOWN_WORD.among(*SCALING)
def unknown_word(item: Item, objects: Objects) -> Iterator[Problem]:
    """The value itself is not printed: it may stand in a Secret."""
    for trigger in triggers_of(item):
        given = authentication(trigger.get("authenticationRef"), item, objects).parameters
        for name, value in given.items():
            parameter = trigger.scaler.named.get(name) if trigger.scaler else None
            if parameter and value and "auth" in parameter.sources and unknown_words(parameter, value):
                at, (what, fix) = (*trigger.at, "authenticationRef"), one_of(parameter.words, None)
                what = f"gives {name} a value that {what}"
                yield UNKNOWN_WORD.found(at, MISSING, what, fix, why=why(parameter))
