"""Where a trigger's values come from, over the objects given: its TriggerAuthentication and the environment
of the target's container. What is not given may still be in the cluster.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from keda.checks.registry import AUTHENTICATIONS
from keda.checks.scaling import holds_unknown
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig, mapping, sequence, text

ADDRESSES = {
    *("connection", "connectionString"),
    *("host", "hosts", "address", "addresses", "hostAddress", "serverAddress", "managementEndpoint"),
    *("bootstrapServers", "brokerAddress", "endpoint", "endpoints", "scalerAddress", "url", "authURL"),
    *("solaceSempBaseURL", "serverURL", "server", "natsServerMonitoringEndpoint", "metricsURL", "adminURL"),
    *("nsqLookupdHTTPAddresses", "clusterIPAddress", "sentinelAddresses", "awsEndpoint", "githubApiURL"),
}
"""Parameters that are an address or a list of them."""


class Authentication(NamedTuple):
    """What a trigger gets. A parameter's value is None where only the cluster has it."""

    parameters: Mapping[str, str | None] = {}
    pod_identity: str = ""
    complete: bool = True
    """Whether every parameter there is has been found."""


def authentication(reference: object, item: Item, objects: Objects) -> Authentication:
    """What `authenticationRef` gives, from the objects given."""
    name = text(mapping(reference).get("name"))
    if not name:
        return Authentication()
    found = authentication_object(mapping(reference), item, objects)
    if found is None or holds_unknown(found.manifest.get("spec")):
        return Authentication(complete=False)
    parameters: dict[str, str | None] = {}
    for key, kind in (("configMapTargetRef", "ConfigMap"), ("secretTargetRef", "Secret")):
        for entry in map(mapping, sequence(found.spec.get(key))):
            given = (
                objects.get("", kind, item.namespace, text(entry.get("name"))) if found.namespace else None
            )
            value = _data(given, text(entry.get("key"))) if given else None
            # What a controller adds is not known here.
            known = value or (given is not None and objects.has_every_key(given))
            parameters[text(entry.get("parameter"))] = value if known else None
    for key in ("env", "boundServiceAccountToken"):
        for entry in map(mapping, sequence(found.spec.get(key))):
            parameters[text(entry.get("parameter"))] = None
    for key in ("hashiCorpVault", "azureKeyVault", "gcpSecretManager", "awsSecretManager"):
        for entry in map(mapping, sequence(dig(found.spec, key, "secrets"))):
            parameters[text(entry.get("parameter"))] = None
    provider = text(dig(found.spec, "podIdentity", "provider"))
    return Authentication(parameters, provider, not found.spec.get("filePath"))


def authentication_object(reference: Mapping[Any, Any], item: Item, objects: Objects) -> Item | None:
    """The TriggerAuthentication that a trigger names, if it is given."""
    kind = text(reference.get("kind")) or AUTHENTICATIONS[0]
    namespace = item.namespace if kind == AUTHENTICATIONS[0] else ""
    return objects.get("keda.sh", kind, namespace, text(reference.get("name")))


def _data(given: Item, key: str) -> str | None:
    """A value of a Secret or ConfigMap; "" if the key is not there, as KEDA has it."""
    if UNKNOWN in (given.manifest.get("data"), given.manifest.get("stringData")):
        return None
    plain = mapping(given.manifest.get("data" if given.kind == "ConfigMap" else "stringData"))
    if key in plain:
        return plain[key] if isinstance(plain[key], str) else None
    encoded = mapping(given.manifest.get("data")).get(key)
    if given.kind == "ConfigMap" or encoded is None:
        return ""
    try:
        return base64.b64decode(str(encoded), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def containers_of(item: Item, objects: Objects) -> list[Mapping[Any, Any]]:
    """The containers whose environment KEDA may read; none where that is not known."""
    if item.kind == "ScaledJob":
        found = dig(item.spec, "jobTargetRef", "template", "spec", "containers")
    else:
        target = objects.target(item)
        found = target.pod.get("containers") if target else None
    return [] if holds_unknown(found) else [mapping(each) for each in sequence(found)]


def environment(item: Item, objects: Objects) -> tuple[dict[str, str], bool]:
    """(The plain variables of the container KEDA reads, whether those are all)."""
    containers = containers_of(item, objects)
    if not containers:
        return {}, False
    wanted = text(dig(item.spec, "scaleTargetRef", "envSourceContainerName")) or text(
        item.spec.get("envSourceContainerName")
    )
    container = next((each for each in containers if not wanted or each.get("name") == wanted), None)
    if container is None:
        return {}, False
    variables = [mapping(each) for each in sequence(container.get("env"))]
    plain = {text(each.get("name")): text(each.get("value")) for each in variables if "valueFrom" not in each}
    return plain, not container.get("envFrom") and len(plain) == len(variables)


def ways(name: str, sources: Iterable[str], written: str = "") -> list[str]:
    """How a parameter is given, one phrase for each of its sources; `written`: its names in metadata."""
    phrases = {
        "metadata": f"write {written or name} in metadata",
        "env": f"write {name}FromEnv with the name of a variable of the target's container",
        "auth": f"name in authenticationRef {credentials(name)}",
    }
    return [phrase for source, phrase in phrases.items() if source in sources]


def either(phrases: Iterable[str]) -> str:
    """The phrases as a sentence: one of them will do."""
    sentence = "; or ".join(phrases)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def credentials(parameter: str, name: str = "") -> str:
    """The TriggerAuthentication that gives a parameter, in words."""
    entry = f"{{parameter: {parameter}, name: <Secret>, key: <key in it>}}"
    return f"a TriggerAuthentication{f' {name}' * bool(name)} with secretTargetRef: [{entry}]"
