"""Where the lab gets KEDA's chart: chosen once per lab, published in the lab's own registry.

The program always installs by OCI, as on a user's cluster; only what the lab's registry holds differs: the
published chart from the registry that the stack file names, the published chart as an archive in charts/, or,
where neither is available, the chart of our own in lab/chart with the CRDs of KEDA's Go module.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

import yaml

from lab.errors import LabError
from lab.paths import Lab
from lab.progress import show

Origin = Literal["registry", "archive", "own"]

PROJECT = Path(__file__).parent.parent
OWN_CHART = Path(__file__).parent / "chart"
VERSION = "2.19.0"
ARCHIVE = Path(os.environ.get("KEDA_HOMELAB_CHART") or PROJECT / "charts" / f"keda-{VERSION}.tgz")
"""The published chart, if somebody put it there. Git ignores charts/."""
ARCHIVE_SHA256 = "6ee0edbb604577aaa2db07a4eecd836c69e1b1266f2db88a55010870faaad34b"
REPOSITORY = "kedacore/charts"

CAME_FROM: dict[Origin, str] = {
    "registry": "the published one, from the registry that the stack file names",
    "archive": f"the published one, from the archive {ARCHIVE}",
    "own": "the lab's own, with the CRDs of KEDA's Go module",
}

# A registry that does not answer within this long counts as absent: `lab up` must not hang on a firewall.
ANSWER_SECONDS = 5
PULL_SECONDS = 60

# Mappings of the own chart's values whose keys are Kubernetes', not the chart's: others may be added.
FREE_FORM = frozenset({"requests", "limits", "securityContext", "podSecurityContext"})


class Chart(TypedDict):
    """What the lab installs: `source` is an OCI reference on the lab's registry."""

    source: str
    origin: Origin


class _Unavailable(Exception):
    """A source that is not there; the next one is tried."""


def choose_and_publish(
    lab: Lab,
    tools: Mapping[str, Path],
    registry_port: int,
    *,
    crds: Path,
    chart: Literal["auto", "registry", "archive", "own"] = "auto",
    configured: str | None = None,
    archive: Path = ARCHIVE,
) -> Chart:
    """Choose the chart once for this lab, push it to the lab's registry and report which it is.

    tools: needs `helm`, and `kubectl` for the own chart.
    registry_port: of the lab's registry on the host's loopback; it must be serving.
    crds: config/crd of KEDA's Go module, used by the own chart only.
    chart: `auto` keeps what this lab chose before, else tries registry, archive, own in this order; any other
        value is used or refused, never replaced.
    configured: the chart the stack file names (default: read from Pulumi.homelab.yaml).
    Repeating it is safe: the same origin is pushed again. Raises LabError.
    """
    helm = tools["helm"]
    into = lab.root / "charts"
    into.mkdir(parents=True, exist_ok=True)
    package = into / f"keda-{VERSION}.tgz"
    record = into / "origin.json"
    chosen_before = _recorded(record)

    fetch: dict[Origin, Callable[[], object]] = {
        "registry": lambda: _pull(helm, configured or configured_chart(), into),
        "archive": lambda: _copy(archive, package),
        "own": lambda: package_own(tools, crds, into),
    }
    order: tuple[Origin, ...] = get_args(Origin) if chart == "auto" else (chart,)
    if chosen_before and chart in ("auto", chosen_before):
        order = (chosen_before,)

    refused = []
    for origin in order:
        # The very file chosen before; the own chart is packaged again, since its sources are ours to edit.
        if origin == chosen_before != "own" and package.is_file():
            break
        record.unlink(missing_ok=True)  # until the package is whole: a kill here means choosing again
        try:
            fetch[origin]()
            break
        except _Unavailable as reason:
            refused.append(f"{origin}: {reason}")
    else:
        raise LabError(
            f"lab up --chart {chart}: no KEDA chart is available ({'; '.join(refused)}). "
            "Without it nothing can be installed. Use --chart own, or put the archive at "
            f"charts/keda-{VERSION}.tgz (or its path into KEDA_HOMELAB_CHART)."
        )
    _push(helm, package, registry_port)
    record.write_text(json.dumps({"origin": origin, "refused": refused}))
    show(f"KEDA chart {VERSION}: {CAME_FROM[origin]}")
    return {"source": f"oci://127.0.0.1:{registry_port}/{REPOSITORY}/keda", "origin": origin}


def configured_chart(stack_file: Path = PROJECT / "Pulumi.homelab.yaml") -> str:
    """The chart that the stack file names: an OCI reference or a path."""
    config = yaml.safe_load(stack_file.read_text())["config"]
    return str(config.get("keda-homelab:keda", {}).get("chart", "oci://ghcr.io/kedacore/charts/keda"))


def package_own(tools: Mapping[str, Path], crds: Path, into: Path) -> Path:
    """Package lab/chart with KEDA's CRDs into `into`; returns the archive.

    KEDA ships its CRDs as generated files and patches for kustomize, which kubectl has built in. Applied,
    they equal the published chart's: tests/lab/test_chart.py holds them together.
    """
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "keda"
        shutil.copytree(OWN_CHART, staged)
        (staged / "keda-crds").mkdir()
        for crd in yaml.load_all(_run(tools["kubectl"], "kustomize", crds), yaml.CSafeLoader):
            text = yaml.dump(crd, Dumper=yaml.CSafeDumper)
            (staged / "keda-crds" / f"{crd['metadata']['name']}.yaml").write_text(text)
        values = yaml.safe_load((staged / "values.yaml").read_text())
        (staged / "values.schema.json").write_text(json.dumps(values_schema(values)))
        _run(tools["helm"], "package", staged, "--destination", into)
    return into / f"keda-{VERSION}.tgz"


def values_schema(values: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema that allows exactly the keys of `values`; an empty mapping or a FREE_FORM one allows any.

    So a value of the published chart that the own one does not have is an error of helm's, not silence.
    """
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: values_schema(value) if isinstance(value, dict) and value and key not in FREE_FORM else {}
            for key, value in values.items()
        },
    }


def _recorded(record: Path) -> Origin | None:
    try:
        origin = json.loads(record.read_text())["origin"]
    except (OSError, ValueError, KeyError):
        return None
    return origin if origin in get_args(Origin) else None


def _pull(helm: Path, chart: str, into: Path) -> None:
    if not chart.startswith("oci://"):
        raise _Unavailable(f"{chart} is not an OCI reference")
    host = chart.removeprefix("oci://").split("/")[0]
    try:
        # Asked first because helm itself has no timeout. 401 is an answer: pulls bring a token of their own.
        urllib.request.urlopen(f"https://{host}/v2/", timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise _Unavailable(f"{host} answers {error.code}") from None
    except OSError:
        raise _Unavailable(f"{host} does not answer") from None
    try:
        _run(helm, "pull", chart, "--version", VERSION, "--destination", into, timeout=PULL_SECONDS)
    except (LabError, subprocess.TimeoutExpired) as error:
        raise _Unavailable(str(error)) from None


def _copy(archive: Path, package: Path) -> None:
    if not archive.is_file():
        raise _Unavailable(f"{archive} does not exist")
    content = archive.read_bytes()
    if hashlib.sha256(content).hexdigest() != ARCHIVE_SHA256:
        raise _Unavailable(f"{archive.name} is not the published one (its sha256 differs)")
    package.write_bytes(content)


def _push(helm: Path, package: Path, port: int) -> None:
    _run(helm, "push", package, f"oci://127.0.0.1:{port}/{REPOSITORY}", "--plain-http", timeout=PULL_SECONDS)


def _run(*command: object, timeout: float | None = 60) -> str:
    """Standard output of a command; LabError with its text after "Error:", on one line, when it fails."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        reason = " ".join(done.stderr.partition("Error: ")[2].splitlines()).partition(" Use --debug")[0]
        raise LabError(f"{Path(str(command[0])).name} {command[1]}: {reason or done.stderr.strip()}")
    return done.stdout
