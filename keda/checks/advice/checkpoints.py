"""Where azure-eventhub looks for the checkpoints of the consumers."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks import edits
from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import SPEC, triggers_of
from keda.core.errors import MISSING, did_you_mean
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping, text
from keda.syntax import go

_WORDS = ("azureFunction", "blobMetadata", "dapr", "goSdk")


@warning(
    "checkpoint-strategy",
    SETTINGS,
    summary="Event Hubs checkpoints in a layout that no SDK of today writes",
    why=(
        "Without checkpointStrategy, and with a word that KEDA does not have, the scaler reads blobContainer "
        "in the layout of the old EventProcessorHost (azure_eventhub_checkpoint.go:91). Where it finds no "
        "checkpoint it counts every event of the hub as unprocessed, up to the threshold of one partition."
    ),
    passes="""
        blobContainer: checkpoints
        checkpointStrategy: blobMetadata
    """,
).on(*SCALING)
def checkpoint_strategy(item: Item) -> Iterator[Problem]:
    for index, trigger in triggers_of(item):
        metadata = mapping(trigger.get("metadata"))
        at: At = (*SPEC, "triggers", index, "metadata", "checkpointStrategy")
        written, container = metadata.get("checkpointStrategy"), metadata.get("blobContainer")
        if trigger.get("type") != "azure-eventhub" or UNKNOWN in (written, container):
            continue
        word = go.trim(text(written))
        if word in _WORDS or not go.trim(text(container)):
            continue
        if word:
            near = did_you_mean(word, _WORDS)
            fix = f"Write {near}." if near else f"Write one of {', '.join(_WORDS)}."
            why = (
                f"is not one of {', '.join(_WORDS)}. KEDA silently reads the layout of the old "
                "EventProcessorHost, and takes every event for unprocessed if there is none of it."
            )
            yield Problem(at, word, why, fix, edit=edits.word(written, near))
        else:
            yield Problem(
                at,
                MISSING,
                "not set: KEDA reads blobContainer in the layout of the old EventProcessorHost, and takes "
                "every event for unprocessed if there is none of it.",
                "Write checkpointStrategy: blobMetadata for the SDKs of Azure (.NET, Java, JavaScript, "
                "Python), goSdk, dapr or azureFunction.",
            )
