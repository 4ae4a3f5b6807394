"""Whole objects applied to a live KEDA, and its verdict on each held against the judge's.

KEDA's verdict: refused at admission (the API server's schema, KEDA's webhook), else what the operator's first
conclusive Ready condition says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import keda
from keda.checks.engine import Finding
from tests.live.cluster import Cluster, Refused, wait
from tests.verdicts.build import Case, Manifest
from tests.verdicts.choices import LEFT_TO_THE_API_SERVER, STRICTER, SYNONYMS

_CHECK_FAILED = ("ScaledObjectCheckFailed", "ScaledJobCheckFailed")
_NO_VERDICT = "the object has been modified"  # a write lost a race, and the operator tries again
_CONTACT = re.compile(r"dial tcp|connection refused|no such host")
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Said:
    """What KEDA said of one object, in its own words."""

    refused: bool
    words: str


def path_of(manifest: Manifest) -> str:
    """The collection of an object's kind."""
    group, slash, _ = manifest["apiVersion"].partition("/")
    base = f"/apis/{manifest['apiVersion']}" if slash else "/api/v1"
    kind = manifest["kind"].lower()
    namespace = manifest["metadata"].get("namespace")
    return f"{base}/{f'namespaces/{namespace}/' if namespace else ''}{kind}s"


def apply(cluster: Cluster, cases: Sequence[Case]) -> dict[str, Said]:
    """KEDA's verdict on each case by its name. The cluster is left as it was found."""
    namespaces = sorted({case.namespace for case in cases} - {""})
    try:
        _each(lambda name: _create_namespace(cluster, name), namespaces)
        _each(lambda case: _create_given(cluster, case), cases)
        answers = _each(lambda case: _verdict(cluster, case), cases)
        logs = _operator_log(cluster)
        return {case.name: _with_log(case, said, logs) for case, said in zip(cases, answers, strict=True)}
    finally:
        _remove(cluster, cases, namespaces)


def _each(work: Callable[[T], U], over: Iterable[T]) -> list[U]:
    # KEDA reconciles five ScaledObjects at once; more in flight only grows its queue.
    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(work, over))


def _create_namespace(cluster: Cluster, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.create("/api/v1/namespaces", body)


def _create_given(cluster: Cluster, case: Case) -> None:
    for manifest in case.given:

        def created(manifest: Manifest = manifest) -> bool | None:
            try:
                cluster.create(path_of(manifest), manifest)
            except Refused as error:
                if error.status != 404:  # a kind that is new is served a moment later
                    raise
                return None
            return True

        wait(f"{case.name}: {manifest['kind']} created", 30, created)


def _verdict(cluster: Cluster, case: Case) -> Said:
    """Creates the subject, waits for the answer, and deletes it: its retries would delay the others."""
    subject = case.subject
    try:
        # As kubectl does; without it a key that no one knows is dropped.
        cluster.create(f"{path_of(subject)}?fieldValidation=Strict", subject)
    except Refused as error:
        return Said(True, str(error))
    if subject["kind"] not in ("ScaledObject", "ScaledJob"):
        return Said(False, "")
    path = f"{path_of(subject)}/{subject['metadata']['name']}"
    try:
        return wait(f"KEDA's answer to {case.name}", 90, lambda: _answer(cluster.get(path)))
    finally:
        cluster.delete(path)


def _answer(found: Manifest) -> Said | None:
    for condition in (found.get("status") or {}).get("conditions") or []:
        message = condition.get("message", "")
        if condition["type"] != "Ready" or _NO_VERDICT in message:
            continue
        if condition.get("reason") in _CHECK_FAILED:
            return Said(not _CONTACT.search(message), message)
        # A trigger that was built, and then failed to get its metric, is accepted.
        if condition["status"] == "True" or "Trigger" in condition.get("reason", ""):
            return Said(False, message)
    return None


def _operator_log(cluster: Cluster) -> str:
    pods = cluster.get("/api/v1/namespaces/keda/pods?labelSelector=app%3Dkeda-operator")["items"]
    return "".join(
        cluster.text(f"/api/v1/namespaces/keda/pods/{pod['metadata']['name']}/log?sinceSeconds=600")
        for pod in pods
    )


def _with_log(case: Case, said: Said, log: str) -> Said:
    """A ScaledJob's condition says only that it failed; the reason is in the operator's log."""
    if not said.refused or "ScaledJob is correctly created" not in said.words:
        return said
    name = f'"name":"{case.name}"'
    lines = [line for line in log.splitlines() if name in line and case.namespace in line]
    return Said(True, "\n".join([said.words, *lines]).replace('\\"', '"'))


def _remove(cluster: Cluster, cases: Iterable[Case], namespaces: Iterable[str]) -> None:
    _each(lambda case: [_delete(cluster, each) for each in reversed(case.objects)], cases)
    finalized = ("scaledobjects", "scaledjobs", "triggerauthentications", "cloudeventsources")

    def gone() -> bool | None:
        groups = {"cloudeventsources": "eventing.keda.sh"}
        left = [
            item["metadata"]["name"]
            for kind in finalized
            for item in cluster.get(f"/apis/{groups.get(kind, 'keda.sh')}/v1alpha1/{kind}")["items"]
            if item["metadata"]["namespace"] in namespaces
        ]
        return not left or None

    wait("KEDA has let go of every object", 120, gone)
    for namespace in namespaces:
        cluster.delete(f"/api/v1/namespaces/{namespace}")


def _delete(cluster: Cluster, manifest: Manifest) -> None:
    try:
        cluster.delete(f"{path_of(manifest)}/{manifest['metadata']['name']}")
    except Refused as error:
        if error.status not in (400, 405):  # no name that an object could have
            raise


def difference(case: Case, said: Said) -> str:
    """How the judge differs from KEDA on a case; "" if it does not."""
    errors = [finding for finding in keda.check(case.objects) if finding.severity == "error"]
    if said.refused and not errors and case.name not in LEFT_TO_THE_API_SERVER:
        return f"{case.name}: KEDA refuses it ({said.words[:300]}), the judge does not"
    if said.refused:
        if not errors or any(same_cause(finding, said.words) for finding in errors):
            return ""
        return f"{case.name}: KEDA says {said.words[:400]!r}, the judge {[str(each) for each in errors]}"
    stricter = [each for each in errors if choice(case, each) is None]
    return (
        f"{case.name}: KEDA takes it, the judge says {[str(each) for each in stricter]}" if stricter else ""
    )


def choice(case: Case, finding: Finding) -> str | None:
    """The key of the choice by which the judge refuses what KEDA takes."""
    for key in (case.name, f"{case.subject['kind']} {finding.code} {finding.at[-1]}", finding.code):
        if key in STRICTER:
            return key
    return None


def same_cause(finding: Finding, words: str) -> bool:
    """Whether KEDA's words are those the finding quotes, or name the same field, or mean the same rule."""
    plain = _squash(words)
    if finding.keda:
        quoted = re.search(".*".join(map(re.escape, _squash(finding.keda).split("…"))), plain) is not None
    else:
        # The API server writes a key with dots and slashes without brackets.
        path = re.sub(r'\["([^"]+)"\]', r".\1", finding.path)
        quoted = re.search(rf"(?<![\w.]){re.escape(path)}(?!\w)", words) is not None
    return quoted or (finding.code in SYNONYMS and re.search(SYNONYMS[finding.code], plain) is not None)


def _squash(text: str) -> str:
    return " ".join(text.split())
