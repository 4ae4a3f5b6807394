"""The `pulumi preview` jobs of docs/ci.md: their shell lines preview a program with the pack of a clone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.conftest import Stack
from tests.engine.test_pack import PROGRAM
from tests.install.conftest import ROOT, Installation
from tests.install.jobs import Job, jobs, release

pytestmark = pytest.mark.engine

PREVIEWS = [job for job in jobs() if any("pulumi preview" in line for line in job.lines)]


def link_environment(clone: Path) -> None:
    """The packages that run these tests, where `make .venv/.ready` would install them."""
    (clone / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".ready":
            (clone / ".venv" / part.name).symlink_to(part)
    (clone / ".venv" / ".ready").touch()


@pytest.mark.parametrize("job", PREVIEWS, ids=[job.name for job in PREVIEWS])
def test_a_job_refuses_a_second_owner(
    job: Job, stack: Stack, namespace: str, scaled_objects: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("runner")
    kubeconfig = temporary / "kubeconfig"
    forge = {
        **{"RUNNER_TEMP": str(temporary), "CI_BUILDS_DIR": str(temporary), "STACK": "test"},
        **{"GITHUB_ENV": str(temporary / "env"), "GITHUB_PATH": str(temporary / "path")},
        "KEDA_HOMELAB": release(ROOT, tmp_path_factory.mktemp("repository")),
        "CLUSTER": stack.cluster.kubeconfig.read_text("utf-8"),
    }
    if "GITHUB_ENV" in job.text:
        forge["KUBECONFIG"] = str(kubeconfig)  # as the runner sets it for the next steps
    runner = Installation(stack.folder, {**stack.environment, **forge})
    stack.program(PROGRAM.format(namespace=namespace, body="scaled()\nhpa()"))
    stack.preview()  # creates the stack, which a user has

    (cloned,) = (number for number, line in enumerate(job.lines, 1) if line.startswith("git clone"))
    before, after = replace(job, lines=job.lines[:cloned]), replace(job, lines=job.lines[cloned:])
    done = before.run(runner, stack.folder)
    assert done.returncode == 0, done.stderr
    link_environment(temporary / "keda-homelab")
    done = after.run(runner, stack.folder)
    assert done.returncode != 0
    assert "keda-one-owner-hpa" in done.stdout and "[mandatory]" in done.stdout, done.stdout + done.stderr

    stack.program(PROGRAM.format(namespace=namespace, body="scaled()"))
    done = after.run(runner, stack.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    if "GITHUB_ENV" in job.text:
        assert kubeconfig.stat().st_mode & 0o077 == 0
        assert (temporary / "env").read_text("utf-8") == f"KUBECONFIG={kubeconfig}\n"
