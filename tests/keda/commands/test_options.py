"""`keda check`: its options, its configuration file, its baseline, its formats, as a command."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from keda.commands.main import main
from tests.keda.commands.tree import authentication, kustomization, scaled_object, secret, workload, written

ROOT = Path(__file__).parents[3]
BAD = scaled_object("bad", "shop").replace("maxReplicaCount: 4", "maxReplicaCount: -1")
WARNED = scaled_object("warned", "shop").replace("  maxReplicaCount: 4\n", "")
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "chart/templates/so.yaml": "kind: {{ .Values.kind }}\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(tmp_path, {"app/bad.yaml": BAD, "app/warned.yaml": WARNED})


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """(Exit code, the rules found, stderr)."""
    code = main(("check", *arguments))
    out, err = capsys.readouterr()
    return code, re.findall(r"(?m)^.+:\d+: (?:error|warning) \[([a-z-]+)\]", out), err


def test_without_paths_it_judges_this_directory(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 1
    out, err = capsys.readouterr()
    assert (
        out
        == """\
ScaledObject shop/bad
app/bad.yaml:7: error [replica-bounds] spec.maxReplicaCount: -1 is not above 0
    The API server would refuse the HPA that KEDA makes: nothing scales.
    Fix: Write at least 1; to stop scaling use the annotation autoscaling.keda.sh/paused.
    Run-time message: MinReplicaCount=0 must be less than MaxReplicaCount=-1

ScaledObject shop/warned
app/warned.yaml:4: warning [default-max] spec.maxReplicaCount: not set, so KEDA's default of 100 applies
    One wrong metric starts 100 pods.
    Fix: Write the highest count that the cluster and its downstream systems can handle.

1 error, 1 warning. Judged: 2 KEDA objects in 2 files. See `keda explain RULE`.
"""
    )
    assert err == ""


@pytest.mark.parametrize(
    ("options", "code", "rules"),
    [
        ((), 1, ["replica-bounds", "default-max"]),
        (("--select", "default-max"), 0, ["default-max"]),
        (("--select", "default-*,job-*", "--fail-on", "warning"), 1, ["default-max"]),
        (("--ignore", "replica-bounds"), 0, ["default-max"]),
        (("--ignore", "replica-*", "--ignore", "default-max", "--fail-on", "warning"), 0, []),
        (("--exclude", "bad.yaml"), 0, ["default-max"]),
        (("--exclude", "app/b*"), 0, ["default-max"]),
        (("--exclude", "./app/"), 0, []),
        (("app/warned.yaml", "nothing.yaml"), 2, ["default-max"]),
        (("app/bad.yaml", "nothing.yaml"), 1, ["replica-bounds"]),
    ],
)
def test_options(
    options: tuple[str, ...], code: int, rules: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, *options)[:2] == (code, rules)


def test_a_rule_that_does_not_exist_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--ignore", "defalt-max") == (
        2,
        [],
        "--ignore: defalt-max is not a rule. Did you mean default-max?\n",
    )


@pytest.mark.parametrize("file", ["keda.toml", "pyproject.toml"])
@pytest.mark.parametrize(
    ("settings", "code", "rules"),
    [
        ("ignore = ['replica-bounds']", 0, ["default-max"]),
        ("select = ['default-max']\nfail-on = 'warning'", 1, ["default-max"]),
        ("exclude = ['bad.yaml']", 0, ["default-max"]),
        ("paths = ['app/warned.yaml']", 0, ["default-max"]),
        ("severity = {replica-bounds = 'warning', default-max = 'off'}", 0, ["replica-bounds"]),
    ],
)
def test_config(
    file: str,
    settings: str,
    code: int,
    rules: list[str],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    head = "[tool.keda]\n" if file == "pyproject.toml" else ""
    (here / file).write_text(head + settings)
    assert run(capsys)[:2] == (code, rules)
    (here / "app" / "deeper").mkdir()
    monkeypatch.chdir(here / "app" / "deeper")
    paths = () if "paths" in settings else (os.pardir,)
    assert run(capsys, *paths)[:2] == (code, rules), "the file is found upwards"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("ignored = []", "ignored is not a setting. Did you mean ignore?"),
        ("ignore = 'x'", "ignore is not a list of texts."),
        ("ignore = ['x-y']", "ignore: x-y is not a rule."),
        ("scalers = 'x'", "scalers is not a list of texts."),
        ("keda = '2.18'", "keda is '2.18', and this release checks for KEDA 2.19.0. Install"),
        ("baseline = 1", "baseline is not a string."),
        ("severity = 1", "severity is not a table."),
        ("fail-on = 'note'", "fail-on is 'note'. Write error or warning."),
        ("severity = {default-max = 'fatal'}", "severity of default-max is 'fatal'."),
        ("a = [", "cannot be read:"),
    ],
)
def test_a_wrong_config(settings: str, message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "keda.toml").write_text(settings)
    code, rules, err = run(capsys)
    assert (code, rules) == (2, [])
    assert f"keda.toml: {message}" in err
    assert err.count("\n") == 1


def test_a_pyproject_that_is_not_ours_is_passed_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert run(capsys)[0] == 1


def test_baseline(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--baseline", "known.json", "--write-baseline"]) == 0
    assert capsys.readouterr().out == "known.json: 2 known findings.\n"
    assert run(capsys, "--baseline", "known.json")[:2] == (0, [])
    (here / "app" / "bad.yaml").write_text(f"# a line more\n{BAD}")
    assert run(capsys, "--baseline", "known.json")[:2] == (0, [])
    (here / "app" / "new.yaml").write_text(BAD.replace("bad", "new"))
    assert run(capsys, "--baseline", "known.json")[:2] == (1, ["replica-bounds"])
    (here / "keda.toml").write_text("baseline = 'known.json'")
    assert run(capsys)[:2] == (1, ["replica-bounds"])
    assert run(capsys, "--baseline", "gone.json")[0] == 2
    (here / "known.json").write_text("[]")
    assert run(capsys)[2] == "known.json: is not a baseline. Write it again with --write-baseline.\n"
    (here / "keda.toml").unlink()
    assert run(capsys, "--write-baseline")[0] == 2


def test_statistics_and_quiet(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "app" / "more.yaml").write_text(BAD.replace("bad", "more"))
    written(here, CHART)
    assert main(["check", "--quiet", "--statistics"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-3:] == ["", "     2 error   replica-bounds", "     1 warning default-max"]
    assert "Judged" not in out
    assert err == ""
    assert main(["check", "--format", "json", "--statistics"]) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 3, "no table among the JSON"
    assert "     2 error   replica-bounds" in err


def test_a_chart_is_one_line_and_no_failure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(here, CHART)
    code = main(["check", "chart"])
    out, err = capsys.readouterr()
    assert code == 0
    assert out.endswith("0 files. Not judged: 1 chart.\n")
    assert err == "Not judged: 1 chart: chart. Give `helm template chart | keda check -`, or --render.\n"


def test_a_chart_is_rendered_where_asked(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With whatever helm is on PATH; here one that prints its arguments and an object."""
    written(here, CHART)
    helm = here / "bin" / "helm"
    helm.parent.mkdir()
    helm.write_text(f'#!/bin/sh\necho "# $*" > {here}/arguments\ncat <<END\n{BAD}END\n')
    helm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helm.parent}:{os.environ['PATH']}")
    assert run(capsys, "chart", "--render", "--values", "prod.yaml")[:2] == (1, ["replica-bounds"])
    assert (here / "arguments").read_text() == "# template chart chart --values prod.yaml\n"
    helm.write_text("#!/bin/sh\necho no such value >&2\nexit 1\n")
    assert run(capsys, "chart", "--render")[::2] == (
        2,
        "chart: cannot be rendered: no such value.\n"
        "Not judged: 1 chart: chart. Give `helm template chart | keda check -`, or --render.\n",
    )
    helm.unlink()
    monkeypatch.setenv("PATH", str(helm.parent))
    assert "there is no helm on PATH" in run(capsys, "chart", "--render")[2]


def test_a_part_is_not_the_whole(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a pre-commit hook gives: the changed files, whatever they are."""
    files = {
        "so.yaml": f"{scaled_object('web', 'shop')}---\n{workload('other', 'shop')}",
        "ta.yaml": f"{authentication('mq')}---\n{secret('other')}",
        "template.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {{ name }}\n",
        "tsconfig.json": "{ // no comment\n}",
        "prod/kustomization.yaml": kustomization("resources: [../base]\npatches: [{path: patch.yaml}]"),
        "prod/patch.yaml": "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n",
    }
    written(here, files)
    changed = [name for name in files if "kustomization" not in name]
    assert run(capsys, "--partial", *changed)[:2] == (0, [])
    assert run(capsys, *changed)[0] == 2
    assert run(capsys, "so.yaml", "ta.yaml")[:2] == (1, ["target-missing", "unknown-secret"])


def test_junit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "junit"]) == 1
    (suite,) = ElementTree.fromstring(capsys.readouterr().out)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    first, second = suite
    assert (first.get("name"), first.get("file")) == ("replica-bounds", "app/bad.yaml")
    assert [each.tag for each in first] == ["failure"]
    assert [each.tag for each in second] == ["system-out"]


def test_markdown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "markdown"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "`keda check`: 1 error, 1 warning."
    assert [line.count(" | ") for line in lines[2:]] == [3, 0, 3, 3]
    assert lines[4].startswith("| error | `app/bad.yaml:7` | ScaledObject shop/bad | spec.maxReplicaCount:")
    assert main(["check", "--format", "markdown", "--select", "bad-name"]) == 0
    assert capsys.readouterr().out == "`keda check`: no finding.\n"


def test_a_baseline_is_json_that_people_can_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--baseline", "known.json", "--write-baseline"])
    first = json.loads((here / "known.json").read_text())["findings"][1]
    assert first == {
        "rule": "replica-bounds",
        "file": "app/bad.yaml",
        "object": "ScaledObject shop/bad",
        "path": "spec.maxReplicaCount",
    }


def test_json_fits_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule's failing example, and what all of them print together."""
    schema = json.loads((ROOT / "schemas" / "findings.schema.json").read_text("utf-8"))
    assert main(["check", "--format", "json", str(ROOT / "tests" / "corpus" / "check" / "invalid")]) == 1
    findings = json.loads(capsys.readouterr().out)
    jsonschema.validate(findings, schema, jsonschema.Draft202012Validator)
    assert {each["code"] for each in findings} > {"replica-bounds", "default-max"}
    assert all(set(each) == set(schema["items"]["properties"]) for each in findings)
    assert findings == sorted(findings, key=lambda each: (each["file"], each["line"], each["object"]))


def test_what_is_excluded_is_not_judged_by_name_either(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """pre-commit names each changed file."""
    (here / "keda.toml").write_text("exclude = ['app/b*', 'old']")
    written(here, {"old/deep/bad.yaml": BAD, "bad.yaml": BAD})
    for options in ((), ("--partial",)):
        code, rules, err = run(capsys, *options, "app/bad.yaml", "app/warned.yaml", "old/deep/bad.yaml")
        assert (code, rules) == (0, ["default-max"])
        assert err == (
            "Not judged: 2 files that the settings or --exclude leave out: app/bad.yaml, old/deep/bad.yaml.\n"
        )
    assert run(capsys, "bad.yaml", "--exclude", "bad.yaml")[:2] == (0, [])
    assert run(capsys, "bad.yaml")[0] == 1
    assert run(capsys, "old")[0] == 1, "a folder that is named is meant"
    monkeypatch.chdir(here / "app")
    assert run(capsys, "bad.yaml", "../old/deep/bad.yaml")[:2] == (0, [])
    assert run(capsys, "..")[:2] == (1, ["default-max", "replica-bounds"])


def test_fix_leaves_what_is_excluded(here: Path) -> None:
    fixable = BAD.replace("maxReplicaCount: -1", 'maxReplicaCount: "4"')
    written(here, {"app/bad.yaml": fixable, "old/bad.yaml": fixable})
    (here / "keda.toml").write_text("exclude = ['old']")
    main(["check", "--fix", ".", "old/bad.yaml"])
    assert (here / "old" / "bad.yaml").read_text() == fixable
    assert (here / "app" / "bad.yaml").read_text() != fixable


def test_a_baseline_holds_in_a_folder_below(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "keda.toml").write_text("baseline = 'known.json'")
    assert main(["check", "--write-baseline"]) == 0
    capsys.readouterr()
    monkeypatch.chdir(here / "app")
    assert run(capsys, ".")[:2] == (0, [])
    assert run(capsys, str(here / "app" / "bad.yaml"))[:2] == (0, [])


@pytest.mark.parametrize("path", ["app/bad.yaml", "./app/bad.yaml", "{here}/app/bad.yaml", "{here}", "."])
def test_paths_are_relative(path: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--format", "json", path.format(here=here)]) == 1
    assert json.loads(capsys.readouterr().out)[0]["file"] == "app/bad.yaml"


def test_one_file_named_twice_is_judged_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "app/bad.yaml", str(here / "app" / "bad.yaml"))[1] == ["replica-bounds"]


def test_a_name_moves_no_cursor(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(here, {"app/bad.yaml": BAD.replace("name: bad,", 'name: "b\\e[2Jad",')})
    assert main(["check"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_what_a_vendor_adds_is_known(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    added = scaled_object("added", "shop").replace("type: cron", "type: vendor-http")
    kind = "apiVersion: keda.sh/v1alpha1\nkind: VendorConfig\nmetadata: {name: a, namespace: shop}\n"
    written(here, {"vendor.yaml": f"{added}---\n{kind}"})
    assert run(capsys, "vendor.yaml")[:2] == (1, ["unknown-scaler", "unknown-kind"])
    (here / "keda.toml").write_text("scalers = ['vendor-http']\nkinds = ['VendorConfig']\nkeda = '2.19'")
    assert run(capsys, "vendor.yaml")[:2] == (0, [])
    (here / "keda.toml").write_text("scalers = ['vendor']\nkeda = '2.19.0'")
    assert run(capsys, "vendor.yaml")[:2] == (1, ["unknown-scaler", "unknown-kind"])


def test_the_settings_on_the_page_are_taken(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "check.md").read_text("utf-8")
    (settings,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (here / "keda.toml").write_text(settings)
    assert run(capsys, "app")[::2] == (
        2,
        "keda-baseline.json: the baseline cannot be read: No such file or directory. "
        "Write it with --write-baseline.\n",
    )
    (here / "keda-baseline.json").write_text('{"findings": []}')
    assert run(capsys, "app") == (0, [], ""), "only one-owner-* is selected"
