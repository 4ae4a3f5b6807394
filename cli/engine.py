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
POLICY_CONFIG = POLICY_PACK / "homelab.json"


@dataclass(frozen=True)
class Engine:
    """One stack on one cluster.

    Attributes:
        folder: what the command writes (the stack file's copy, the lock) lives here.
        pulumi: the CLI's executable.
        env: variables laid over the caller's environment.
        overrides: config key to value for the copy of the stack file (see `stackfile.write_copy`).
        path: folders put first on PATH.
        notice: one line that says which of Pulumi's plugins are in use.
        exclusive: nobody but this command on this machine uses the state, so a Pulumi lock found while
            we hold our own is a killed run's. Not so on a shared backend, where it may be a colleague's.
        program: the folder of the Pulumi program.
    """

    folder: Path
    pulumi: Path
    env: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    path: Sequence[Path] = ()
    notice: str = ""
    exclusive: bool = False
    program: Path = stackfile.PROJECT

    @property
    def config_file(self) -> Path:
        """The generated stack file."""
        return self.folder / f"Pulumi.{stackfile.STACK}.yaml"

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

    def operate(self, verb: str, *args: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs up, preview, refresh or destroy on the stack, converging after a killed run first.

        Raises:
            CommandError: another command is at work on this stack, or the stack cannot be made.
        """
        with self._lock():
            self._prepare()
            if self.exclusive and verb != "preview":
                self._recover()
            pack = ["--policy-pack", str(POLICY_PACK), "--policy-pack-config", str(POLICY_CONFIG)]
            packs = pack if verb in {"up", "preview"} else []
            yes = ["--yes"] if verb != "preview" else []
            quiet = ["--suppress-outputs"] if verb in {"up", "preview"} else []  # the table says it better
            return self.run(verb, *self._stack(), *packs, *yes, *quiet, *args, capture=capture)

    def deployment(self) -> dict[str, Any]:
        """The stack's state as `pulumi stack export` gives it: `resources`, `pending_operations`.

        Raises:
            CommandError: another command is at work on this stack, or its state cannot be read.
        """
        with self._lock():
            self._prepare()
            return self._export()

    def _stack(self) -> list[str]:
        return ["--stack", stackfile.STACK, "--config-file", str(self.config_file)]

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
        stackfile.write_copy(self.config_file, self.overrides)
        # `stack select` writes the stack file beside Pulumi.yaml, so it runs in the folder of the copy.
        shutil.copyfile(stackfile.PROJECT / "Pulumi.yaml", self.folder / "Pulumi.yaml")
        made = self.run("stack", "select", "--create", stackfile.STACK, capture=True, cwd=self.folder)
        if made.returncode:
            raise CommandError(
                f"stack {stackfile.STACK}: {last_line(made)} Pulumi cannot keep the stack's state. "
                "docs/cluster.md says which login and passphrase it needs."
            )

    def _recover(self) -> None:
        """After a run that was killed: its lock is void, for we hold ours, and what it half made is read."""
        cancelled = self.run("cancel", "--yes", "--stack", stackfile.STACK, capture=True, cwd=self.folder)
        if cancelled.returncode and "not supported" in cancelled.stderr:
            return
        if self._export().get("pending_operations"):
            print("The last run was killed half-way: reading what it left in the cluster.", file=sys.stderr)
            self.run(
                "refresh", *self._stack(), "--yes", "--clear-pending-creates", "--skip-preview", capture=True
            )

    def _export(self) -> dict[str, Any]:
        exported = self.run("stack", "export", "--stack", stackfile.STACK, capture=True, cwd=self.folder)
        if exported.returncode:
            raise CommandError(f"stack {stackfile.STACK}: {last_line(exported)} Its state could not be read.")
        deployment: dict[str, Any] = json.loads(exported.stdout or "{}").get("deployment") or {}
        return deployment


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last line a failed command wrote, without Pulumi's `error: `."""
    lines = [line for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    text = next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "no output")
    return text.removeprefix("error: ").rstrip(".") + "."
