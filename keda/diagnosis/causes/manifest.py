"""The ScaledObject or ScaledJob itself is wrong: the errors of `keda check`."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.engine import judge_alone
from keda.checks.findings import Finding
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.installation import Installation
from keda.diagnosis.workload import Workload
from keda.manifests.objects import Item

_STATUS = "status"


def mistakes(item: Item) -> list[Finding]:
    """What `keda check` finds in the object by itself, errors first."""
    spec = {key: value for key, value in item.manifest.items() if key != _STATUS}
    return sorted(judge_alone(Item(spec, "")), key=lambda each: each.severity)


def own_mistakes(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """What KEDA accepts, or does not reread, and what then cannot work as meant."""
    for finding in mistakes(workload.item):
        if finding.severity == "error":
            hop = Hop.TRIGGER if "triggers" in finding.at else Hop.KEDA
            yield Answer(
                f"manifest-{finding.code}",
                Level.BROKEN,
                hop,
                f"does not scale as it is written, {finding.path}: {finding.message}",
                finding.fix,
            )
