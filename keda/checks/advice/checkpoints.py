"""Where azure-eventhub looks for the checkpoints of the consumers."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, text
from keda.syntax import go


@warning(
    "checkpoint-strategy",
    SETTINGS,
    summary="Event Hubs checkpoints in a layout that no SDK of today writes",
    why=(
        "Without checkpointStrategy the scaler reads blobContainer in the layout of the old "
        "EventProcessorHost (azure_eventhub_checkpoint.go:91). Where it finds no checkpoint it counts every "
        "event of the hub as unprocessed, up to the threshold of one partition."
    ),
    passes="""
        blobContainer: checkpoints
        checkpointStrategy: blobMetadata
    """,
).on(*SCALING, having=["azure-eventhub"])
def checkpoint_strategy(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, "azure-eventhub"):
        metadata = trigger.metadata
        at: At = (*trigger.at, "metadata", "checkpointStrategy")
        written, container = metadata.get("checkpointStrategy"), metadata.get("blobContainer")
        if UNKNOWN in (written, container):
            continue
        if not go.trim(text(written)) and go.trim(text(container)):
            yield Problem(
                at,
                MISSING,
                "not set:",
                "Write checkpointStrategy: blobMetadata for the SDKs of Azure (.NET, Java, JavaScript, "
                "Python), goSdk, dapr or azureFunction.",
                why="KEDA reads blobContainer in the layout of the old EventProcessorHost, and takes "
                "every event for unprocessed if there is none of it.",
            )
