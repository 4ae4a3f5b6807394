"""The CRDs' shape: types, required and known keys, enums, and int32, which the API server does not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks import edits
from keda.checks.admission.crd_shapes import GROUP_OF, TEMPLATE, Shape, has_type, pod_template, shapes
from keda.checks.admission.elsewhere import edit_of, fix_in_metadata, fix_of
from keda.checks.registry import FIELDS, KEDA, OTHERS, Problem, error, on_objects
from keda.core.errors import MISSING, did_you_mean, is_secret_key, join, one_of
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, whole

_WORDS = {
    "object": "a mapping of keys",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "boolean": "true or false",
}
_ELSEWHERE = {"minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount"}
_OBJECT_META = (
    *("generateName", "selfLink", "uid", "resourceVersion", "generation", "ownerReferences", "managedFields"),
    *("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
)
"""The keys of metadata that the CRD leaves to Kubernetes."""
_OF_KEDA_1 = {"deploymentName": "name"}
"""Keys of KEDA 1's scaleTargetRef, and what they are called since."""
_INT32 = 2**31
_REFUSED = "The API server would refuse the object."

UNKNOWN_KIND = error(
    "unknown-kind",
    FIELDS,
    summary="A kind or version that KEDA does not have",
    why=(
        "The API server has only keda.sh/v1alpha1 and eventing.keda.sh/v1alpha1. It refuses any other "
        "version or kind, so KEDA never sees the object."
    ),
    passes="""
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
    """,
)
UNKNOWN_FIELD = error(
    "unknown-field",
    FIELDS,
    summary="Unknown field",
    why=(
        "The CRD drops unknown fields, in a ScaledJob's pod template too. kubectl refuses them; Helm and "
        "most GitOps tools do not, and the setting silently has no effect."
    ),
    passes="""
        spec:
          maxReplicaCount: 5   # not maxReplicas
    """,
)
MISSING_FIELD = error(
    "missing-field",
    FIELDS,
    summary="A required field is missing",
    why="The CRD requires it, so the API server refuses the object.",
    passes="""
        spec:
          scaleTargetRef: {name: web}
    """,
)
WRONG_TYPE = error(
    "wrong-type",
    FIELDS,
    summary="A value of the wrong type",
    why=(
        "The CRD fixes the type, so the API server refuses the object. Templates that quote numbers are "
        "the usual cause."
    ),
    passes="""
        spec:
          minReplicaCount: 1
    """,
)
UNKNOWN_VALUE = error(
    "unknown-value",
    FIELDS,
    summary="A value that the CRD does not allow",
    why="The CRD lists the allowed values or bounds the number, so the API server refuses the object.",
    passes="""
        spec:
          fallback: {failureThreshold: 3, replicas: 2, behavior: currentReplicasIfHigher}
    """,
)
INT32_RANGE = error(
    "int32-range",
    FIELDS,
    summary="A number outside int32",
    why=(
        "The API server does not enforce `format: int32`. If KEDA's webhook is down (its failurePolicy is "
        "Ignore), the number is stored. KEDA then cannot decode any object of this kind, and nothing in "
        "the cluster scales until it is removed."
    ),
    passes="""
        spec:
          pollingInterval: 30
    """,
)
METADATA_NOT_TEXT = error(
    "metadata-not-text",
    FIELDS,
    summary="A trigger parameter that is not a string",
    why=(
        "All values of trigger metadata are strings in the CRD. In YAML, 10 and true are not strings, so "
        "the API server refuses the object."
    ),
    passes="""
        metadata:
          threshold: "50"
    """,
)


@on_objects(KEDA)
def shape(item: Item) -> Iterator[Problem]:
    """What the API server, and the decoding in KEDA's webhook and operator, refuse of the object."""
    kind, version = item.kind, item.manifest.get("apiVersion")
    if item.manifest.get("kind") is UNKNOWN:
        return
    if kind not in shapes():
        guess = did_you_mean(kind, shapes())
        fix = f"Write kind: {guess}." if guess else f"KEDA has {', '.join(sorted(shapes()))}."
        what, why = "is not a kind of KEDA 2.19.", "Nothing would read it."
        yield UNKNOWN_KIND.found(("kind",), kind, what, fix, edit=edits.word(kind, guess), why=why)
        return
    group = GROUP_OF.get(kind, "keda.sh")
    if version != f"{group}/v1alpha1":
        what, why = f"does not serve {kind}.", "The API server would refuse the object."
        yield UNKNOWN_KIND.found(
            ("apiVersion",), version, what, f"Write apiVersion: {group}/v1alpha1.", why=why
        )
    for key in item.manifest:
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            fix = "Move it into spec." if key in shapes()[kind]["properties"] else "Remove it."
            yield _unknown(key, (_part(key),), {"metadata": 0, "spec": 0}, item.manifest, fix)
    metadata = item.manifest.get("metadata")
    if (
        metadata is not UNKNOWN
        and mapping(metadata).get("name") is None
        and not mapping(metadata).get("generateName")
    ):
        yield _missing(("metadata", "name"))
    if item.manifest.get("spec") is None:
        yield _missing(("spec",))
    moved: set[str | int] = set()
    for problem in _of_spec(item):
        fix = fix_of(problem.at, item.manifest, kind) if problem.rule is UNKNOWN_FIELD else ""
        edit = edit_of(problem.at, item.manifest, kind) if fix else None
        if edit and edit.under[0] in moved:
            edit = None  # in the next round, the key above is there
        moved |= {edit.under[0]} if edit else set()
        yield problem._replace(fix=fix, edit=edit) if fix else problem


def _of_spec(item: Item) -> Iterator[Problem]:
    if item.manifest.get("spec") is not None:
        yield from _value(item.manifest["spec"], shapes()[item.kind], ("spec",))
    template = dig(item.manifest, *TEMPLATE)
    if item.kind == "ScaledJob" and isinstance(template, Mapping):
        yield from _value(template, pod_template(), TEMPLATE)


@UNKNOWN_KIND.on(OTHERS)
def version_of_another_group(item: Item) -> Iterator[Problem]:
    """An object of a kind that only KEDA has, without its apiVersion."""
    version = item.manifest.get("apiVersion")
    if item.kind not in shapes() or version is UNKNOWN:
        return
    group = GROUP_OF.get(item.kind, "keda.sh")
    missing = version is None
    what = "missing." if missing else f"does not serve {item.kind}."
    fix = f"Write apiVersion: {group}/v1alpha1."
    yield Problem(("apiVersion",), MISSING if missing else version, what, fix, why=_REFUSED)


def _value(value: object, schema: Shape, at: At) -> Iterator[Problem]:
    if value is UNKNOWN:
        return
    if schema.get("x-kubernetes-int-or-string"):
        if whole(value) is None and not isinstance(value, str):
            yield _wrong_type(value, "string", at)._replace(what="is not a whole number or a string.")
        elif isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
            fix = "Write a quantity, such as 500m or 512Mi."
            yield UNKNOWN_VALUE.found(at, value, "is not a quantity.", fix, why=_REFUSED)
        return
    wanted = schema.get("type", "")
    if not has_type(value, wanted):
        yield _wrong_type(value, wanted, at)
    elif wanted == "object":
        yield from _object(mapping(value), schema, at)
    elif isinstance(value, list) and "items" in schema:
        for index, element in enumerate(value):
            yield from _value(element, schema["items"], (*at, index))
    elif wanted == "integer":
        yield from _integer(whole(value) or 0, schema, at)
    elif "enum" in schema and value not in schema["enum"]:
        guess = did_you_mean(str(value), schema["enum"])
        what, fix = one_of((each or '""' for each in schema["enum"]), guess)
        yield UNKNOWN_VALUE.found(at, value, what, fix, edit=edits.word(value, guess), why=_REFUSED)


def _object(value: Mapping[Any, Any], schema: Shape, at: At) -> Iterator[Problem]:
    known = schema.get("properties", {})
    kept = schema.get("x-kubernetes-preserve-unknown-fields", False)
    mistyped = set()
    if "additionalProperties" in schema:
        shape = schema["additionalProperties"]
        for key, inner in value.items():
            for problem in _value(inner, shape, (*at, _part(key))) if not _is_text(inner, shape) else ():
                yield _of_metadata(problem, str(key)) if at[1:2] == ("triggers",) else problem
    elif known:
        for key, inner in value.items():
            if key in known:
                if inner is not None and not _is_text(inner, known[key]):
                    yield from _value(inner, known[key], (*at, key))
            elif not (kept and key in _OBJECT_META):
                mistyped.add(_guess(str(key), known))
                problem = _unknown(key, (*at, _part(key)), known, value)
                why = "The API server keeps it, and nothing reads it."
                yield problem._replace(why=why) if kept else problem
    for key in schema.get("required", ()):
        # A mistyped required key is one mistake, and it is reported where it was made.
        if value.get(key) is None and key not in mistyped:
            yield _missing((*at, key))


def _is_text(value: object, schema: Shape) -> bool:
    """Whether it is a string, where every string will do: most values are."""
    return type(value) is str and schema.get("type") == "string" and "enum" not in schema


def _of_metadata(problem: Problem, key: str) -> Problem:
    """A value of the wrong type, as a trigger's parameter."""
    value = problem.value
    fix = f"Put it in quotes{quoted(value, key)}." if _scalar(value) else fix_in_metadata(key, value)
    what = "is not a string, as every value here must be."
    return problem._replace(what=what, fix=fix or "Write it as one string.", rule=METADATA_NOT_TEXT)


def _integer(number: int, schema: Shape, at: At) -> Iterator[Problem]:
    bound = _INT32 if schema.get("format") == "int32" else 2**63
    low, high = schema.get("minimum", -bound), schema.get("maximum", bound - 1)
    if schema.get("format") == "int32" and not -_INT32 <= number < _INT32:
        yield INT32_RANGE.found(
            at,
            number,
            "does not fit int32.",
            f"Write at most {_INT32 - 1}." if number > 0 else "Write 0 or more.",
            f"json: cannot unmarshal number {number} into Go struct field …{join(*at)} of type int32",
            why="The API server takes it; if the webhook is down, KEDA can then read no "
            "object of this kind in the whole cluster.",
        )
    elif not low <= number <= high:
        fix = f"Write at most {high}." if number > high else f"Write at least {low}."
        yield UNKNOWN_VALUE.found(at, number, f"is not within {low} to {high}.", fix, why=_REFUSED)


def _wrong_type(value: object, wanted: str, at: At) -> Problem:
    fix, edit = f"Write {_WORDS[wanted]}.", None
    if wanted == "string" and _scalar(value):
        fix, edit = f"Put it in quotes{quoted(value, at[-1])}.", edits.quoted(value)
    elif isinstance(value, str) and wanted in ("integer", "boolean"):
        fix, edit = f"Write {_WORDS[wanted]}, without quotes.", edits.unquoted(value, wanted)
    return WRONG_TYPE.found(at, value, f"is not {_WORDS[wanted]}.", fix, edit=edit, why=_REFUSED)


def _unknown(
    key: object, at: At, known: Mapping[str, Any], beside: Mapping[Any, Any], fix: str = ""
) -> Problem:
    if not isinstance(key, str):
        what, why = "a key that is not a string.", "Nothing would read it."
        return UNKNOWN_FIELD.found(at, MISSING, what, "Remove it.", why=why)
    guess = _guess(key, known)
    what, why = "unknown key.", "kubectl refuses it, other clients silently drop it."
    if at[-2:-1] and isinstance(at[-2], int) and key in _ELSEWHERE:
        fix = f"Move it to spec.{key}."
    if key == "namespace" and _NAMES_AN_OBJECT & set(at):
        fix = "Remove it: KEDA looks in the object's own namespace (ClusterTriggerAuthentication: in KEDA's)."
    edit = None if fix else edits.key(key, guess, beside)
    return UNKNOWN_FIELD.found(
        at, MISSING, what, fix or (f"Write {guess}." if guess else "Remove it."), edit=edit, why=why
    )


# pkg/scaling/resolver/scale_resolvers.go: none of these takes a namespace of its own.
_NAMES_AN_OBJECT = {"scaleTargetRef", "authenticationRef", "secretTargetRef", "configMapTargetRef"}


def _guess(key: str, known: Mapping[str, Any]) -> str | None:
    successor = _OF_KEDA_1.get(key)
    return successor if successor in known else did_you_mean(key, known)


def _missing(at: At) -> Problem:
    return MISSING_FIELD.found(at, MISSING, "missing, and required.", f"Add {at[-1]}.", why=_REFUSED)


def _part(key: object) -> str:
    return key if isinstance(key, str) else str(key)[:40]


def _scalar(value: object) -> bool:
    return isinstance(value, (bool, int, float))


def quoted(value: object, key: object) -> str:
    """`: "10"`, if that may be shown."""
    if not _scalar(value) or is_secret_key(str(key)):
        return ""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f': "{shown}"' if len(shown) < 40 else ""
