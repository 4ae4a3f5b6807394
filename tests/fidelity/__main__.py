"""The simulation against a real KEDA and a real HPA: `python -m tests.fidelity`.

Runs every scenario in a lab of its own, compares each with its simulation and draws both. Exit code 1 where
more than one sync period of shift is between them. `--recorded` compares what an earlier run wrote down.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lab import __main__ as lab_command
from lab.paths import Lab
from lab.progress import duration, show
from tests.fidelity import runner
from tests.fidelity.compare import Comparison, compare
from tests.fidelity.picture import draw
from tests.fidelity.record import RECORDED, Record, load, save
from tests.fidelity.scenarios import BATCHES
from tests.live.cluster import Cluster

OUTPUT = Path(__file__).parents[2] / "build" / "fidelity"


def with_keda(lab: Lab) -> Cluster:
    """The lab, up, with KEDA in it. Raises CalledProcessError with helm's words on the screen."""
    if lab_command.main(["up", "--name", lab.name, "--hpa-sync-period", "5s"]):
        raise SystemExit(1)
    record = json.loads(lab.record.read_text())
    soon = [f"--set={part}.readinessProbe.initialDelaySeconds=2" for part in ("operator", "webhooks")]
    command = [record["tools"]["helm"], "upgrade", "--install", "keda", record["chart"]["source"]]
    # All scenarios of a batch share one client of the API server: by default it makes 20 requests a second.
    quick = [
        f"--set=extraArgs.{part}.kube-api-{limit}"
        for part in ("keda", "metricsAdapter")
        for limit in ("qps=200", "burst=400")
    ]
    command += ["--namespace=keda", "--create-namespace", "--plain-http", "--wait", "--timeout=3m"]
    command += [*soon, *quick]
    environment = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return Cluster(str(lab.kubeconfig))


def report(comparisons: Sequence[Comparison]) -> int:
    """One line a scenario; how many differ."""
    for each in comparisons:
        mark = "✗" if each.differences else "✓"
        text = f"{each.exact}/{each.syncs} syncs equal at once, shift {each.shift:.1f} s"
        show(f"{mark} {each.name:<30}{text}")
        for difference in each.differences[:3]:
            show(f"    {difference}")
    wrong = sum(bool(each.differences) for each in comparisons)
    syncs, exact = sum(each.syncs for each in comparisons), sum(each.exact for each in comparisons)
    show(
        f"{len(comparisons) - wrong} of {len(comparisons)} scenarios equal; {exact} of {syncs} syncs at once"
    )
    return wrong


def run(lab: Lab, names: Sequence[str], keep: bool) -> list[Record]:
    records: list[Record] = []
    try:
        cluster = with_keda(lab)
        for batch in BATCHES:
            if not names or batch.name in names:
                began = time.monotonic()
                records += runner.run(lab, cluster, batch)
                took = duration(time.monotonic() - began)
                show(f"· {batch.name}: {len(batch.scenarios)} scenarios in {took}")
    finally:
        if not keep:
            lab_command.main(["down", "--name", lab.name])
    return records


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fidelity", description=__doc__)
    names = [batch.name for batch in BATCHES]
    parser.add_argument("batches", nargs="*", metavar="BATCH", help=f"of {', '.join(names)} (default: all)")
    parser.add_argument("--lab", default="fidelity", help="its lab (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the lab up")
    parser.add_argument("--recorded", action="store_true", help="no lab: compare what is written down")
    options = parser.parse_args()
    if unknown := set(options.batches) - set(names):
        parser.error(f"no batch {', '.join(sorted(unknown))}: there are {', '.join(names)}")
    former = load(RECORDED) if RECORDED.exists() else []
    if options.recorded:
        records = former
    else:
        records = run(Lab(options.lab), options.batches, options.keep)
        fresh = {record.name: record for record in records}
        known = {**{record.name: record for record in former}, **fresh}
        order = [scenario.name for batch in BATCHES for scenario in batch.scenarios]
        save([known[name] for name in order if name in known], RECORDED)
    comparisons = [compare(record) for record in records]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    draw(records, comparisons, OUTPUT / "comparison.png")
    show(f"drawn: {OUTPUT / 'comparison.png'}")
    return 1 if report(comparisons) else 0


if __name__ == "__main__":
    sys.exit(main())
