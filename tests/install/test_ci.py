"""The action, and the jobs of docs/ci.md: their shell lines judge a folder as a forge would have them do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from keda.checks.output import FORMATS
from tests.install.conftest import ROOT, Installation
from tests.install.jobs import SHELL, TAG, Job, jobs, release

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
CHECKS = [job for job in jobs() if any("keda check" in line for line in job.lines)]
# https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
OF_AN_ACTION = {"name", "author", "description", "inputs", "outputs", "runs", "branding"}
OF_AN_INPUT = {"description", "required", "default", "deprecationMessage"}
OF_A_STEP = {
    "name",
    "id",
    "if",
    "uses",
    "with",
    "run",
    "shell",
    "env",
    "working-directory",
    "continue-on-error",
}

WARNING = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: web}
spec:
  scaleTargetRef: {name: web}
  triggers:
    - type: cron
      metadata: {timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: "3"}
"""
"""No maxReplicaCount: a warning, and no error."""
ERROR = WARNING.replace("desiredReplicas", "desiredReplica")


@dataclass(frozen=True)
class Runner:
    """A runner of the forge: it runs the action's steps in a folder, with inputs."""

    installation: Installation
    temporary: Path
    action: Path

    def run(self, step: Mapping[str, Any], folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
        given = {name: each["default"] for name, each in ACTION["inputs"].items()} | inputs
        variables = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: given[match[1]], value)
            for name, value in step.get("env", {}).items()
        }
        own = {"RUNNER_TEMP": str(self.temporary), "GITHUB_ACTION_PATH": str(self.action)}
        environment = {**self.installation.environment, **own, **variables}
        return replace(self.installation, environment=environment).run(*SHELL, step["run"], cwd=folder)

    def check(self, folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
        return self.run(ACTION["runs"]["steps"][-1], folder, **inputs)


@pytest.fixture(scope="module")
def runner(
    environment: Installation, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runner]:
    """A runner on which the action's first steps have run."""
    runner = Runner(environment, tmp_path_factory.mktemp("runner temp"), source)
    for step in ACTION["runs"]["steps"][:-1]:
        done = runner.run(step, source.parent)
        assert done.returncode == 0, done.stderr
    yield runner


@pytest.fixture
def clusters(tmp_path: Path) -> Path:
    """A repository with a folder of manifests, whose name has a space, and another."""
    for name, text in (("my clusters", ERROR), ("others", WARNING)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yaml").write_text(text, "utf-8")
    return tmp_path


def test_the_action_has_the_keys_that_are_documented() -> None:
    assert set(ACTION) <= OF_AN_ACTION
    assert ACTION["runs"].keys() == {"using", "steps"} and ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert set(step) <= OF_A_STEP and step["shell"] == "bash"
        assert "${{" not in step["run"], "an expression in a script lets an input run commands"
    for name, each in ACTION["inputs"].items():
        assert set(each) <= OF_AN_INPUT and isinstance(each["default"], str), name
    used = re.findall(r"inputs\.([a-z-]+)", json.dumps(ACTION["runs"]))
    assert sorted(used) == sorted(ACTION["inputs"])
    assert all(form in ACTION["inputs"]["format"]["description"] for form in FORMATS)


def test_the_action_annotates_and_fails(runner: Runner, clusters: Path) -> None:
    done = runner.check(clusters, path="my clusters\n")
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("::error"))
    assert "file=my clusters/web.yaml" in line and "desiredReplica" in line


def test_the_action_fails_on_warnings_where_asked(runner: Runner, clusters: Path) -> None:
    assert runner.check(clusters, path="others").returncode == 0
    assert runner.check(clusters, path="others", **{"fail-on": "warning"}).returncode == 1


def test_the_action_takes_several_paths_and_none(runner: Runner, clusters: Path) -> None:
    both = {"others/web.yaml", "my clusters/web.yaml"}
    for path in ("my clusters\nothers\n", ""):
        done = runner.check(clusters, path=path)
        assert set(re.findall(r"file=([^,]+),", done.stdout)) == both
    (clusters / "keda.toml").write_text('paths = ["others"]\n', "utf-8")
    done = runner.check(clusters)
    assert (done.returncode, set(re.findall(r"file=([^,]+),", done.stdout))) == (0, {"others/web.yaml"})


def test_the_action_writes_a_report(runner: Runner, clusters: Path) -> None:
    done = runner.check(clusters, format="sarif", output="keda.sarif")
    assert (done.returncode, done.stdout) == (1, "")
    (run,) = json.loads((clusters / "keda.sarif").read_text("utf-8"))["runs"]
    assert {each["ruleId"] for each in run["results"]} >= {"misspelt-parameter", "default-max"}


def test_an_input_is_no_command(runner: Runner, clusters: Path) -> None:
    done = runner.check(clusters, path='$(touch made)"; touch made; "')
    assert done.returncode == 2
    assert not (clusters / "made").exists()


@pytest.fixture(scope="module")
def repository(source: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return release(source, tmp_path_factory.mktemp("repository"))


@pytest.mark.parametrize("job", CHECKS, ids=[job.name for job in CHECKS])
def test_a_job_judges_the_repository(
    job: Job, environment: Installation, repository: str, clusters: Path
) -> None:
    variables = {**environment.environment, "KEDA_HOMELAB": repository}
    done = job.run(replace(environment, environment=variables), clusters)
    assert done.returncode == 1, done.stderr
    report = clusters / "keda.xml"
    told = report.read_text("utf-8") if report.exists() else done.stdout
    assert "my clusters/web.yaml" in told and "desiredReplica" in told
    assert report.exists() == ("junit: keda.xml" in job.text)


def test_every_forge_has_both_jobs() -> None:
    """GitHub's `keda check` is the action."""
    names = {job.name for job in jobs()}
    assert names == {"gitlab-ci.yml-keda-check", "gitea-check", "github-preview", "gitlab-ci.yml-preview"}
    assert f"keda-homelab@{TAG}" in (ROOT / "docs" / "ci.md").read_text("utf-8")


def test_the_jobs_take_this_release() -> None:
    assert set(re.findall(r"v[\d.]+\+keda[\d.]+", (ROOT / "docs" / "ci.md").read_text("utf-8"))) == {TAG}
