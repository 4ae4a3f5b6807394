"""`renderYamlToDirectory`: manifests as files instead of objects, in the released provider's layout."""

from __future__ import annotations

from pathlib import Path

import yaml

from pulumi_plugins.kubernetes_provider.objects import Object, is_crd


def path_of(obj: Object, directory: Path) -> Path:
    """Definitions go first by name: `0-crd`, then `1-manifest`."""
    metadata = obj["metadata"]
    version = obj["apiVersion"].replace("/", "_").replace(":", "_")
    name = f"{version}-{obj['kind'].lower()}-{metadata.get('namespace') or 'default'}-{metadata['name']}.yaml"
    return directory / ("0-crd" if is_crd(obj) else "1-manifest") / name


def write(obj: Object, directory: Path) -> Path:
    """Writes an object's file, readable by its owner only: it may hold secrets."""
    path = path_of(obj, directory)
    for folder in ("0-crd", "1-manifest"):
        (directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(obj, sort_keys=True, allow_unicode=True), encoding="utf-8")
    return path
