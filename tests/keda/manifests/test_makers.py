"""What ResourceSets, Applications and ApplicationSets apply is judged as they apply it."""

from __future__ import annotations

from pathlib import Path

import pytest

from keda.commands.unjudged import notes
from tests.keda.commands.tree import found, judged, kustomization, scaled_object, workload
from tests.keda.manifests.test_flux import flux

OTHER = workload("other", "shop")
SET = """\
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSet
metadata: {{name: apps, namespace: flux-system}}
spec:
{spec}
"""
TEMPLATE = """\
  - apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    metadata:
      name: << inputs.app >>-scaler
      namespace: <<inputs.namespace>>
    spec:
      scaleTargetRef: {name: << inputs.app | quote >>}
      minReplicaCount: 0
      maxReplicaCount: << inputs.limits.max | int >>
      triggers:
      - type: cron
        metadata:
          {timezone: UTC, start: 0 6 * * *, end: 0 7 * * *, desiredReplicas: << inputs.limits.max | quote >>}
"""


def resource_set(inputs: str, resources: str = "  resources:\n" + TEMPLATE) -> str:
    return SET.format(spec=f"  inputs: {inputs}\n{resources}")


# --- ResourceSet ---
def test_each_input_makes_its_objects(tmp_path: Path) -> None:
    inputs = "[{app: web, namespace: shop, limits: {max: 2}}, {app: api, namespace: shop, limits: {max: -1}}]"
    lines, noted = judged(tmp_path, {"set.yaml": resource_set(inputs)})
    assert lines == ["set.yaml: replica-bounds: ScaledObject shop/api-scaler"]
    assert noted.of_keda == 2


def test_a_mistake_of_the_template_is_told_once(tmp_path: Path) -> None:
    inputs = "[{app: web, namespace: shop, limits: {max: 2}}, {app: api, namespace: shop, limits: {max: 2}}]"
    text = resource_set(inputs).replace("minReplicaCount", "minReplicas")
    assert found(tmp_path, {"set.yaml": text}) == ["set.yaml: unknown-field: ScaledObject shop/web-scaler"]


def test_a_template_of_several_documents(tmp_path: Path) -> None:
    documents = f"---\n{scaled_object('<< inputs.app >>', 'shop')}---\n{OTHER}"
    template = "  resourcesTemplate: |\n" + "".join(f"    {line}\n" for line in documents.splitlines())
    files = {"set.yaml": resource_set("[{app: web}]", template)}
    assert found(tmp_path, files) == ["set.yaml: target-missing: ScaledObject shop/web"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            "  inputsFrom: [{name: tenants}]\n  resources:\n" + TEMPLATE,
            "its inputsFrom is read in the cluster",
        ),
        (
            "  inputs: [{x: true}]\n  resourcesTemplate: |\n    <<- if inputs.x >>\n    kind: A\n",
            "its resourcesTemplate holds more than names of inputs",
        ),
        (
            "  inputs: [{x: [a]}]\n"
            "  resourcesTemplate: |\n    << range $x := inputs.x >>\n    kind: << $x >>\n",
            "its resourcesTemplate holds more than names of inputs",
        ),
    ],
)
def test_what_the_cluster_decides_is_not_judged(spec: str, why: str, tmp_path: Path) -> None:
    missing = f"{scaled_object(namespace='shop')}---\n{OTHER}"
    lines, noted = judged(tmp_path, {"set.yaml": SET.format(spec=spec), "so.yaml": missing})
    assert (lines, noted.of_keda) == ([], 1)
    assert list(notes(noted.unjudged)) == [
        f"{tmp_path}/set.yaml:1: ResourceSet apps: not judged: {why}, and nothing is called missing."
    ]


@pytest.mark.parametrize("function", ["slugify", 'replace "a" "b"', 'default "x"'])
def test_what_a_function_gives_is_unknown(function: str, tmp_path: Path) -> None:
    inputs = "[{app: web, namespace: shop, limits: {max: -1}}]"
    text = resource_set(inputs).replace("limits.max | int", f"limits.max | {function}")
    assert found(tmp_path, {"set.yaml": text}) == []


def test_a_resource_set_may_make_kustomizations_and_leaves_some_out(tmp_path: Path) -> None:
    resources = """\
  resources:
  - apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata:
      name: << inputs.app >>
      namespace: flux-system
      annotations: {fluxcd.controlplane.io/reconcile: << inputs.state >>}
    spec: {path: ./apps/<< inputs.app >>, targetNamespace: << inputs.namespace >>}
"""
    files = {
        "flux/set.yaml": resource_set(
            "[{app: web, namespace: shop, state: enabled}, {app: api, namespace: shop, state: disabled}]",
            resources,
        ),
        "apps/web/all.yaml": f"{scaled_object()}---\n{workload('other')}",
        "apps/api/all.yaml": f"{scaled_object()}---\n{workload('other')}",
    }
    assert found(tmp_path, files) == [
        "apps/api/all.yaml: target-missing: ScaledObject default/web",
        "apps/web/all.yaml: target-missing: ScaledObject shop/web",
    ]


# --- Argo CD ---
def application(source: str, namespace: str = "shop", server: str = "https://kubernetes.default.svc") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: web, namespace: argocd}}
spec:
  project: default
  {source}
  destination: {{server: "{server}", namespace: {namespace}}}
"""


def git(path: str, rest: str = "") -> str:
    return f"{{repoURL: https://git.example.com/me/home, targetRevision: HEAD, path: {path}{rest}}}"


WEB = {"apps/web/so.yaml": scaled_object(), "apps/web/other.yaml": workload("other")}
MISSING = ["apps/web/so.yaml: target-missing: ScaledObject shop/web"]


@pytest.mark.parametrize(
    "source",
    [
        f"source: {git('apps/web')}",
        f"sources: [{git('./apps/web/')}, {{repoURL: x, ref: values}}]",
        "source: " + git("apps/web", ', directory: {include: "{so,other}.yaml"}'),
    ],
)
def test_an_application_applies_a_folder_in_its_namespace(source: str, tmp_path: Path) -> None:
    assert found(tmp_path, {"argocd/web.yaml": application(source), **WEB}) == MISSING


def test_of_a_kustomize_folder_with_the_options_of_the_source(tmp_path: Path) -> None:
    options = ", kustomize: {nameSuffix: -v2, replicas: [{name: other, count: 3}]}"
    files = {
        "argocd/web.yaml": application(f"source: {git('apps/web', options)}"),
        "apps/web/kustomization.yaml": kustomization("resources: [so.yaml, other.yaml]"),
        "apps/web/so.yaml": scaled_object(target="other-v2"),
        "apps/web/other.yaml": workload("other"),
    }
    assert found(tmp_path, files) == ["apps/web/so.yaml: one-owner-replicas: ScaledObject shop/web-v2"]


def test_the_namespace_of_the_destination_is_for_what_names_none(tmp_path: Path) -> None:
    files = {
        "argocd/web.yaml": application(f"source: {git('apps/web')}"),
        "apps/web/all.yaml": f"{scaled_object(namespace='own')}---\n{workload('other', 'own')}",
    }
    assert found(tmp_path, files) == ["apps/web/all.yaml: target-missing: ScaledObject own/web"]


@pytest.mark.parametrize(
    "source",
    [
        "source: {repoURL: https://charts.example.com, chart: web, targetRevision: 1.0.0}",
        f"sources: [{git('apps/web')}, {{repoURL: x, chart: web, targetRevision: 1.0.0}}]",
        f"source: {git('apps/elsewhere')}",
        f"source: {git('apps/web', ', plugin: {name: x}')}",
    ],
)
def test_of_what_an_application_renders_nothing_is_missing(source: str, tmp_path: Path) -> None:
    files = {
        "argocd/web.yaml": application(source),
        "argocd/all.yaml": f"{scaled_object('web', 'shop')}---\n{OTHER}",
    }
    assert found(tmp_path, {**files, **WEB}) == []


def test_an_application_of_applications_and_their_clusters(tmp_path: Path) -> None:
    """Two Applications of one cluster meet, two of different clusters do not."""
    so = scaled_object("one", "shop", "web")
    files = {
        "argocd/root.yaml": application(
            f"source: {git('argocd/apps', ', directory: {recurse: true}')}", "argocd"
        ),
        "argocd/apps/a.yaml": application(f"source: {git('apps/a')}").replace("name: web", "name: a"),
        "argocd/apps/sub/b.yaml": application(f"source: {git('apps/b')}").replace("name: web", "name: b"),
        "argocd/apps/sub/c.yaml": application(
            f"source: {git('apps/c')}", server="https://far.example.com"
        ).replace("name: web", "name: c"),
        "apps/a/all.yaml": f"{so}---\n{workload('web', 'shop')}",
        "apps/b/so.yaml": scaled_object("two", "shop", "web"),
        "apps/c/so.yaml": scaled_object("three", "shop", "web"),
    }
    lines, noted = judged(tmp_path, files)
    assert lines == ["apps/a/all.yaml: one-owner-scaledobject: ScaledObject shop/one"]
    assert noted.of_keda == 3


def application_set(generators: str, template: str, rest: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: apps, namespace: argocd}}
spec:
  generators: [{generators}]
  template:
    metadata: {{name: x}}
    spec:
      source: {{repoURL: https://git.example.com/me/home, path: "{template}"}}
      destination: {{name: in-cluster, namespace: shop}}
{rest}"""


@pytest.mark.parametrize(
    ("generators", "path", "rest"),
    [
        ("{git: {repoURL: x, directories: [{path: apps/*}]}}", "{{path}}", ""),
        ("{git: {repoURL: x, directories: [{path: 'apps/**'}]}}", "apps/{{path.basename}}", ""),
        ("{git: {repoURL: x, directories: [{path: apps/*}]}}", "{{ .path.path }}", "  goTemplate: true\n"),
        (
            "{git: {repoURL: x, directories: [{path: apps/*}]}}",
            "apps/{{index .path.segments 1}}",
            "  goTemplate: true\n",
        ),
        ("{list: {elements: [{app: Web}]}}", "apps/{{ .app | normalize }}", "  goTemplate: true\n"),
        ("{list: {elements: [{app: web}]}}", "apps/{{app}}", ""),
        (
            "{matrix: {generators: [{list: {elements: [{top: apps}]}}, {list: {elements: [{app: web}]}}]}}",
            "{{top}}/{{app}}",
            "",
        ),
    ],
)
def test_an_application_set_of_folders(generators: str, path: str, rest: str, tmp_path: Path) -> None:
    files = {"argocd/set.yaml": application_set(generators, path, rest), **WEB}
    lines, noted = judged(tmp_path, files)
    assert (lines, noted.unjudged.made) == (MISSING, [])


def test_folders_that_are_left_out(tmp_path: Path) -> None:
    generator = "{git: {repoURL: x, directories: [{path: apps/*}, {path: apps/web, exclude: true}]}}"
    files = {
        "argocd/set.yaml": application_set(generator, "{{path}}"),
        "apps/api/d.yaml": OTHER,
        "apps/web/so.yaml": f"{scaled_object()}---\n{workload('other')}",
    }
    assert found(tmp_path, files) == [MISSING[0].replace("shop", "default")]


@pytest.mark.parametrize(
    ("generators", "rest", "why"),
    [
        ("{clusters: {}}", "", "its generator clusters is not read here"),
        (
            "{pullRequest: {github: {owner: a, repo: b}}}",
            "",
            "its generator pullRequest is not read here",
        ),
        ("{git: {repoURL: x, files: [{path: a.json}]}}", "", "its generator git is not read here"),
        (
            "{git: {repoURL: x, directories: [{path: no/*}]}}",
            "",
            "its directories are not in this repository",
        ),
        (
            "{list: {elements: [{app: web}]}}",
            "  templatePatch: x\n",
            "its templatePatch is filled in in the cluster",
        ),
        ("", "", "its generators give no values here"),
    ],
)
def test_what_other_generators_make_is_not_judged(
    generators: str, rest: str, why: str, tmp_path: Path
) -> None:
    """A root of its own is judged, and nothing is called missing there either."""
    files = {
        "argocd/set.yaml": application_set(generators, "apps/{{app}}", rest),
        "apps/web/kustomization.yaml": kustomization("resources: [so.yaml, other.yaml]"),
        **WEB,
    }
    lines, noted = judged(tmp_path, files)
    assert (lines, noted.of_keda) == ([], 1)
    assert noted.unjudged.made == [f"{tmp_path}/argocd/set.yaml:1: ApplicationSet apps: not judged: {why}"]


def test_flux_leads_to_argo_and_to_another_cluster(tmp_path: Path) -> None:
    far = "  kubeConfig: {secretRef: {name: far}}\n"
    files = {
        "flux/ks.yaml": flux("argocd", "./argocd") + "---\n" + flux("far", "./apps/far", far),
        "argocd/web.yaml": application(f"source: {git('apps/web')}"),
        "apps/far/so.yaml": scaled_object("far", "shop", "other"),
        "apps/web/so.yaml": scaled_object(target="other"),
        "apps/web/other.yaml": workload("other"),
    }
    lines, noted = judged(tmp_path, files)
    assert (lines, noted.of_keda) == ([], 2)
