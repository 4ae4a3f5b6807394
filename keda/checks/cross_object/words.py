"""Words that a scaler does not have, from the Secret or ConfigMap of a TriggerAuthentication."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.advice.words import UNKNOWN_WORD, fix, unknown_words, why
from keda.checks.registry import SCALING, Problem
from keda.checks.scaling import SPEC, triggers_of
from keda.checks.sources import authentication
from keda.core.errors import MISSING
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import text
from keda.scalers.facts import scalers


@UNKNOWN_WORD.among(*SCALING)
def unknown_word(item: Item, objects: Objects) -> Iterator[Problem]:
    """The value itself is not printed: it may stand in a Secret."""
    for index, trigger in triggers_of(item):
        kind = text(trigger.get("type"))
        reference = trigger.get("authenticationRef")
        given = authentication(reference, item, objects).parameters if kind in scalers() else {}
        for name, value in given.items():
            parameter = scalers()[kind].named.get(name)
            if parameter and value and "auth" in parameter.sources and unknown_words(parameter, value):
                at = (*SPEC, "triggers", index, "authenticationRef")
                yield UNKNOWN_WORD.found(
                    at, MISSING, f"gives {name} a value that {why(parameter)}", fix(parameter, None)
                )
