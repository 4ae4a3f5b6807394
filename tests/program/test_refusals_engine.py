"""The program in the real engine, with settings that it refuses: one line, and never a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import plugins, tools

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
CANARY = "hunter2-canary"
TIMEOUT = 120  # seconds for one pulumi command, which takes a few
PROGRAM = f"""
import runpy

runpy.run_path({str(ROOT / "__main__.py")!r}, run_name="__main__")
"""


class Stack:
    """The project's program with a stack file of its own; no cluster."""

    def __init__(self, folder: Path, variables: dict[str, str], pulumi: Path) -> None:
        self.folder, self.pulumi = folder, pulumi
        self.environment = {
            **os.environ,
            **variables,
            "PULUMI_BACKEND_URL": folder.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": os.devnull,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        (folder / "Pulumi.yaml").write_text("name: keda-homelab\nruntime: python\n", encoding="utf-8")
        (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        assert self("stack", "init", "test").returncode == 0
        config = yaml.safe_load((ROOT / "Pulumi.homelab.yaml").read_text(encoding="utf-8"))["config"]
        file = folder / "Pulumi.test.yaml"
        written = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        file.write_text(yaml.safe_dump({**written, "config": config}), encoding="utf-8")

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.pulumi), *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            check=False,
        )

    def everything(self) -> str:
        """All that the command has left in files."""
        files = [each for each in self.folder.rglob("*") if each.is_file()]
        return "".join(each.read_text(encoding="utf-8", errors="replace") for each in files)


@pytest.fixture
def stack(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    pulumi = tools.ensure(["pulumi"])["pulumi"]
    variables, _ = plugins.plugin_environment(pulumi, tmp_path_factory.mktemp("home"))
    return Stack(tmp_path, variables, pulumi)


@pytest.mark.parametrize(
    "key",
    [
        "cluster.context",
        "keda.values.operator.password",
        "monitoring.prometheus",
        "workloads.voice.messagesPerReplica",
        "workloads.batch.job.env.LOG_LEVEL",
    ],
)
def test_a_setting_stored_as_a_secret_is_refused_and_is_nowhere(stack: Stack, key: str) -> None:
    stored = stack("config", "set", "--secret", "--path", f"keda-homelab:{key}", CANARY)
    assert stored.returncode == 0, stored.stdout
    done = stack("preview")
    assert done.returncode != 0
    section = key.partition(".")[0]
    shown = done.stdout.partition("Diagnostics:")[2]
    assert shown.count(f"{section}: holds a secret.") == 1, done.stdout
    assert CANARY not in done.stdout and CANARY not in stack.everything()
    assert "unhandled" not in shown and "Traceback" not in shown


def test_a_wrong_setting_is_one_line(stack: Stack) -> None:
    wrong: dict[str, Any] = {"keda-homelab:workloads.voice.maxReplicas": "ten"}
    for key, value in wrong.items():
        assert stack("config", "set", "--path", key, value).returncode == 0
    done = stack("preview")
    assert done.returncode != 0
    shown = [line.strip() for line in done.stdout.partition("Diagnostics:")[2].splitlines() if line.strip()]
    assert [line for line in shown if "workloads.voice.maxReplicas" in line] == [
        'error: workloads.voice.maxReplicas: "ten" is not a whole number. The workload could not be set up. '
        "Write maxReplicas: 4."
    ], done.stdout
    assert "unhandled" not in done.stdout and "Traceback" not in done.stdout
    assert json.loads(stack("stack", "export").stdout)["deployment"].get("resources", []) == []
