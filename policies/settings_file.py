"""keda.toml, or [tool.keda] of pyproject.toml, found from the program's folder upwards, as by `keda check`.

It sets what keda-check and keda-check-advice report. Second owners and limits have policies of their own,
whose levels and exclusions are the policy config's: the decision of those who run the pack.
"""

from __future__ import annotations

from pathlib import Path

from keda.checks.findings import Finding
from keda.commands.options import Options, config
from keda.guardrails.program import Wanted
from keda.manifests.objects import Item


def wanted(folder: Path) -> Wanted:
    """What the settings make of a finding.

    Args:
        folder: the program's.

    Raises:
        NotThere: the file is wrong, in one line.
    """
    found = config(folder)
    options = Options(
        (),
        select=found.select,
        ignore=found.ignore,
        severity=found.severity,
        scalers=found.scalers,
        kinds=found.kinds,
    )

    def applied(item: Item, finding: Finding) -> Finding | None:
        return None if options.are_added(item, finding) else options.as_wanted(finding)

    return applied
