"""Texts of which a scaler has a few words, and takes any other without an error (`words` in
keda/scalers/data/trigger-params.json).
"""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks import edits
from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.core.errors import did_you_mean, one_of
from keda.manifests.objects import Item
from keda.scalers.facts import Parameter
from keda.syntax import go

UNKNOWN_WORD = warning(
    "unknown-word",
    SETTINGS,
    summary="A keyword that the scaler does not have",
    why=(
        "Some parameters have a few keywords that KEDA does not validate: any other value is accepted, and "
        "silently has another effect. A misspelt identityOwner takes the identity of KEDA's operator "
        "(aws_common.go:95), a misspelt checkpointStrategy reads another layout "
        "(azure_eventhub_checkpoint.go:91)."
    ),
    passes="checkpointStrategy: blobMetadata",
)


@UNKNOWN_WORD.on(*SCALING)
def unknown_word(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        for key, value in trigger.parameters.items():
            parameter = trigger.scaler.named.get(key) if trigger.scaler else None
            if parameter and parameter.words and "metadata" in parameter.sources and isinstance(value, str):
                at = (*trigger.at, "metadata", key)
                for word in unknown_words(parameter, value):
                    near = did_you_mean(word, parameter.words)
                    whole = near if word == go.trim(value) else ""
                    what, fix = one_of(parameter.words, near)
                    edit = edits.word(value, whole)
                    yield UNKNOWN_WORD.found(at, word, what, fix, edit=edit, why=why(parameter))


def unknown_words(parameter: Parameter, value: str) -> list[str]:
    """The words of a value that KEDA does not have for a parameter; none for one without a list of words."""
    parts = value.split(parameter.separator) if parameter.type == "strings" else [value]
    words = [go.trim(part) for part in parts]
    return [word for word in words if parameter.words and word and word not in parameter.words]


def why(parameter: Parameter) -> str:
    return f"KEDA silently {parameter.otherwise}."
