"""Runs the Pulumi CLI on the stack: environment, stack, locks of a killed run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli import stackfile
from cli.errors import CommandError

POLICY_PACK = stackfile.PROJECT / "policies"
CLUSTER_TAG = "keda-homelab:cluster"
"""A tag of the stack: the uid of the cluster that its state is of. Pulumi Cloud and the backends of files and
buckets keep tags (pulumi/pulumi v3.250.0, pkg/backend/diy/stack_tags.go)."""


@dataclass(frozen=True)
class Engine:
    """One stack on one cluster.

    Attributes:
        folder: what the command writes (the lab's copy of the stack file, the lock) lives here.
        pulumi: the CLI's executable.
        env: variables laid over the caller's environment.
        overrides: config key to value for the copy of the stack file (see `stackfile.write_copy`).
        path: folders put first on PATH.
        notice: one line on which of Pulumi's plugins are in use.
        exclusive: nobody but this command on this machine uses the state, so a Pulumi lock found while
            we hold our own is a killed run's. Not so on a shared backend, where it may be a colleague's.
        program: the folder of the Pulumi program.
        stack: the stack's name.
        own: the stack is a user's: Pulumi works on the program's Pulumi.<stack>.yaml itself, not on a copy.
    """

    folder: Path
    pulumi: Path
    env: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    path: Sequence[Path] = ()
    notice: str = ""
    exclusive: bool = False
    program: Path = stackfile.PROJECT
    stack: str = stackfile.STACK
    own: bool = False

    @property
    def config_file(self) -> Path:
        """The stack file that Pulumi works on."""
        return (self.program if self.own else self.folder) / f"Pulumi.{self.stack}.yaml"

    def stack_file(self) -> Path:
        """The stack file, ready to be read: the user's own, or a new copy.

        Raises:
            CommandError: the file that is copied cannot be read.
        """
        return self.config_file if self.own else stackfile.write_copy(self.config_file, self.overrides)

    def environment(self) -> dict[str, str]:
        """The environment Pulumi runs in."""
        first = [*self.path, Path(sys.executable).parent, self.pulumi.parent]
        return {
            **os.environ,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_ERROR_OUTPUT_STRING": "true",  # an Output in an f-string raises
            **self.env,
            "PATH": os.pathsep.join([*map(str, first), os.environ.get("PATH", os.defpath)]),
        }

    def run(
        self, *args: str, capture: bool = False, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi ARGS`; its output goes to the screen, or is kept if `capture`."""
        out = subprocess.PIPE if capture else None
        command = [str(self.pulumi), *args]
        with subprocess.Popen(
            command, cwd=cwd or self.program, env=self.environment(), text=True, stdout=out, stderr=out
        ) as process:
            while True:
                try:
                    stdout, stderr = process.communicate()
                    break
                except KeyboardInterrupt:
                    # The terminal sent the signal to Pulumi too: it stops in good order, and we wait.
                    continue
        return subprocess.CompletedProcess(command, process.returncode, stdout or "", stderr or "")

    def operate(
        self, verb: str, *args: str, capture: bool = False, assume_yes: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs up, preview, refresh or destroy on the stack, converging after a killed run first.

        Unless `assume_yes`, Pulumi shows what it would do and asks on the terminal.

        Raises:
            CommandError: another command is at work on this stack, or the stack cannot be made.
        """
        with self._lock():
            self._prepare()
            if self.exclusive and verb != "preview":
                self._recover()
            packs = ["--policy-pack", str(POLICY_PACK)] if verb in {"up", "preview"} else []
            yes = ["--yes"] if verb != "preview" and assume_yes else []
            quiet = ["--suppress-outputs"] if verb in {"up", "preview"} else []  # the table shows it better
            return self.run(verb, *self._stack(), *packs, *yes, *quiet, *args, capture=capture)

    def deployment(self) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` gives it: `resources`, `pending_operations`.

        Raises:
            CommandError: another command is at work on this stack, or its state cannot be read.
        """
        with self._lock():
            self._prepare()
            return self._export()

    def forget(self) -> None:
        """Deletes the stack's state; what it made stays in the cluster, and its stack file where it is.

        Raises:
            CommandError: another command is at work on this stack, or Pulumi refuses.
        """
        with self._lock():
            remove = ["stack", "rm", self.stack, "--force", "--yes", "--preserve-config"]
            done = self.run(*remove, capture=True, cwd=self.config_file.parent)
            if done.returncode:
                raise CommandError(f"stack {self.stack}: {last_line(done)} Its state is still there.")

    def claim(self, cluster: str) -> None:
        """Binds the stack to the cluster with this uid; a stack that is bound already must be bound to it.

        Raises:
            CommandError: its state is of another cluster, or the stack cannot be made.
        """
        with self._lock():
            self._prepare()
            tag = ["stack", "tag"]
            stack = ["--stack", self.stack]
            found = self.run(*tag, "get", CLUSTER_TAG, *stack, capture=True, cwd=self.config_file.parent)
            if found.returncode and "not found" not in found.stderr + found.stdout:
                raise CommandError(f"stack {self.stack}: {last_line(found)} Its tags could not be read.")
            bound = "" if found.returncode else found.stdout.strip()
            if bound and bound != cluster:
                raise CommandError(another_cluster(self.stack, bound, cluster))
            if not bound:
                made = self.run(
                    *tag, "set", CLUSTER_TAG, cluster, *stack, capture=True, cwd=self.config_file.parent
                )
                if made.returncode:
                    raise CommandError(
                        f"stack {self.stack}: {last_line(made)} Without a tag the stack could be applied to "
                        "another cluster. Upgrade the Pulumi CLI, or log in to a backend that keeps tags."
                    )

    def _stack(self) -> list[str]:
        return ["--stack", self.stack, *([] if self.own else ["--config-file", str(self.config_file)])]

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    f"{self.folder.name}: another make command is at work on this stack. "
                    "Two at once would undo each other. Wait for it to end."
                ) from None
            yield

    def _prepare(self) -> None:
        if self.own:
            # Not `select`: which stack plain `pulumi` works on stays the user's choice.
            made = self.run("stack", "init", self.stack, "--no-select", capture=True)
            if made.returncode and "already exists" in made.stderr + made.stdout:
                return
        else:
            made = self._select()
        if made.returncode:
            raise CommandError(
                f"stack {self.stack}: {last_line(made)} Pulumi cannot keep the stack's state. "
                "docs/cluster.md has the login and passphrase that it needs."
            )

    def _select(self) -> subprocess.CompletedProcess[str]:
        self.stack_file()
        # `stack select` writes the stack file beside Pulumi.yaml, so it runs in the folder of the copy.
        shutil.copyfile(stackfile.PROJECT / "Pulumi.yaml", self.folder / "Pulumi.yaml")
        return self.run("stack", "select", "--create", self.stack, capture=True, cwd=self.folder)

    def _recover(self) -> None:
        """After a run that was killed: its lock is void, for we hold ours, and what it half made is read."""
        cancelled = self.run("cancel", "--yes", "--stack", self.stack, capture=True, cwd=self.folder)
        if cancelled.returncode and "not supported" in cancelled.stderr:
            return
        if self._export().get("pending_operations"):
            print("The last run was killed half-way: reading what it left in the cluster.", file=sys.stderr)
            self.run(
                "refresh", *self._stack(), "--yes", "--clear-pending-creates", "--skip-preview", capture=True
            )

    def _export(self) -> dict[str, Any]:
        folder = self.config_file.parent
        exported = self.run("stack", "export", "--stack", self.stack, capture=True, cwd=folder)
        if exported.returncode:
            raise CommandError(f"stack {self.stack}: {last_line(exported)} Its state could not be read.")
        deployment: dict[str, Any] = json.loads(exported.stdout or "{}").get("deployment") or {}
        return deployment


def another_cluster(stack: str, of: str, now: str) -> str:
    """The message for a stack of cluster `of` where cluster `now` answers (uids)."""
    return (
        f"stack {stack}: it is of another cluster ({of}) than the one that answers ({now}). Pulumi would "
        "install everything there and forget what it installed here. Correct the kubeconfig's context, or "
        "pass STACK=<name> for a stack of its own. docs/cluster.md: a cluster that was rebuilt."
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last line a failed command wrote, without Pulumi's `error: `."""
    lines = [line for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    text = next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "no output")
    return text.removeprefix("error: ").rstrip(".") + "."
