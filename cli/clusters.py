"""A cluster of one's own as a place where a command runs: named by its context, bound to one stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi_plugins
from cli import released, stackfile
from cli.engine import Engine, another_cluster
from cli.errors import CommandError
from cli.kubectl import Kubectl
from lab.toolchain import tools

SECTION = "keda-homelab:cluster"
_STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""pulumi/pulumi sdk/go/common/tokens/stack_name.go."""


@dataclass(frozen=True)
class OwnCluster:
    """A context of the user's kubeconfig, and the stack that belongs to it."""

    context: str
    stack: str
    program: Path = stackfile.PROJECT

    @classmethod
    def named(cls, context: str, stack: str | None = None) -> OwnCluster:
        """The cluster behind a context; its stack has the context's name unless another one is given.

        Raises:
            CommandError: no stack can have the name.
        """
        name = stack or stack_name(context)
        if not _STACK_NAME.fullmatch(name):
            raise CommandError(
                f"STACK={name}: a stack's name has letters, digits, -, _ and . only, 100 at most. "
                "Pulumi would refuse it. Write another one."
            )
        if name == stackfile.STACK:
            raise CommandError(
                f"STACK={name}: is the lab's stack, and Pulumi.{name}.yaml the manual. Two clusters would "
                f"share one state. Write STACK=my-{name}."
            )
        return cls(context, name)

    @property
    def words(self) -> str:
        """What a make command needs to mean this cluster and stack."""
        chosen = "" if self.stack == stack_name(self.context) else f" STACK={self.stack}"
        return f"CLUSTER={self.context}{chosen}"

    @property
    def file(self) -> Path:
        """The stack file, which `make init` writes and the user edits."""
        return self.program / f"Pulumi.{self.stack}.yaml"

    @property
    def policy_config(self) -> Path:
        """What the policy pack takes for this stack, if it is there."""
        return self.program / "policies" / f"{self.stack}.json"

    @property
    def folder(self) -> Path:
        """Where the stack's lock, its stand-ins' homes and backups are."""
        return state_folder() / self.stack

    def settings(self) -> Mapping[str, Any]:
        """The section `cluster` of the stack file; empty without a file.

        Raises:
            CommandError: the file cannot be read.
        """
        if not self.file.exists():
            return {}
        section = stackfile.read(self.file).get("config", {}).get(SECTION) or {}
        return section if isinstance(section, Mapping) else {}

    def kubectl(self) -> Kubectl:
        """kubectl on the context, in the kubeconfig that the stack file names or the user has."""
        return Kubectl(_kubectl(), kubeconfig=self._kubeconfig(), context=self.context)

    def server(self) -> str:
        """The address of the API server.

        Raises:
            CommandError: no such context.
        """
        kubeconfig = self._kubeconfig()
        view = subprocess.run(
            [
                *(_kubectl(), "config", "view", "--minify", f"--context={self.context}", "-o", "json"),
                *([f"--kubeconfig={kubeconfig}"] if kubeconfig else []),
            ],
            capture_output=True,
            text=True,
        )
        clusters = json.loads(view.stdout).get("clusters") if view.returncode == 0 else None
        if not clusters:
            raise CommandError(
                f"CLUSTER={self.context}: no such context in the kubeconfig, so there is no cluster to run "
                "on. See `kubectl config get-contexts`."
            )
        return str(clusters[0]["cluster"]["server"])

    def uid(self) -> str:
        """The identity of this cluster: the uid of its namespace kube-system; "" if the account may
        not read it.

        Raises:
            CommandError: the cluster does not answer.
        """
        try:
            [namespace] = self.kubectl().items("namespace", "kube-system")
        except CommandError as error:
            if "Forbidden" in str(error) or "forbidden" in str(error):
                return ""
            raise CommandError(f"CLUSTER={self.context}: {error}") from None
        return str(namespace["metadata"]["uid"])

    def check_file(self, uid: str) -> None:
        """Refuses a stack file that is absent, of another context or of another cluster.

        Raises:
            CommandError: which of them.
        """
        if not self.file.exists():
            raise CommandError(
                f"{self.file.name}: no such file, so nothing is set for this cluster. Run "
                f"`make init {self.words}`: it reads the cluster and writes one."
            )
        settings = self.settings()
        context = settings.get("context")
        if context != self.context:
            state = f"is {json.dumps(context)}" if context else "is missing"
            raise CommandError(
                f"{self.file.name}: {SECTION}.context {state}, and CLUSTER={self.context}. Plain `pulumi up` "
                f"would go to another cluster. Write context: {self.context}, or pass STACK=<its stack>."
            )
        if settings.get("uid") and uid and settings["uid"] != uid:
            raise CommandError(another_cluster(self.stack, settings["uid"], uid))

    def engine(self, standin: bool = False) -> Engine:
        """The engine on this stack: the user's Pulumi login, secrets provider and settings.

        Args:
            standin: use the lab's engine and stand-ins where Pulumi's released parts are not there.

        Raises:
            CommandError: a released part is not there.
        """
        if not standin:
            return Engine(self.folder, released.pulumi(), program=self.program, stack=self.stack, own=True)
        pulumi = tools.ensure(["pulumi"])["pulumi"]
        variables, notice = pulumi_plugins.plugin_environment(pulumi, self.folder / "home")
        return Engine(
            folder=self.folder,
            pulumi=pulumi,
            env=variables,
            # The released provider brings helm in itself.
            path=[tools.ensure(["helm"])["helm"].parent] if variables else [],
            notice=notice,
            program=self.program,
            stack=self.stack,
            own=True,
        )

    def _kubeconfig(self) -> str | None:
        kubeconfig = self.settings().get("kubeconfig")
        return (
            str(Path(kubeconfig).expanduser())
            if isinstance(kubeconfig, str) and "\n" not in kubeconfig
            else None
        )


def stack_name(context: str) -> str:
    """A stack's name for a context: `admin@home` gives admin-home. The lab's own name is not given away.

    Raises:
        CommandError: the context has no character that a stack's name may have.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", context).strip("-.")[:100]
    if not name:
        raise CommandError(f"CLUSTER={context}: no stack can have this name. Pass STACK=<name> with it.")
    return f"{name}-cluster" if name == stackfile.STACK else name


def state_folder() -> Path:
    """Where locks, and stand-ins' homes, of stacks of one's own are."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "keda-homelab"


def announce(cluster: OwnCluster, server: str, uid: str) -> None:
    """Shows which cluster and stack a command is about."""
    print(f"context  {cluster.context}\nserver   {server}\ncluster  {uid or '(not shown to this account)'}")
    print(f"stack    {cluster.stack} ({cluster.file.name})", flush=True)


def confirm(context: str, what: str, assume_yes: bool) -> None:
    """Asks before `what` is done there, where the user has seen it.

    Raises:
        CommandError: the answer was not yes.
    """
    if not assume_yes and input(f"{what} there? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise CommandError(f"CLUSTER={context}: stopped, nothing was changed.")


def check_terminal(context: str, assume_yes: bool) -> None:
    """Pulumi asks after it has shown what it would do; there must be a terminal to answer on.

    Raises:
        CommandError: stdin or stdout is not a terminal, and YES=1 is not given.
    """
    if not assume_yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            f"CLUSTER={context}: this is not a terminal, and the question before the first change needs one. "
            "Pass YES=1 to run it without the question."
        )


def _kubectl() -> str:
    """The user's own kubectl talks to the user's own cluster; the lab's version matters to the lab only."""
    return shutil.which("kubectl") or str(tools.ensure(["kubectl"])["kubectl"])
