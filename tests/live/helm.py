"""Helm in a lab, on KEDA's chart in the lab's registry."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cli import targets
from lab.paths import Lab
from tests.live.conftest import SOON


@dataclass(frozen=True)
class Helm:
    """Helm on the release keda of one lab."""

    lab: Lab

    def run(self, *arguments: str) -> str:
        """`helm` in the namespace keda; what it prints."""
        command = [targets.lab_record(self.lab)["tools"]["helm"], f"--kubeconfig={self.lab.kubeconfig}"]
        done = subprocess.run(
            [*command, "--namespace=keda", *arguments], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def chart(self, verb: str, values: Mapping[str, Any], *arguments: str) -> str:
        """`helm VERB keda CHART` with these values, and probes that look soon; what it prints."""
        chart = targets.lab_record(self.lab)["chart"]["source"]
        soon = {f"{part}.readinessProbe": SOON["readinessProbe"] for part in ("operator", "webhooks")}
        given = [f"--set-json={key}={json.dumps(value)}" for key, value in {**soon, **values}.items()]
        return self.run(verb, "keda", chart, "--version=2.19.0", "--plain-http", *given, *arguments)
