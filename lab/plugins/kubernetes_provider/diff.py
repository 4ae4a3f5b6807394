"""What changed between two sets of inputs, and which changes need a new object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lab.plugins.kubernetes_provider.codec import Unknown

Path = list[str | int]

POD = re.compile(
    r"spec\.(affinity|automountServiceAccountToken|dns(Config|Policy)|enableServiceLinks|hostAliases|hostIPC"
    r"|hostNetwork|hostPID|hostname|imagePullSecrets|nodeName|nodeSelector|overhead|preemptionPolicy|priority"
    r"|priorityClassName|readinessGates|restartPolicy|runtimeClassName|schedulerName|securityContext"
    r"|serviceAccount|serviceAccountName|shareProcessNamespace|subdomain|terminationGracePeriodSeconds|volumes"
    r"|(containers|initContainers)\[\d+\]\.(args|command|env|image|imagePullPolicy|lifecycle|livenessProbe|ports"
    r"|readinessProbe|resources|securityContext|stdin|stdinOnce|terminationMessagePath|terminationMessagePolicy"
    r"|tty|volumeDevices|volumeMounts|workingDir))"
)
VOLUME = re.compile(
    r"spec\.(aws|azure|cephfs|cinder|csi|fc|flexVolume|flocker|gce|glusterfs|hostPath|iscsi|local|nfs|photon"
    r"|portworx|quobyte|rbd|scaleIO|storageos|vsphere)\w*"
)
# The released provider's table (provider/pkg/provider/diff.go): fields whose change needs a new object.
FIXED: dict[tuple[str, str], re.Pattern[str]] = {
    ("apps", "Deployment"): re.compile(r"spec\.selector"),
    ("apps", "DaemonSet"): re.compile(r"spec\.selector"),
    ("apps", "StatefulSet"): re.compile(
        r"spec\.(podManagementPolicy|revisionHistoryLimit|selector|serviceName|volumeClaimTemplates)"
    ),
    ("batch", "Job"): re.compile(r"spec\.(completions|parallelism|selector|template)"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): re.compile(r"roleRef"),
    ("rbac.authorization.k8s.io", "RoleBinding"): re.compile(r"roleRef"),
    ("storage.k8s.io", "StorageClass"): re.compile(r"parameters|provisioner"),
    ("", "ConfigMap"): re.compile(r"binaryData|data"),
    ("", "PersistentVolume"): VOLUME,
    ("", "PersistentVolumeClaim"): re.compile(r"spec\.(accessModes|selector|storageClassName|volumeName)"),
    ("", "Pod"): POD,
    ("", "ResourceQuota"): re.compile(r"spec\.scopes"),
    ("", "Secret"): re.compile(r"type|stringData|data"),
    ("", "Service"): re.compile(r"spec\.clusterIP"),
}
ALWAYS_FIXED = re.compile(r"apiVersion|kind|metadata\.(name|namespace)")
MUTABLE_DATA = re.compile(r"(binaryData|data|stringData)")


def changes(old: Any, new: Any, path: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Every changed leaf, as its path and `add`, `delete` or `update`."""
    path = path or []
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in new:
                yield [*path, key], "delete"
            elif key not in old:
                yield [*path, key], "add"
            else:
                yield from changes(old[key], new[key], [*path, key])
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                yield [*path, index], "delete"
            elif index >= len(old):
                yield [*path, index], "add"
            else:
                yield from changes(old[index], new[index], [*path, index])
    elif isinstance(new, Unknown) or old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, "update"


def text(path: Path) -> str:
    """A path as the engine writes it: `metadata.annotations["example.com/a"]`, `spec.ports[0]`."""
    written = ""
    for step in path:
        if isinstance(step, int):
            written += f"[{step}]"
        elif re.search(r'[."\[\]]', step):
            escaped = step.replace('"', '\\"')
            written += f'["{escaped}"]'
        else:
            written += f".{step}" if written else step
    return written


def parse(path: str) -> Path:
    """A property path of `ignoreChanges`, such as `spec.caBundle` or `webhooks[*].x`; `*` stays a step."""
    steps: Path = []
    for name, quoted, index in re.findall(r'([^.\["\]]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]', path):
        if index:
            steps.append(int(index) if index != "*" else "*")
        else:
            steps.append(quoted.replace('\\"', '"') if quoted else name)
    return steps


def ignored(path: Path, ignore: list[Path]) -> bool:
    """Whether a path is at or below one that is ignored."""
    return any(
        len(prefix) <= len(path) and all(step in {"*", path[index]} for index, step in enumerate(prefix))
        for prefix in ignore
    )


def needs_replacement(obj: dict[str, Any], path: Path, *, mutable: frozenset[str] = frozenset()) -> bool:
    """Whether the API server (or the released provider's rules) wants a new object for a change of this path.

    Args:
        obj: the new inputs.
        path: the changed path.
        mutable: kinds among ConfigMap and Secret whose data the provider may change in place.
    """
    written = text(path)
    if _reaches(ALWAYS_FIXED, written):
        return True
    group = obj["apiVersion"].rpartition("/")[0] if isinstance(obj.get("apiVersion"), str) else ""
    kind = str(obj.get("kind"))
    if kind in mutable and not obj.get("immutable") and _reaches(MUTABLE_DATA, written):
        return False
    fixed = FIXED.get((group, kind))
    return fixed is not None and _reaches(fixed, written)


def _reaches(fixed: re.Pattern[str], written: str) -> bool:
    # At a fixed field or below it, as `spec.selector.matchLabels.app`.
    match = fixed.match(written)
    return bool(match) and written[match.end() : match.end() + 1] in {"", ".", "["}  # type: ignore[union-attr]
