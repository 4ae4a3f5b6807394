"""`python -m keda`: what it prints, and its exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from keda.checks.findings import rules
from keda.commands.main import main
from keda.scalers.facts import scalers
from tests.keda.commands.tree import kustomization, scaled_object, written

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "corpus" / "check"
BROKEN = str(CORPUS / "invalid" / "replica-bounds.yaml")
WARNED = str(CORPUS / "invalid" / "default-max.yaml")
FINE = str(CORPUS / "valid" / "voice-pipeline.yaml")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This repository's own settings leave its tests out."""
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    total = "0 errors, 0 warnings. Judged: 1 KEDA object and 3 others in 1 file.\n"
    assert run(capsys, "check", FINE) == (0, total, "")
    assert run(capsys, "check", "--quiet", FINE) == (0, "", "")
    code, out, _ = run(capsys, "check", WARNED)
    assert code == 0
    assert "[default-max]" in out
    code, out, _ = run(capsys, "check", BROKEN, FINE)
    assert code == 1
    place = f"{BROKEN}:10: error [replica-bounds] spec.minReplicaCount: 8 is above"
    assert out.startswith(f"ScaledObject shop/web\n{place}")
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in ("binary.yaml", "nothing.yaml"):
        code, out, err = run(capsys, "check", "--quiet", path)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert path in err


def test_what_can_be_read_is_judged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: ScaledObject\nspec: {{ .Values.spec }}\n")
    (tmp_path / "b.yaml").write_text(Path(BROKEN).read_text("utf-8"))
    (tmp_path / "notes.txt").write_text("{{")
    code, out, err = run(capsys, "check", str(tmp_path))
    assert code == 1, "an error is not hidden by what cannot be read"
    assert "[replica-bounds]" in out
    assert err == "Not judged: 1 template: a.yaml:2. Check what is rendered.\n"
    assert err.count("\n") == 1


def test_the_replicas_that_run_are_no_second_owner(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`kubectl get -o yaml` gives spec.replicas of every target, whoever wrote it last."""
    file = tmp_path / "objects.yaml"
    written = (CORPUS / "invalid" / "one-owner-replicas.yaml").read_text("utf-8")
    file.write_text(written)
    assert "[one-owner-replicas]" in run(capsys, "check", str(file))[1]
    live = list(yaml.safe_load_all(written))
    for number, each in enumerate(live):
        each["metadata"]["uid"] = f"uid-{number}"
    file.write_text(yaml.safe_dump_all(live))
    assert run(capsys, "check", "--quiet", str(file)) == (0, "", "")


def test_the_other_objects_of_a_file_are_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {
        "base/kustomization.yaml": kustomization("resources: [so.yaml]"),
        "base/so.yaml": scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1"),
        **{
            f"{name}/kustomization.yaml": kustomization(f"resources: [../base]\nnamespace: {name}")
            for name in "abc"
        },
    }
    code, out, _ = run(capsys, "check", str(written(tmp_path, files)))
    assert code == 1
    assert out.splitlines()[0] == "ScaledObject a/web and 2 more of this file"
    assert "1 error, 0 warnings." in out


def test_directory_and_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, "check", str(CORPUS / "valid"))[0] in (0, 1)
    stdin = SimpleNamespace(buffer=io.BytesIO(Path(BROKEN).read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    code, out, _ = run(capsys, "check", "-")
    assert code == 1
    assert out.splitlines()[1].startswith("<stdin>:10: error [replica-bounds] spec.minReplicaCount: 8")


def test_an_empty_pipe_is_no_success() -> None:
    """`helm template … | keda check -`, where helm failed and the shell has no pipefail."""
    command = [sys.executable, "-m", "keda", "check", "-"]
    done = subprocess.run(command, cwd=ROOT, input="", capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "<stdin>: is empty. Check whether the command before the pipe failed.\n"


def test_references_across_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    whole = (CORPUS / "invalid" / "target-missing.yaml").read_text("utf-8")
    scaled, _, deployment = whole.partition("---\n")
    (tmp_path / "scaled.yaml").write_text(scaled)
    (tmp_path / "deployment.yaml").write_text(deployment)
    assert run(capsys, "check", str(tmp_path / "scaled.yaml"))[0] == 0
    code, out, _ = run(capsys, "check", str(tmp_path))
    assert code == 1
    assert "[target-missing]" in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "--format", "json", BROKEN)
    (finding,) = json.loads(out)
    assert code == 1
    assert finding["code"] == "replica-bounds"
    assert (finding["file"], finding["line"], finding["path"]) == (BROKEN, 10, "spec.minReplicaCount")
    assert finding["keda"] == "MinReplicaCount=8 must be less than MaxReplicaCount=5"
    assert run(capsys, "check", "--format", "json", FINE)[1] == "[]\n"


def test_sarif(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "check", "--format", "sarif", BROKEN, WARNED)
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    (sarif,) = log["runs"]
    ids = [rule["id"] for rule in sarif["tool"]["driver"]["rules"]]
    for result in sarif["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] > 1
    assert {result["level"] for result in sarif["results"]} == {"error", "warning"}


def test_github(capsys: pytest.CaptureFixture[str]) -> None:
    percent = str(CORPUS / "invalid" / "trigger-parameter-per-cent.yaml")
    _, out, _ = run(capsys, "check", "--format", "github", percent)
    assert out.startswith(f"::error file={percent},line=14,title=trigger-parameter::ScaledObject shop/web")
    assert "60%25" in out


@pytest.mark.parametrize("rule", rules())
def test_explain_rule(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "--explain", rule)
    assert code == 0
    assert out.startswith(f"{rule} (")


def test_explain_scaler(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "nats-jetstream")
    assert code == 0
    assert "natsServerMonitoringEndpoint" in out
    code, _, err = run(capsys, "explain", "nats-jetsream")
    assert code == 2
    assert "`keda explain` lists both" in err
    assert "Did you mean nats-jetstream?" in err
    assert run(capsys, "check", "--explain", "pdb-block") == (
        2,
        "",
        "pdb-block: is not a rule. Did you mean pdb-blocks?\n",
    )


def test_explain_without_a_name_lists_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain")
    words = set(out.split())
    assert code == 0
    assert words >= {*rules(), *scalers()}
    assert max(map(len, out.splitlines())) < 120


def test_a_reader_may_leave_early() -> None:
    command = f"{sys.executable} -m keda check {CORPUS / 'invalid'} | head -n 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_this_repository_is_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = run(capsys, "check", "--fail-on", "warning")
    assert code == 0
    assert out.startswith("0 errors, 0 warnings. Judged: ")


def test_pre_commit_hook_names_the_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["entry"] == "keda check --partial"
