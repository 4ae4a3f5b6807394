"""kubectl on one cluster."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from cli.errors import CommandError


class Kubectl:
    """kubectl on one kubeconfig, answering with parsed JSON."""

    def __init__(self, binary: str, kubeconfig: str | None = None, context: str | None = None) -> None:
        self.kubeconfig, self.context = kubeconfig, context
        self._base = [binary, "--request-timeout=20s"]
        self._base += [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
        self._base += [f"--context={context}"] if context else []

    def items(self, *args: str) -> list[dict[str, Any]]:
        """The items of `kubectl get ARGS`; an unknown kind counts as none.

        Raises:
            CommandError: the cluster did not answer.
        """
        done = subprocess.run([*self._base, "get", *args, "-o", "json"], capture_output=True, text=True)
        if done.returncode:
            if "the server doesn't have a resource type" in done.stderr:
                return []
            raise CommandError(f"kubectl get {' '.join(args)}: {done.stderr.strip().splitlines()[-1]}")
        data = json.loads(done.stdout or '{"items": []}')  # with --ignore-not-found nothing is printed
        return list(data["items"]) if "items" in data else [data]

    def call(self, *args: str, stdin: str = "") -> str:
        """The output of `kubectl ARGS`, with `stdin` as its input.

        Raises:
            CommandError: it failed. The input is left out: it may hold a Secret.
        """
        done = subprocess.run([*self._base, *args], input=stdin, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise CommandError(f"kubectl {args[0]}: {last}")
        return done.stdout
