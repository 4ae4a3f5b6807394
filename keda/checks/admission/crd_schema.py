"""The CRDs' shape: types, required and known keys, enums, and int32, which the API server does not hold."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keda.checks.findings import IGNORE, Report, rules
from keda.core.errors import MISSING, Refused, did_you_mean, is_secret_key, join
from keda.core.names import LABEL_MAX, label_name, label_value, object_name
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping, text, whole

_WORDS = {
    "object": "a mapping of keys",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "boolean": "true or false",
}
_GROUP_OF = {"CloudEventSource": "eventing.keda.sh", "ClusterCloudEventSource": "eventing.keda.sh"}
_ELSEWHERE = {"minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount"}
_INT32 = 2**31


@functools.cache
def shapes() -> Mapping[str, Any]:
    """The schema of `spec` of each KEDA kind (see make_shapes.py)."""
    data: Mapping[str, Any] = json.loads(
        (Path(__file__).parent / "crd_schema.json").read_text(encoding="utf-8")
    )
    return data


def check_shape(item: Item, report: Report) -> None:
    """What the API server, and the decoding in KEDA's webhook and operator, say of the object."""
    kind = item.kind
    if kind not in shapes():
        guess = did_you_mean(kind, shapes())
        fix = f"Write kind: {guess}." if guess else f"KEDA has {', '.join(sorted(shapes()))}."
        report.add("unknown-kind", ("kind",), kind, "is not a kind of KEDA 2.19. Nothing would read it.", fix)
        return
    group = _GROUP_OF.get(kind, "keda.sh")
    if item.manifest.get("apiVersion") != f"{group}/v1alpha1":
        report.add(
            "unknown-kind",
            ("apiVersion",),
            item.manifest.get("apiVersion"),
            f"does not serve {kind}. The API server would refuse the object.",
            f"Write apiVersion: {group}/v1alpha1.",
        )
    _check_top(item, report)
    _check_metadata(item, report)
    if "spec" not in item.manifest or item.manifest["spec"] is None:
        _missing(("spec",), report)
    else:
        _check(item.manifest["spec"], shapes()[kind], ("spec",), report)


def _check_top(item: Item, report: Report) -> None:
    for key in item.manifest:
        if key not in ("apiVersion", "kind", "metadata", "spec", "status"):
            fix = "Move it into spec." if key in shapes()[item.kind]["properties"] else "Remove it."
            _unknown(key, (_part(key),), ("metadata", "spec"), report, fix)


def _check_metadata(item: Item, report: Report) -> None:
    metadata = mapping(item.manifest.get("metadata"))
    name = metadata.get("name")
    if name is None and not metadata.get("generateName"):
        _missing(("metadata", "name"), report)
    elif name is not None:
        _check_name(name, item.kind, report)
    for key, value in mapping(metadata.get("annotations")).items():
        at = ("metadata", "annotations", _part(key))
        if value is not None and not isinstance(value, str):
            _not_text(at, value, key, report)
    check_ignores(item, report)
    for key, value in mapping(metadata.get("labels")).items():
        at = ("metadata", "labels", _part(key))
        if value is not None and not isinstance(value, str):
            _not_text(at, value, key, report)
        elif isinstance(value, str):
            try:
                label_value(value)
            except Refused as refused:
                why = f"{refused.why} {refused.consequence}"
                said = f'metadata.labels: Invalid value: "{value[:100]}'
                report.add("bad-name", at, value, why, refused.fix or "", said)


def _not_text(at: At, value: object, key: object, report: Report) -> None:
    json_word = {bool: "bool", int: "number", float: "number", list: "array"}.get(type(value), "object")
    report.add(
        "annotation-not-text",
        at,
        value,
        "is not a string. The API server would refuse the object.",
        f"Put it in quotes{_quoted(value, key)}.",
        f"cannot unmarshal {json_word} into Go struct field ObjectMeta.{at[1]} of type string",
    )


def _check_name(name: object, kind: str, report: Report) -> None:
    at: At = ("metadata", "name")
    labelled = kind in ("ScaledObject", "ScaledJob")
    if isinstance(name, str) and labelled and LABEL_MAX < len(name) <= 253:
        harm = (
            "the ScaledObject would never be Ready"
            if kind == "ScaledObject"
            else "the ScaledJob says Ready, and the API server refuses every Job it makes"
        )
        report.add(
            "name-too-long",
            at,
            name,
            f"has {len(name)} characters. KEDA writes it as a label, at most {LABEL_MAX}: {harm}.",
            "Shorten it.",
            f"failed to update {kind} with scaledObjectName label" if kind == "ScaledObject" else "",
        )
        return
    try:
        if not isinstance(name, str):
            raise Refused("is not a string.", "Put it in quotes.")
        (label_name if labelled else object_name)(name)
    except Refused as refused:
        why = f"{refused.why} The API server would refuse the object."
        report.add("bad-name", at, name, why, refused.fix or "")


def check_ignores(item: Item, report: Report) -> None:
    """The annotations that silence a rule: of a known one, and with a reason."""
    for key, value in item.annotations.items():
        if isinstance(key, str) and key.startswith(IGNORE) and (value is None or isinstance(value, str)):
            at = ("metadata", "annotations", key)
            _check_ignore(key.removeprefix(IGNORE), text(value), at, report)


def _check_ignore(rule: str, reason: str, at: At, report: Report) -> None:
    known = {name for name, each in rules().items() if each.ignorable}
    if rule not in known:
        guess = did_you_mean(rule, known)
        fix = f"Write {IGNORE}{guess}." if guess else "Remove it."
        report.add("bad-ignore", at, MISSING, "names no rule that can be ignored; it does nothing.", fix)
    elif not reason.strip():
        report.add(
            "bad-ignore", at, MISSING, "gives no reason; it does nothing.", "Write why, in a few words."
        )


def _check(value: object, schema: Mapping[str, Any], at: At, report: Report) -> None:
    if schema.get("x-kubernetes-int-or-string"):
        if whole(value) is None and not isinstance(value, str):
            _wrong_type(value, "integer", at, report)
        return
    wanted = schema.get("type", "")
    if not _is(value, wanted):
        _wrong_type(value, wanted, at, report)
    elif wanted == "object":
        _check_object(mapping(value), schema, at, report)
    elif isinstance(value, list) and "items" in schema:
        for index, element in enumerate(value):
            _check(element, schema["items"], (*at, index), report)
    elif wanted == "integer":
        _check_integer(whole(value) or 0, schema, at, report)
    elif "enum" in schema and value not in schema["enum"]:
        guess = did_you_mean(str(value), schema["enum"])
        listed = ", ".join(each or '""' for each in schema["enum"])
        fix = f"Write {guess}." if guess else f"Write one of {listed}."
        report.add("unknown-value", at, value, f"is not one of {listed}. {_REFUSED}", fix)


_REFUSED = "The API server would refuse the object."


def _check_object(value: Mapping[Any, Any], schema: Mapping[str, Any], at: At, report: Report) -> None:
    known = schema.get("properties", {})
    mistyped = set()
    if "additionalProperties" in schema:
        for key, inner in value.items():
            if inner is not None and _is(inner, schema["additionalProperties"]["type"]):
                continue
            report.add(
                "metadata-not-text",
                (*at, _part(key)),
                inner,
                "is not a string, as every value here must be. The API server would refuse the object.",
                f"Put it in quotes{_quoted(inner, key)}." if _scalar(inner) else "Write it as one string.",
            )
    elif known:
        for key, inner in value.items():
            if key in known:
                if inner is not None:
                    _check(inner, known[key], (*at, key), report)
            else:
                mistyped.add(did_you_mean(str(key), known))
                _unknown(key, (*at, _part(key)), known, report)
    for key in schema.get("required", ()):
        # A mistyped required key is one mistake, and it is reported where it was made.
        if value.get(key) is None and key not in mistyped:
            _missing((*at, key), report)


def _check_integer(number: int, schema: Mapping[str, Any], at: At, report: Report) -> None:
    low, high = schema.get("minimum", -_INT32), schema.get("maximum", _INT32 - 1)
    if schema.get("format") == "int32" and not -_INT32 <= number < _INT32:
        report.add(
            "int32-range",
            at,
            number,
            "does not fit int32. The API server takes it; if the webhook is down, KEDA can then read no "
            "object of this kind in the whole cluster.",
            f"Write at most {_INT32 - 1}." if number > 0 else "Write 0 or more.",
            f"json: cannot unmarshal number {number} into Go struct field …{join(*at)} of type int32",
        )
    elif not low <= number <= high:
        report.add(
            "unknown-value",
            at,
            number,
            f"is not within {low} to {high}. {_REFUSED}",
            f"Write at most {high}." if number > high else f"Write at least {low}.",
        )


def _is(value: object, wanted: str) -> bool:
    match wanted:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "integer":
            return whole(value) is not None
        case "boolean":
            return isinstance(value, bool)
    return True


def _wrong_type(value: object, wanted: str, at: At, report: Report) -> None:
    fix = f"Write {_WORDS[wanted]}."
    if wanted == "string" and _scalar(value):
        fix = f"Put it in quotes{_quoted(value, at[-1])}."
    elif isinstance(value, str) and wanted in ("integer", "boolean"):
        fix = f"Write {_WORDS[wanted]}, without quotes."
    report.add("wrong-type", at, value, f"is not {_WORDS[wanted]}. {_REFUSED}", fix)


def _unknown(key: object, at: At, known: Any, report: Report, fix: str = "") -> None:
    if not isinstance(key, str):
        report.add(
            "unknown-field", at, MISSING, "a key that is not a string. Nothing would read it.", "Remove it."
        )
        return
    guess = did_you_mean(key, known)
    why = "unknown key. kubectl refuses it, other clients silently drop it."
    if at[-2:-1] and isinstance(at[-2], int) and key in _ELSEWHERE:
        fix = f"Move it to spec.{key}."
    report.add("unknown-field", at, MISSING, why, fix or (f"Write {guess}." if guess else "Remove it."))


def _missing(at: At, report: Report) -> None:
    report.add("missing-field", at, MISSING, f"missing, and required. {_REFUSED}", f"Add {at[-1]}.")


def _part(key: object) -> str:
    return key if isinstance(key, str) else str(key)[:40]


def _scalar(value: object) -> bool:
    return isinstance(value, (bool, int, float))


def _quoted(value: object, key: object) -> str:
    """`: "10"`, if that may be shown."""
    if not _scalar(value) or is_secret_key(str(key)):
        return ""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f': "{shown}"' if len(shown) < 40 else ""
