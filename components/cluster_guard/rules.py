"""One owner for every replica count, as the API server's own admission policies (CEL, Kubernetes 1.30).

KEDA's webhook sees neither HPAs nor replicas. Here the ScaledObjects themselves are the
policies' parameters: the API server evaluates a policy once for every ScaledObject of the request's
namespace, so there is no list to keep and no order to observe. The rule is `keda.ownership`'s.

components/cluster_guard/vault.py has the guard's third rule.
"""

from __future__ import annotations

from components.cluster_guard.rule import Rule, operator
from components.cluster_guard.rule import text as _text
from components.cluster_guard.vault import vault_rule
from components.settings import Keda
from keda.ownership import HPA_NAME_FIELD, HPA_OWNERSHIP, TRANSFER_OWNERSHIP
from keda.ownership.model import TWO_HPAS

# The accounts of the controllers that scale. Without --use-service-account-credentials all controllers of
# Kubernetes share the second name.
HPA_CONTROLLERS = (
    "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "system:kube-controller-manager",
)
# KEDA reads the annotation with Go's ParseBool (scaledobject_types.go, getBoolAnnotation).
_TRUE = "['1', 't', 'T', 'TRUE', 'true', 'True']"


def rules(keda: Keda) -> tuple[Rule, Rule, Rule]:
    """Every rule of the guard, for the operator and the Vaults of these settings."""
    return _one_hpa(operator(keda)), _no_replicas(operator(keda)), vault_rule(keda)


def _one_hpa(operator: str) -> Rule:
    opted_out = f"{_annotation('hpa', HPA_OWNERSHIP)} == 'false'"
    owned = (
        "hpa.metadata.?ownerReferences.orValue([])"
        ".exists(owner, owner.kind == 'ScaledObject' && owner.name == params.metadata.name)"
    )
    return Rule(
        name="keda-one-owner-hpa",
        group="autoscaling",
        resources=("horizontalpodautoscalers",),
        conditions={"not-keda": f"request.userInfo.username != '{operator}'"},
        variables={
            "target": _target("params.spec.scaleTargetRef"),
            "named": "params.spec.?advanced.?horizontalPodAutoscalerConfig.?name.orValue('')",
            "hpaName": "variables.named == '' ? 'keda-hpa-' + params.metadata.name : variables.named",
            "adopts": f"{_annotation('params', TRANSFER_OWNERSHIP)} == 'true' ? variables.named : ''",
            # The HPA as written and as it was: whether each is a second owner beside the ScaledObject. A
            # copy of KEDA's own HPA carries its ownerReferences as well, so KEDA's is known by its name too.
            "second": "[object, oldObject].filter(hpa, hpa != null).map(hpa,"
            f" hpa.metadata.name != variables.adopts && !({opted_out}) &&"
            f" (hpa.metadata.name == variables.hpaName ? !{owned} :"
            f" {_target('hpa.spec.scaleTargetRef')} == variables.target))",
        },
        # What stands already may be edited, finalized and deleted: only a new claim is refused.
        valid="!variables.second[0] || (size(variables.second) == 2 && variables.second[1])",
        message=_text(
            "HorizontalPodAutoscaler ",
            _title("object"),
            " ",
            f"(object.metadata.name == variables.hpaName ? {_NAME_TAKEN} : {_BOTH_SCALE})",
            ". Leave the HorizontalPodAutoscaler out; or let KEDA take it over: on the ScaledObject, "
            f'annotate {TRANSFER_OWNERSHIP}: "true" and set {HPA_NAME_FIELD}: ',
            "object.metadata.name",
            f'. If the two never meet, annotate the HorizontalPodAutoscaler {HPA_OWNERSHIP}: "false".',
        ),
        refuses=True,
    )


def _no_replicas(operator: str) -> Rule:
    kinds = "{'deployments': 'Deployment', 'statefulsets': 'StatefulSet'}"
    autoscalers = ", ".join(f"'{user}'" for user in (operator, *HPA_CONTROLLERS))
    # The default of a workload is 1; a Scale leaves out 0 (autoscaling/v1: omitempty).
    now = "object.spec.?replicas.orValue(object.kind == 'Scale' ? 0 : 1)"
    before = "oldObject.spec.?replicas.orValue(0)"
    return Rule(
        name="keda-one-owner-replicas",
        group="apps",
        resources=("deployments", "deployments/scale", "statefulsets", "statefulsets/scale"),
        conditions={
            "not-an-autoscaler": f"!(request.userInfo.username in [{autoscalers}])",
            # A new object without replicas has 1 by default, and nobody has set anything.
            "replicas-written": f"{now} != (request.operation == 'CREATE' ? 1 : {before})",
        },
        variables={
            "target": _target("params.spec.scaleTargetRef"),
            "kind": f"object.kind == 'Scale' ? {kinds}[request.resource.resource] : object.kind",
            "paused": f"{_annotation('params', 'autoscaling.keda.sh/paused')} in {_TRUE} ||"
            f" {_annotation('params', 'autoscaling.keda.sh/paused-replicas')} != ''",
            "change": f"(request.operation == 'CREATE' ? '' : string({before}) + ' -> ') + string({now})",
        },
        valid="variables.paused || variables.target != 'apps/' + variables.kind + '/' + object.metadata.name",
        message=_text(
            "",
            f"variables.kind + ' ' + {_title('object')}",
            ": replicas ",
            "variables.change",
            ", but ",
            _SCALED_OBJECT,
            " scales it and will set them again. Leave spec.replicas out of what you apply. On the "
            "ScaledObject, minReplicaCount and maxReplicaCount set the range, and the annotation "
            'autoscaling.keda.sh/paused-replicas: "',
            f"string({now})",
            '" holds this number.',
        ),
    )


def _target(reference: str) -> str:
    """A scaleTargetRef as `apps/Deployment/name`, with KEDA's defaults (v1alpha1/gvkr.go, ParseGVKR)."""
    version, kind = f"{reference}.?apiVersion.orValue('')", f"{reference}.?kind.orValue('')"
    return (
        f"({version} == '' ? 'apps/' : {version}.find('^.*/')) +"
        f" ({kind} == '' ? 'Deployment' : {kind}) + '/' + {reference}.name"
    )


def _annotation(of: str, key: str) -> str:
    return f"{of}.metadata.?annotations[?'{key}'].orValue('')"


def _title(of: str) -> str:
    return f"{of}.metadata.namespace + '/' + {of}.metadata.name"


_SCALED_OBJECT = f"'ScaledObject ' + {_title('params')}"
_NAME_TAKEN = _text(
    "is the very HPA that KEDA writes for ", _SCALED_OBJECT, ": KEDA and you overwrite each other"
)
_BOTH_SCALE = _text(
    "and ",
    _SCALED_OBJECT,
    " both scale ",
    "variables.target.find('[^/]+/[^/]+$')",
    f": {TWO_HPAS}",
)
