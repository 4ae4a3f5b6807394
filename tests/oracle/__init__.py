"""KEDA's own verdict on triggers: its scaler constructors, called offline (main.go).

The program is one package in the lab's Go module (lab/toolchain/go/cluster/go.mod by -modfile), so KEDA's
compiled packages are the lab's. It runs where only a loopback interface exists that is down: every dial fails
at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import paths
from lab.toolchain import gobuild, versions

HERE = Path(__file__).parent
MODULE = HERE.parent.parent / "lab" / "toolchain" / "go" / "cluster"
# Constructors that dial leave goroutines behind for some seconds; a fresh process takes them away.
PER_PROCESS = 4000
# Seconds for one process: thousands of specs take well under a minute on one core.
PATIENCE = 300


STILL_DIALLING = "still dialling"
"""The error of a constructor that had not ended in time (main.go)."""


@dataclass(frozen=True)
class Spec:
    """One trigger and what the operator resolves for it: its authentication's values and its environment."""

    type: str
    metadata: dict[str, str] = field(default_factory=dict)
    auth: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    pod_identity: str = ""
    metric_type: str = ""
    as_metric_source: bool = False

    def line(self, number: int) -> str:
        fields: dict[str, Any] = {
            "id": number,
            "type": self.type,
            "metadata": self.metadata,
            "authParams": self.auth,
            "resolvedEnv": self.env,
            "podIdentity": self.pod_identity,
            "metricType": self.metric_type,
            "asMetricSource": self.as_metric_source,
        }
        return json.dumps(fields)


@dataclass(frozen=True)
class Verdict:
    """`stage` is "" for a scaler that was built, else parse, build, connect or panic (see stages.go)."""

    stage: str
    error: str = ""

    @property
    def accepted(self) -> bool:
        """KEDA took the parameters: a backend that is not there is no fault of the spec."""
        return self.stage in ("", "connect")


def binary(folder: Path = HERE, module: Path = MODULE) -> Path:
    """The program in a folder, built anew when its sources or the module's requirements changed.

    Raises LabError without Go, and CalledProcessError when it does not compile.
    """
    sources = sorted(folder.glob("*.go")) + [module / "go.mod", module / "go.sum"]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    built = paths.cache() / "bin" / f"oracle-{key}" / "oracle"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        unfinished = built.with_suffix(f".{os.getpid()}")
        command = [
            str(gobuild.go()),
            "build",
            *versions.load().flags,  # KEDA's packages, as the lab has compiled them
            f"-modfile={module / 'go.mod'}",
            "-o",
            str(unfinished),
        ]
        subprocess.run([*command, "."], cwd=folder, env=gobuild.environment(), check=True)
        unfinished.rename(built)
    return built


def judge(specs: Sequence[Spec]) -> list[Verdict]:
    """KEDA's verdict on each spec, in order. Needs root or user namespaces, to be without a network."""
    program = binary()
    verdicts: dict[int, Verdict] = {}
    # Mixed, so that no constructor that is slow to start is in all workers at once and seems to dial.
    order = random.Random(0).sample(range(len(specs)), len(specs))
    for start in range(0, len(specs), PER_PROCESS):
        numbers = order[start : start + PER_PROCESS]
        verdicts |= _run(program, specs, numbers)
        # A panic outside the constructor's own goroutine ends the process: ask for the rest one by one.
        for number in numbers:
            if number not in verdicts:
                verdicts |= _run(program, specs, [number])
                verdicts.setdefault(number, Verdict("panic", "the process ended"))
    return [verdicts[number] for number in range(len(specs))]


def _run(program: Path, specs: Sequence[Spec], numbers: Iterable[int]) -> dict[int, Verdict]:
    lines = "\n".join(specs[number].line(number) for number in numbers)
    offline = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    # Nothing of this machine's own cloud credentials may decide a verdict.
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    finished = subprocess.run(
        [*offline, str(program)],
        input=lines,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    answers = (json.loads(line) for line in finished.stdout.splitlines())
    return {answer["id"]: Verdict(answer.get("stage", ""), answer.get("error", "")) for answer in answers}
