"""A setting that is stored by `pulumi config set --secret` stays a secret: the program refuses it, whole."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from cli.stackfile import PROJECT, SOURCE
from tests.engine.conftest import COMMAND, Result, Stack

pytestmark = pytest.mark.engine

CANARY = "canary-5e1c7a"
SETTINGS = [
    "keda-homelab:cluster.context",
    "keda-homelab:keda.namespace",
    "keda-homelab:keda.values.operator.name",
    "keda-homelab:monitoring.prometheus",
    "keda-homelab:monitoring.alertLabels.team",
    "keda-homelab:workloads.ray-serve.threshold",
    "keda-homelab:workloads.envoy-gateway.serverAddress",
    "keda-homelab:workloads.voice.subject",
    "keda-homelab:workloads.batch.triggers[0].metadata.password",
    "keda-homelab:workloads.batch.job.env.TOKEN",
    "keda-homelab:mistyped",
]


def pulumi(stack: Stack, *arguments: str) -> Result:
    """Pulumi on the project's own program, with a copy of its stack file."""
    done = subprocess.run(
        ["pulumi", *arguments, "--stack", "homelab", "--non-interactive"],
        cwd=PROJECT,
        env=stack.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=COMMAND,
    )
    return Result(done.returncode, done.stdout)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_secret_setting_is_refused_and_written_nowhere(stack: Stack, setting: str) -> None:
    """Refused in one line; the value is in no output, no log, no object and no file of the state."""
    config = stack.folder / "Pulumi.homelab.yaml"
    shutil.copyfile(SOURCE, config)
    file = ("--config-file", str(config))
    before = SOURCE.read_text()
    # `stack init` writes beside Pulumi.yaml, so it runs in the folder of the copy.
    shutil.copyfile(PROJECT / "Pulumi.yaml", stack.folder / "Pulumi.yaml")
    assert stack.pulumi("stack", "init", "homelab").code == 0
    key = setting if setting.count(".") else f"{setting}.x"
    stored = pulumi(stack, "config", "set", "--secret", "--path", key, CANARY, *file)
    assert stored.code == 0, stored.text
    up = pulumi(stack, "up", "--yes", "--skip-preview", *file, "--logtostderr", "-v=9")
    assert up.code != 0
    section = setting.split(":")[1].split(".")[0]
    told = [line for line in up.lines(f"{section}: contains a secret") if not line.startswith(("I", "W"))]
    assert len(told) == 1, up.text[-3000:]
    assert CANARY not in up.text
    assert "Traceback" not in up.text.partition("Diagnostics:")[2]
    files = [path for path in stack.folder.rglob("*") if path.is_file()]
    assert any("stacks" in path.parts for path in files)
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path
    assert SOURCE.read_text() == before
