"""The pre-commit hook: its entry, with the changed files that it asks for, in a repository of many kinds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.install.conftest import ROOT, Installation

(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
SCALED = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: web}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 5
  triggers:
    - type: rabbitmq
      metadata: {queueName: orders, mode: QueueLength, value: "5"}
      authenticationRef: {name: rabbit}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: web}
spec: {template: {spec: {containers: [{name: web, image: web}]}}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: other, namespace: web}
spec: {secretTargetRef: [{parameter: host, name: rabbit, key: host}]}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: web}
"""
FILES = {
    "web/scaled.yaml": SCALED,
    "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "chart/values.yaml": "replicas: 1\n",
    "chart/templates/scaled.yaml": "kind: ScaledObject\n{{- if .Values.scaled }}\nspec: {}\n{{- end }}\n",
    "scaffold/scaled.yaml": "apiVersion: keda.sh/v1alpha1\n{% if wanted %}\nkind: ScaledJob\n{% endif %}\n",
    "production/kustomization.yaml": "resources: [../web]\npatches: [{path: more.yaml}]\n",
    "production/more.yaml": "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n",
    "README.md": "# kind: ScaledObject\n",
    "tsconfig.json": "{ // a comment\n}\n",
}


def committed(installed: Installation, folder: Path, changed: list[str]) -> tuple[int, str]:
    """(exit code, output) of the hook at a commit that changes files, as pre-commit starts it."""
    suffixes = tuple(f".{each}" for each in HOOK["types_or"])
    given = [name for name in changed if name.endswith(suffixes) and not re.search(HOOK["exclude"], name)]
    done = installed.run(*shlex.split(HOOK["entry"]), *HOOK.get("args", ()), *given, cwd=folder)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_what_changed_is_judged(installed: Installation, repository: Path) -> None:
    (repository / "web" / "scaled.yaml").write_text(SCALED.replace("queueName", "queuName"), "utf-8")
    code, output = committed(installed, repository, ["web/scaled.yaml"])
    assert code == 1
    assert "[misspelt-parameter]" in output


def test_what_other_files_may_hold_is_not_missing(installed: Installation, repository: Path) -> None:
    """The whole repository holds none of them."""
    whole = installed.run("keda", "check", "web", cwd=repository)
    assert "[target-missing]" in whole.stdout and "[unknown-authentication]" in whole.stdout
    code, output = committed(installed, repository, ["web/scaled.yaml"])
    assert code == 0, output


def test_templates_and_patches_are_no_manifests(installed: Installation, repository: Path) -> None:
    code, output = committed(installed, repository, list(FILES))
    assert code == 0, output
    assert "chart/templates" not in output


def test_what_the_settings_leave_out_is_not_judged(installed: Installation, repository: Path) -> None:
    """pre-commit names each changed file; its own `exclude` is another one."""
    (repository / "web" / "scaled.yaml").write_text(SCALED.replace("queueName", "queuName"), "utf-8")
    (repository / "keda.toml").write_text('exclude = ["web"]\n', "utf-8")
    code, output = committed(installed, repository, ["web/scaled.yaml"])
    assert code == 0, output
    assert "leave out: web/scaled.yaml." in output


def test_one_process_sees_all_files(installed: Installation) -> None:
    """pre-commit would else split a long list over the cores, and a second owner stand in another part."""
    assert HOOK["require_serial"] is True
    assert HOOK["language"] == "python"
