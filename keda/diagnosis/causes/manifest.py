"""The ScaledObject or ScaledJob itself is wrong: the errors of `keda check`."""

from __future__ import annotations

from collections.abc import Iterator

from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.installation import Installation
from keda.diagnosis.workload import Workload


def own_mistakes(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """What KEDA accepts, or does not reread, and what then cannot work as meant."""
    for finding in workload.mistakes:
        if finding.severity == "error":
            hop = Hop.TRIGGER if "triggers" in finding.at else Hop.KEDA
            yield Answer(
                f"manifest-{finding.code}",
                Level.BROKEN,
                hop,
                f"does not scale as it is written, {finding.path}: {finding.message}",
                finding.fix,
            )
