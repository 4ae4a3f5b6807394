"""`make render`: the tree is what the program registers, stays the same, and holds no secret."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from jsonschema import Draft7Validator

from cli import stackfile
from cli.__main__ import main
from cli.errors import CommandError
from cli.render import command, flux, secrets
from cli.render.files import differing, mark, plain, write
from cli.render.program import Stack, run
from components.gitops import GitOps
from keda.commands.main import main as keda
from lab import chart_source
from lab.toolchain import tools
from tests.support import CORPUS, ROOT

CANARY = "canary-6f1d"
VALID = CORPUS / "valid" / "settings"
FILE = stackfile.SOURCE.name
CHART = "oci://ghcr.io/kedacore/charts/keda"


def stack_file(folder: Path, source: Path = stackfile.SOURCE, **settings: Any) -> Path:
    """A copy of a stack file, with settings such as `keda_chart="…"` for keda.chart."""
    overrides = {f"keda-homelab:{key.replace('_', '.')}": value for key, value in settings.items()}
    return stackfile.write_copy(
        folder / f"Pulumi.{source.stem.removeprefix('Pulumi.')}.yaml", overrides, source
    )


@pytest.fixture(scope="module")
def homelab() -> Stack:
    return run(stackfile.SOURCE)


@pytest.fixture(scope="module", params=["homelab", "every-key", "generic", "scaled-job"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    source = stackfile.SOURCE if request.param == "homelab" else VALID / f"{request.param}.yaml"
    changed = {"keda_chart": CHART, "gitops_chart": "release", "gitops_path": "."}
    return run(stack_file(tmp_path_factory.mktemp("stack"), source, **changed))


def tree_of(stack: Stack, form: command.Format = "flux", root: str = ".") -> dict[str, dict[str, Any]]:
    """The YAML files of the tree, read."""
    files = command.tree(stack, form, root, FILE)
    return {path: yaml.safe_load(text) for path, text in files.items() if path.endswith(".yaml")}


def identity(item: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = item["metadata"]
    return item["apiVersion"], item["kind"], metadata.get("namespace", ""), metadata["name"]


def by_identity(items: Iterator[Any] | list[Any]) -> dict[tuple[str, ...], Any]:
    found = {identity(item): item for item in items}
    return dict(sorted(found.items()))


def test_every_object_of_the_program_is_a_file(stack: Stack) -> None:
    files = tree_of(stack)
    layers = [each for path, each in files.items() if path.startswith(("apps/", "infrastructure/"))]
    objects = [each for each in layers if "kustomize.config" not in each["apiVersion"]]
    added = {"HelmRelease", "OCIRepository"}
    assert by_identity([each for each in objects if each["kind"] not in added]) == by_identity(
        list(stack.objects)
    )
    assert {each["kind"] for each in objects} >= added


def test_a_second_render_changes_nothing(homelab: Stack, tmp_path: Path) -> None:
    first = command.tree(homelab, "flux", ".", FILE)
    assert write(first, tmp_path, FILE) == list(first)
    again = command.tree(run(stackfile.SOURCE), "flux", ".", FILE)
    assert (again, write(again, tmp_path, FILE)) == (first, [])


def test_the_order_of_the_stack_file_is_not_that_of_the_objects(homelab: Stack, tmp_path: Path) -> None:
    """Pulumi's engine gives a mapping sorted, whatever the order in the file."""
    settings = stackfile.read(stackfile.SOURCE)
    key = "keda-homelab:workloads"
    for workloads in (settings["config"][key], dict(reversed(settings["config"][key].items()))):
        settings["config"][key] = workloads
        file = tmp_path / FILE
        file.write_text(yaml.safe_dump(settings, sort_keys=False))
        assert command.tree(run(file), "flux", ".", FILE) == command.tree(homelab, "flux", ".", FILE)
    groups = next(each for each in homelab.objects if each["kind"] == "PrometheusRule")["spec"]["groups"]
    names = [each["name"] for each in groups if each["name"].startswith("keda/")]
    assert len(names) > 3 and names == sorted(names)


def test_a_threshold_is_one_line_of_its_scaled_object_and_one_of_its_dashboard(
    homelab: Stack, tmp_path: Path
) -> None:
    before = command.tree(homelab, "flux", ".", FILE)
    changed = stack_file(tmp_path, **{"workloads_ray-serve_requestsPerReplica": 7})
    after = command.tree(run(changed), "flux", ".", FILE)
    lines = {
        path: [(a, b) for a, b in zip(text.splitlines(), after[path].splitlines(), strict=True) if a != b]
        for path, text in before.items()
        if after[path] != text
    }
    assert lines == {
        "apps/ray/scaledobject-ray-serve.yaml": [("        threshold: '5'", "        threshold: '7'")],
        "infrastructure/configs/monitoring/configmap-keda-homelab.yaml": [
            ('         "expr": "vector(5)",', '         "expr": "vector(7)",')
        ],
    }


def test_a_workload_that_goes_takes_its_files_along(homelab: Stack, tmp_path: Path) -> None:
    write(command.tree(homelab, "flux", ".", FILE), tmp_path / "tree", FILE)
    mine = tmp_path / "tree" / "apps" / "voice" / "mine.yaml"
    mine.write_text("kind: ConfigMap\n")
    without = run(stack_file(tmp_path, **{"workloads_voice": None, "workloads_batch": None}))
    write(command.tree(without, "flux", ".", FILE), tmp_path / "tree", FILE)
    assert [file.name for file in (tmp_path / "tree" / "apps").rglob("*.yaml") if "voice" in str(file)] == [
        mine.name
    ]
    assert not (tmp_path / "tree" / "apps" / "batch").exists()


def test_check_lists_what_is_not_current_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.render(stackfile.SOURCE, tmp_path, "flux", check=False) == 0
    assert command.render(stackfile.SOURCE, tmp_path, "flux", check=True) == 0
    edited, gone, stale = (
        tmp_path / "apps" / each
        for each in ("ray/scaledobject-ray-serve.yaml", "voice/kustomization.yaml", "old.yaml")
    )
    edited.write_text(edited.read_text().replace("maxReplicaCount: 4", "maxReplicaCount: 9"))
    gone.unlink()
    stale.write_text(f"# {mark(FILE)}\n")
    capsys.readouterr()
    assert command.render(stackfile.SOURCE, tmp_path, "flux", check=True) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{stale}: is no longer part of the tree.",
        f"{edited}: differs.",
        f"{gone}: is missing.",
        f"{tmp_path}: not current. What is applied is not what Pulumi.homelab.yaml has. "
        "Run it without CHECK=1.",
    ]
    assert "maxReplicaCount: 9" in edited.read_text() and stale.exists() and not gone.exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "render: where to? Pass OUT=<folder>, in the repository that Flux or Argo CD applies."),
        (["--out", "x", "--stack", "none"], "Pulumi.none.yaml: no such file, so there is nothing to render."),
        (["--out", "x", "--cluster", "a@b"], "Pulumi.a-b.yaml: no such file, so there is nothing to render."),
        (["--out", "x", "--from", "a/none.yaml"], "none.yaml: no such file, so there is nothing to render."),
        (["--out", "README.md"], "OUT=README.md: is a file. Write OUT=<a folder>."),
    ],
)
def test_a_command_that_cannot_be_run_is_one_line(
    arguments: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["render", *arguments]) == 1
    assert capsys.readouterr().err.startswith(line)


def test_the_page_shows_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/gitops.md: its stack file, and what `make render` and `keda check` print for it."""
    page = (ROOT / "docs" / "gitops.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n# Pulumi.home.yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    file, out = tmp_path / "Pulumi.home.yaml", str(tmp_path / "cluster" / "keda")
    (tmp_path / "cluster" / ".git").mkdir(parents=True)
    file.write_text(example, "utf-8")

    def printed(*options: str) -> list[str]:
        main(["render", "--from", str(file), "--out", out, *options])
        both = capsys.readouterr()
        return (both.out + both.err).replace(out, "../cluster/keda").splitlines()

    first, second = printed(), printed()
    file.write_text(example.replace("listLength: 5", "listLength: 8"), "utf-8")
    for lines in (first[:4], second, printed("--check"), printed()):
        assert "\n".join(lines) in page
    keda(["check", str(tmp_path / "cluster")])
    assert f"$ keda check ../cluster\n{capsys.readouterr().out}" in page


def test_the_stack_file_may_be_beside_the_tree(tmp_path: Path) -> None:
    file = stack_file(tmp_path, keda_namespace="autoscaling")
    arguments = ["render", "--from", str(file), "--out", str(tmp_path / "tree")]
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 0
    file.write_text(file.read_text().replace("autoscaling", "keda"))
    assert main([*arguments, "--check"]) == 1


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    tree = {"a.yaml": f"# {mark(FILE)}\n", "kustomization.yaml": f"# {mark(FILE)}\n"}
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    with pytest.raises(CommandError, match="kustomization.yaml: was not written from Pulumi.homelab.yaml"):
        write(tree, tmp_path, FILE)
    assert [file.name for file in tmp_path.iterdir()] == ["kustomization.yaml"]


def test_what_kubernetes_would_take_for_a_number_is_quoted() -> None:
    values = {"a": "1e3", "b": "0o7", "c": "5", "d": "on", "e": "2.5e-1", "f": "e3", "g": "1\n2\n"}
    text = plain(values)
    assert text == "a: '1e3'\nb: '0o7'\nc: '5'\nd: 'on'\ne: '2.5e-1'\nf: e3\ng: |\n  1\n  2\n"
    assert yaml.safe_load(text) == values


def test_the_tree_of_another_stack_stays(homelab: Stack, tmp_path: Path) -> None:
    other = command.tree(homelab, "flux", ".", "Pulumi.other.yaml")
    write(other, tmp_path / "other", "Pulumi.other.yaml")
    write(command.tree(homelab, "flux", ".", FILE), tmp_path, FILE)
    assert not list(differing(other, tmp_path / "other", "Pulumi.other.yaml"))


def test_keda_check_finds_nothing_in_the_tree(homelab: Stack, tmp_path: Path) -> None:
    gitops = homelab.settings.gitops.model_copy(update={"repository": "https://git.example.org/a"})
    stack = replace(homelab, settings=replace(homelab.settings, gitops=gitops))
    for form in command.FORMATS:
        write(command.tree(stack, form, ".", FILE), tmp_path / form, FILE)
        assert keda(["check", "--fail-on", "warning", str(tmp_path / form)]) == 0


def test_kedas_kinds_are_of_the_schemas(stack: Stack) -> None:
    judged = 0
    for each in tree_of(stack).values():
        group, _, version = each["apiVersion"].partition("/")
        file = ROOT / "schemas" / "2.19.0" / group / f"{each['kind'].lower()}_{version}.json"
        if group == "keda.sh":
            Draft7Validator(json.loads(file.read_text())).validate(each)
            judged += 1
    assert judged


def test_a_layer_follows_keda_and_is_waited_for(homelab: Stack) -> None:
    files = tree_of(homelab, root="clusters/home/keda")
    assert files["kustomization.yaml"]["resources"] == sorted(path for path in files if path[:5] == "flux/")
    specs = {path: each["spec"] for path, each in files.items() if path.startswith("flux/")}
    assert all(each["wait"] and each["prune"] for each in specs.values())
    for path, spec in specs.items():
        assert f"{spec['path'].removeprefix('./clusters/home/keda/')}/kustomization.yaml" in files, path
        waits = spec.get("dependsOn") == [{"name": "keda-infrastructure-controllers"}]
        assert waits == ("controllers" not in path)
        assert ("healthCheckExprs" in spec) == ("flux/apps" in path)


def test_what_goes_with_the_tree(homelab: Stack, tmp_path: Path) -> None:
    """Without KEDA its finalizer hangs on every ScaledObject; `orphan` is the way back to `pulumi up`."""
    orphaned = run(stack_file(tmp_path, gitops={"orphan": True}))
    for stack, policies in (
        (homelab, {"Orphan", "MirrorPrune", "WaitForTermination"}),
        (orphaned, {"Orphan"}),
    ):
        files = tree_of(stack)
        specs = {path: each["spec"] for path, each in files.items() if path.startswith("flux/")}
        assert {each["deletionPolicy"] for each in specs.values()} == policies
        assert specs["flux/infrastructure-controllers.yaml"]["deletionPolicy"] == "Orphan"


def test_a_fallback_fails_by_choice() -> None:
    assert not any("failed" in each for each in flux.health_checks(False))
    [scaled_object, scaled_job] = flux.health_checks(True)
    assert "'Fallback'" in scaled_object["failed"] and "failed" not in scaled_job


def test_the_folder_is_counted_from_the_repositorys_root(tmp_path: Path, homelab: Stack) -> None:
    (tmp_path / ".git").mkdir()
    out = tmp_path / "clusters" / "home" / "keda"
    command.render(stackfile.SOURCE, out, "flux", check=False)
    spec = yaml.safe_load((out / "flux" / "apps-ray.yaml").read_text())["spec"]
    assert spec["path"] == "./clusters/home/keda/apps/ray"
    write(command.tree(homelab, "flux", ".", FILE), tmp_path, FILE)
    assert keda(["check", "--fail-on", "warning", str(tmp_path)]) == 0


def test_a_folder_outside_git_needs_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], homelab: Stack
) -> None:
    monkeypatch.setattr(command, "run", lambda _: homelab)
    assert command.render(stackfile.SOURCE, tmp_path / "keda", "flux", check=False) == 0
    assert "in no Git repository, so the paths in flux/ begin at this folder" in capsys.readouterr().err
    named = replace(homelab.settings, gitops=GitOps(path="keda"))
    monkeypatch.setattr(command, "run", lambda _: replace(homelab, settings=named))
    assert command.render(stackfile.SOURCE, tmp_path / "keda", "flux", check=False) == 0
    assert capsys.readouterr().err == ""


def test_the_tree_of_the_other_tool_stays(
    tmp_path: Path, homelab: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flux would delete every ScaledObject with its Kustomizations. A folder of one's own is no tree."""
    monkeypatch.setattr(command, "run", lambda _: homelab)
    (tmp_path / "argocd").mkdir()
    (tmp_path / "argocd" / "mine.yaml").write_text("kind: ConfigMap\n")
    assert command.render(stackfile.SOURCE, tmp_path, "flux", check=False) == 0
    with pytest.raises(CommandError, match="has the tree for Flux. Its files would be removed"):
        command.render(stackfile.SOURCE, tmp_path, "argocd", check=False)


def test_argo_cd_needs_the_repository_and_ignores_what_keda_writes(stack: Stack) -> None:
    if stack.settings.gitops.repository is None:
        with pytest.raises(CommandError, match="gitops.repository: missing, and required for Argo CD"):
            command.tree(stack, "argocd", ".", FILE)
        return
    files = tree_of(stack, "argocd")
    ignored = files["argocd/infrastructure-controllers.yaml"]["spec"]["ignoreDifferences"]
    assert {each["kind"] for each in ignored} == {"APIService", "ValidatingWebhookConfiguration"}
    [path] = yaml.safe_load(
        files["argocd-cm.yaml"]["data"]["resource.customizations.ignoreDifferences.apps_Deployment"]
    )["jqPathExpressions"]
    assert path == 'select(.metadata.namespace == "ray" and .metadata.name == "ray-serve") | .spec.replicas'


@pytest.mark.parametrize("section", ["keda", "monitoring", "gitops", "workloads"])
def test_an_encrypted_setting_is_refused(tmp_path: Path, section: str) -> None:
    file = stack_file(tmp_path, **{f"{section}_anything_deeper": {"secure": CANARY}})
    with pytest.raises(CommandError, match=f"^{section}: contains a secret") as error:
        command.render(file, tmp_path / "tree", "flux", check=False)
    assert CANARY not in str(error.value) and not (tmp_path / "tree").exists()


@pytest.mark.parametrize("form", command.FORMATS)
def test_a_credential_among_the_charts_values_is_refused(tmp_path: Path, form: command.Format) -> None:
    values = {"env": [{"name": "PROXY", "value": f"https://me:{CANARY}@proxy"}]}
    file = stack_file(tmp_path, keda_values=values, gitops_repository="https://git.example.org/a")
    with pytest.raises(CommandError, match=r"env\[0\].value: a secret in plain text") as error:
        command.render(file, tmp_path / "tree", form, check=False)
    assert len(str(error.value).splitlines()) == 1
    assert CANARY not in str(error.value) and not (tmp_path / "tree").exists()


def test_no_secret_object_passes() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "stringData": {"key": CANARY}}
    with pytest.raises(CommandError, match="^b/secret-a.yaml: a Secret is never written") as error:
        secrets.refuse({"b/secret-a.yaml": secret})
    assert CANARY not in str(error.value)


def test_a_secret_of_pulumis_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that somebody extended by an object with a secret Output."""
    from pulumi_kubernetes.core.v1 import ConfigMap

    from components import scaled_workload

    def scale(*_: Any) -> None:
        ConfigMap("mine", metadata={"name": "mine"}, data={"key": pulumi.Output.secret(CANARY)})

    monkeypatch.setattr(scaled_workload, "scale", scale)
    with pytest.raises(CommandError, match="^mine: holds a secret of Pulumi's") as error:
        run(stackfile.SOURCE)
    assert CANARY not in str(error.value)


def test_the_secrets_that_must_be_there_are_listed(tmp_path: Path) -> None:
    readme = command.tree(run(VALID / "generic.yaml"), "flux", ".", FILE)["README.md"]
    assert "| `web/redis` | `password` |" in readme.splitlines()


def kubectl() -> str:
    return str(tools.ensure(["kubectl"])["kubectl"])


def built(folder: Path) -> list[Any]:
    done = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.tools
def test_kustomize_builds_what_the_program_registers(stack: Stack, tmp_path: Path) -> None:
    files = command.tree(stack, "flux", ".", FILE)
    write(files, tmp_path, FILE)
    objects: list[Any] = []
    for entry in built(tmp_path):
        objects += built(tmp_path / entry["spec"]["path"])
    added = {"HelmRelease", "OCIRepository"}
    assert by_identity([each for each in objects if each["kind"] not in added]) == by_identity(
        list(stack.objects)
    )
    [release] = [each for each in objects if each["kind"] == "HelmRelease"]
    assert release["spec"]["values"] == stack.chart["values"]


@pytest.mark.tools
def test_the_component_leaves_the_replicas_of_targets_to_keda(homelab: Stack, tmp_path: Path) -> None:
    write(command.tree(homelab, "flux", ".", FILE), tmp_path / "keda", FILE)
    app = tmp_path / "app"
    app.mkdir()

    def workload(kind: str, namespace: str, name: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        version = "helm.toolkit.fluxcd.io/v2" if kind == "HelmRelease" else "apps/v1"
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}

    objects = [
        workload("Deployment", "ray", "ray-serve", {"replicas": 2, "paused": False}),
        workload("Deployment", "voice", "voice-pipeline", {"paused": False}),
        workload("Deployment", "voice", "ray-serve", {"replicas": 2}),
        workload("HelmRelease", "ray", "mine", {"interval": "1h"}),
    ]
    (app / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    (app / "kustomization.yaml").write_text(
        yaml.safe_dump({"resources": ["objects.yaml"], "components": ["../keda/components/replicas"]})
    )
    found = by_identity(built(app))
    specs = {key[1:]: each["spec"] for key, each in found.items()}
    assert specs["Deployment", "ray", "ray-serve"] == {"paused": False}
    assert specs["Deployment", "voice", "voice-pipeline"] == {"paused": False}
    assert specs["Deployment", "voice", "ray-serve"] == {"replicas": 2}
    ignored = specs["HelmRelease", "ray", "mine"]["driftDetection"]["ignore"]
    assert {"paths": ["/spec/replicas"], "target": ignored[2]["target"]} == ignored[2]
    assert [each["target"]["name"] for each in ignored] == [
        name for _, _, _, name in command.scaled(homelab.settings)
    ]


@pytest.mark.tools
def test_the_rendered_chart_is_files_whose_crds_no_pruning_takes(tmp_path: Path) -> None:
    programs = tools.ensure(["helm", "kubectl"])
    crds = tools.module_dir("keda-operator") / "config" / "crd"
    archive = chart_source.package_own(programs, crds, tmp_path)
    file = stack_file(tmp_path, keda_chart=str(archive), gitops_chart="rendered")
    files = tree_of(run(file))
    folder = "infrastructure/controllers/"
    controllers = {path.removeprefix(folder): each for path, each in files.items() if path.startswith(folder)}
    kinds = [each["kind"] for each in controllers.values()]
    assert (
        "HelmRelease" not in kinds and kinds.count("Deployment") == 3 and kinds.count("ServiceMonitor") == 3
    )
    for path, each in controllers.items():
        if each["kind"] == "CustomResourceDefinition":
            assert each["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled", path
        if each["kind"] in ("Deployment", "ServiceMonitor", "Service", "ServiceAccount"):
            assert path.startswith("keda/") and each["metadata"]["namespace"] == "keda"
    write(command.tree(run(file), "flux", ".", FILE), tmp_path / "tree", FILE)
    assert len(built(tmp_path / "tree" / folder)) == len(controllers) - 1
    assert not list(differing(command.tree(run(file), "flux", ".", FILE), tmp_path / "tree", FILE))
