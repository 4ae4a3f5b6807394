"""Which changes need a new object: the released provider's table (provider/pkg/provider/diff.go, `forceNew`).

Paths are tuples of field names; `*` stands for every element of a list. The table is the provider's, not the
API server's: it also replaces what could be changed in place (a Job's parallelism, a ConfigMap's data), and
leaves some immutable fields to the API server's refusal (a StorageClass' reclaimPolicy).
"""

from __future__ import annotations

from typing import Any

Path = tuple[str, ...]


def _names(text: str) -> list[str]:
    return text.split()


_POD = _names("""
    affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC
    hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy
    priority priorityClassName readinessGates restartPolicy runtimeClassName schedulerName
    securityContext serviceAccount serviceAccountName shareProcessNamespace subdomain
    terminationGracePeriodSeconds volumes
""")
_CONTAINER = _names("""
    args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources
    securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices
    volumeMounts workingDir
""")
_VOLUME = _names("""
    awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk
    glusterfs hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos
    vsphereVolume
""")


def _spec(*names: str) -> tuple[Path, ...]:
    return tuple(("spec", name) for name in names)


_CONTAINERS = tuple(
    ("spec", kind, "*", name) for kind in ("containers", "initContainers") for name in _CONTAINER
)
_DATA = (("binaryData",), ("data",))
_SECRET = (("type",), ("stringData",), ("data",))
IDENTITY: tuple[Path, ...] = (("metadata", "name"), ("metadata", "namespace"))
FIXED: dict[tuple[str, str], tuple[Path, ...]] = {
    ("apps", "DaemonSet"): _spec("selector"),
    ("apps", "Deployment"): _spec("selector"),
    ("apps", "StatefulSet"): _spec(
        "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"
    ),
    ("batch", "Job"): _spec("completions", "parallelism", "selector", "template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (("roleRef",),),
    ("rbac.authorization.k8s.io", "RoleBinding"): (("roleRef",),),
    ("storage.k8s.io", "StorageClass"): (("parameters",), ("provisioner",)),
    ("", "ConfigMap"): _DATA,
    ("", "PersistentVolume"): _spec(*_VOLUME),
    ("", "PersistentVolumeClaim"): _spec("accessModes", "selector", "storageClassName", "volumeName"),
    ("", "Pod"): (*_spec(*_POD), *_CONTAINERS),
    ("", "ResourceQuota"): _spec("scopes"),
    ("", "Secret"): _SECRET,
    ("", "Service"): _spec("clusterIP"),
}
# What the provider's enableConfigMapMutable and enableSecretMutable leave of the table.
MUTABLE = {"ConfigMap": (), "Secret": (("type",),)}


def fixed_paths(obj: dict[str, Any], mutable: frozenset[str] = frozenset()) -> tuple[Path, ...]:
    """The paths of an object whose change needs a new one.

    Args:
        obj: the new inputs.
        mutable: kinds among ConfigMap and Secret whose data the provider changes in place.
    """
    version = obj.get("apiVersion")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    kind = str(obj.get("kind"))
    if group == "" and kind in mutable and not obj.get("immutable"):
        return (*IDENTITY, *MUTABLE[kind])
    return (*IDENTITY, *FIXED.get((group, kind), ()))


def touches(fixed: Path, changed: list[str | int], value: Any) -> bool:
    """Whether a change of `changed`, which was or becomes `value`, changes the field `fixed`."""
    for position, step in enumerate(fixed):
        if position == len(changed):
            return _holds(value, fixed[position:])
        if not (isinstance(changed[position], int) if step == "*" else changed[position] == step):
            return False
    return True


def _holds(value: Any, path: Path) -> bool:
    if not path:
        return True
    step, rest = path[0], path[1:]
    if step == "*":
        return isinstance(value, list) and any(_holds(each, rest) for each in value)
    return isinstance(value, dict) and step in value and _holds(value[step], rest)
