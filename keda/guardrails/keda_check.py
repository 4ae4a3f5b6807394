"""`keda check` on everything that a program registers: its errors refuse, its warnings advise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from keda.checks.findings import Finding as Judgement
from keda.core.errors import is_secret_key
from keda.guardrails.guardrail import Config, Finding, Guardrail, Undecided
from keda.manifests.declared import Declared

_ELSEWHERE = frozenset({"default-max", "vault-operator-token"})
"""Rules that a policy of their own holds; so do keda-one-owner-* those of second owners."""


def is_credential(finding: Judgement) -> bool:
    """Whether it is about a credential in metadata, which keda-credentials-plain reports: one that KEDA reads
    there, or one that it reads from a TriggerAuthentication only.
    """
    misplaced = finding.code == "misplaced-parameter" and is_secret_key(str(finding.at[-1]))
    return misplaced or finding.code == "plain-secret"


def found(findings: Iterable[Judgement], *codes: str) -> Iterator[Finding]:
    """The findings of these rules, in the words of `keda check`."""
    return (worded(each) for each in findings if each.code in codes)


def worded(finding: Judgement) -> Finding:
    """The finding of `keda check` as one of a policy: the same words, with the rule's name."""
    return Finding(f"{finding.text} [{finding.code}]", (finding.object,), finding.where)


class _Checks(Guardrail):
    """The findings of one severity."""

    _severity: str

    def judge(self, declared: Declared, config: Config) -> Iterator[Finding]:
        yield from self._of([*self.program.alone(declared), *self.program.among(declared)])

    def at_end(self, config: Config) -> Iterator[Finding]:
        yield from self._of(self.program.at_end())

    def _of(self, findings: Iterable[Judgement]) -> Iterator[Finding]:
        for each in findings:
            elsewhere = each.code in _ELSEWHERE or each.code.startswith("one-owner-")
            if elsewhere or is_credential(each):
                continue
            wanted = self.program.as_wanted(each)
            if wanted and wanted.severity == self._severity:
                yield worded(wanted)


class KedaCheck(_Checks):
    """The errors: KEDA or the API server refuses the object, or it cannot work."""

    name = "keda-check"
    summary = "KEDA and the API server take every object, and it can work: the errors of `keda check`."
    why = (
        "KEDA finds most mistakes after the object is there: the ScaledObject is not Ready, and nothing "
        "scales. `pulumi up` has succeeded by then. Every error rule of `keda check` judges every registered "
        "object before it is created, whichever program registers it, in the same words as on the terminal."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 5
  maxReplicaCount: 2
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    passes = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 2
  maxReplicaCount: 5
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "2"}}
"""
    note = """\
The rules are those of [keda check](../check.md), each with a page in `docs/rules`; the code in brackets at
the end of a finding is the rule. An annotation `keda-homelab.dev/ignore-<rule>` with a reason silences a rule
on its object, where the rule allows it; `excluded` passes an object over.

A rule that reads other objects reports when the one arrives that completes the mistake, in whichever order. A
rule that finds something missing waits for the end of the program. It reports nothing if an object that no
policy is shown could bring it: a chart whose inputs are not known yet, a Helm release, another cluster.

The [settings](../check.md#settings) in `keda.toml`, or under `[tool.keda]` in `pyproject.toml`, apply here
too, found from the program's folder upwards: `select`, `ignore`, `severity` (`warning` makes a finding one of
[keda-check-advice](keda-check-advice.md)), `scalers`, `kinds` and `keda`. The others are about files. On a
system other than Linux the program's folder is not found, and the settings are not read.

Second owners, plain credentials, an unchosen maximum and the operator's token for a Vault have policies of
their own, so that each mistake is reported once. Their levels and exclusions are those of the policy config
only: that is the decision of those who run the pack.
"""
    _severity = "error"

    def undecided_at_end(self, config: Config) -> Iterator[Undecided]:
        for read in self.program.undecided.values():
            yield Undecided(read.item.ref, read.item.where, read.path)


class KedaCheckAdvice(_Checks):
    """The warnings: KEDA takes the object, and it does not do what is meant."""

    name = "keda-check-advice"
    summary = "No object has a mistake that KEDA accepts: the warnings of `keda check`."
    why = (
        "A query that returns several series, a fallback that cannot fire, a cron window above the maximum: "
        "KEDA accepts it, and the workload does not scale as meant. The policy is advisory by default; set "
        "it to `mandatory` to refuse these as well."
    )
    fails = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 5
  triggers:
    - {type: cron, metadata: {timezone: UTC, start: 0 7 * * *, end: 0 19 * * *, desiredReplicas: "8"}}
"""
    passes = fails.replace("maxReplicaCount: 5", "maxReplicaCount: 8")
    severity = "low"
    level = "advisory"
    _severity = "warning"
