"""KEDA's images and chart: the release that everything is checked against."""

from __future__ import annotations

import re
from collections.abc import Iterator

from keda.core.defaults import KEDA_VERSION
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.reading import dig, text

# Wherever the image is mirrored to, the last part of its name stays.
_IMAGE = re.compile(
    r"(?:.*/)?(keda|keda-metrics-apiserver|keda-admission-webhooks):v?(\d[^@:/]*)(?:@sha256:[0-9a-f]+)?"
)


class VersionDrift(Guardrail):
    """Another KEDA than `version`, by image or by Helm release."""

    name = "keda-version-drift"
    summary = "KEDA's images and chart are of the version that everything is checked against."
    why = (
        "Types, verdicts and rules here are those of KEDA 2.19.0. Another release has other fields, "
        "parameters and refusals, and half an upgrade (operator new, metrics server old) fails at run "
        "time only. The rule is advisory by default; `version` is the one you run."
    )
    fails = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: keda-operator, namespace: keda}
spec:
  selector: {matchLabels: {app: keda-operator}}
  template:
    metadata: {labels: {app: keda-operator}}
    spec: {containers: [{name: keda-operator, image: "ghcr.io/kedacore/keda:2.17.2"}]}
"""
    passes = fails.replace("2.17.2", "2.19.0")
    settings = {
        "version": {
            "type": "string",
            "minLength": 1,
            "default": KEDA_VERSION,
            "description": "The KEDA version that you run.",
        }
    }
    severity = "medium"
    level = "advisory"

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        for item in self.program.items(declared):
            for index, container in enumerate(item.containers):
                image = _IMAGE.fullmatch(text(container.get("image")))
                if image and image[2] != config["version"]:
                    path = f"spec.template.spec.containers[{index}].image"
                    yield _drift(item.ref, path, f"{image[1]} {image[2]}", config["version"])
            chart = text(item.manifest.get("chart"))
            version = text(item.manifest.get("version")).removeprefix("v")
            if chart.rpartition("/")[2] == "keda" and version and version != config["version"]:
                yield _drift(
                    f"{item.kind} {text(item.manifest.get('name')) or item.name}".strip(),
                    "version",
                    f"chart keda {version}",
                    config["version"],
                )

    def undecided(self, declared: Declared, config: Config) -> Iterator[Undecided]:
        for item in self.program.items(declared):
            label = dig(item.manifest, "metadata", "labels", "app.kubernetes.io/part-of")
            for index, container in enumerate(item.containers):
                if container.get("image") is UNKNOWN and label == "keda-operator":
                    yield Undecided(item.ref, item.where, f"spec.template.spec.containers[{index}].image")


def _drift(name: str, path: str, found: str, version: str) -> Finding:
    return Finding(
        f"{name} {path}: {found}, and what is checked here is checked against KEDA {version}. A field, a "
        f"trigger parameter or a refusal of the other release goes unseen. Install {version}; or, once you "
        "have read its changelog, name the one you run (--policy-pack-config: keda-version-drift.version).",
        (name,),
    )
