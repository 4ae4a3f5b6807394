"""Names, labels and annotations of KEDA's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keda.checks import edits
from keda.checks.admission.crd_schema import quoted
from keda.checks.admission.crd_shapes import shapes
from keda.checks.registry import FIELDS, KEDA, REPLICAS, SCALING, Problem, error, on_objects, warning
from keda.core.errors import MISSING, Refused, did_you_mean
from keda.core.names import LABEL_MAX, label_name, label_value, object_name
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping
from keda.syntax import go

BAD_NAME = error(
    "bad-name",
    FIELDS,
    summary="An invalid name or label",
    why=(
        "A name consists of lower-case letters, digits, dashes and dots. The API server refuses any other "
        "character."
    ),
    passes="metadata: {name: web-api}",
)
NAME_TOO_LONG = error(
    "name-too-long",
    FIELDS,
    summary="A name longer than 63 characters",
    why=(
        "KEDA writes the name of a ScaledObject as a label value, which has at most 63 characters. The "
        "API server accepts the object; KEDA can then never update it (KEDA 2.20 refuses it at "
        "admission)."
    ),
    passes="metadata: {name: web}",
)


@on_objects(KEDA)
def names(item: Item) -> Iterator[Problem]:
    """The object's name, and what KEDA and the API server make of its labels."""
    if item.kind not in shapes():
        return
    metadata = mapping(item.manifest.get("metadata"))
    name = metadata.get("name")
    if name is not None and name is not UNKNOWN:
        yield from _name(name, item.kind)
    for key, value in mapping(metadata.get("labels")).items():
        if isinstance(value, str):
            try:
                label_value(value)
            except Refused as refused:
                keda = f'metadata.labels: Invalid value: "{value[:100]}'
                at: At = ("metadata", "labels", _part(key))
                yield BAD_NAME.found(
                    at, value, refused.why, refused.fix or "", keda, why=refused.consequence or ""
                )


def _name(name: object, kind: str) -> Iterator[Problem]:
    at: At = ("metadata", "name")
    labelled = kind in SCALING
    if isinstance(name, str) and labelled and LABEL_MAX < len(name) <= 253:
        harm = (
            "the ScaledObject would never be Ready"
            if kind == "ScaledObject"
            else "the ScaledJob is Ready, and the API server refuses every Job it makes"
        )
        yield NAME_TOO_LONG.found(
            at,
            name,
            f"has {len(name)} characters.",
            "Shorten it.",
            f"failed to update {kind} with scaledObjectName label" if kind == "ScaledObject" else "",
            why=f"KEDA writes it as a label, at most {LABEL_MAX}: {harm}.",
        )
        return
    try:
        if not isinstance(name, str):
            raise Refused("is not a string.", "Put it in quotes.")
        (label_name if labelled else object_name)(name)
    except Refused as refused:
        harm = "The API server would refuse the object."
        yield BAD_NAME.found(at, name, refused.why, refused.fix or "", edit=edits.quoted(name), why=harm)


@error(
    "annotation-not-text",
    FIELDS,
    summary="An annotation or label that is not a string",
    why=(
        "Annotations and labels are strings. In YAML, true is not a string, so the API server refuses the "
        "object."
    ),
    passes="""
        annotations:
          autoscaling.keda.sh/paused: "true"
    """,
).on(KEDA, having=["annotations", "labels"])
def annotation_not_text(item: Item) -> Iterator[Problem]:
    if item.kind not in shapes():
        return
    for part in ("annotations", "labels"):
        for key, value in mapping(mapping(item.manifest.get("metadata")).get(part)).items():
            if value is None or value is UNKNOWN or isinstance(value, str):
                continue
            json_word = {bool: "bool", int: "number", float: "number", list: "array"}.get(
                type(value), "object"
            )
            yield Problem(
                ("metadata", part, _part(key)),
                value,
                "is not a string.",
                f"Put it in quotes{quoted(value, key)}.",
                f"cannot unmarshal {json_word} into Go struct field ObjectMeta.{part} of type string",
                edits.quoted(value),
                why="The API server would refuse the object.",
            )


def _part(key: object) -> str:
    return key if isinstance(key, str) else str(key)[:40]


_KEDA_ANNOTATIONS: Mapping[str, type] = {
    "autoscaling.keda.sh/paused": bool,
    "autoscaling.keda.sh/paused-replicas": int,
    "autoscaling.keda.sh/paused-scale-in": bool,
    "autoscaling.keda.sh/paused-scale-out": bool,
    "autoscaling.keda.sh/force-activation": bool,
}
_KEDA_NAMES = frozenset(key.partition("/")[2] for key in _KEDA_ANNOTATIONS)


@warning(
    "unknown-annotation",
    REPLICAS,
    summary="Unknown KEDA annotation",
    why="It has no effect.",
    passes="""
        annotations:
          autoscaling.keda.sh/paused: "true"
    """,
).on(*SCALING, having=["annotations"])
def unknown_annotation(item: Item) -> Iterator[Problem]:
    for key, value in item.annotations.items():
        if not isinstance(key, str) or not (isinstance(value, str) or value is UNKNOWN):
            continue
        prefix, _, name = key.partition("/")
        own = prefix == "autoscaling.keda.sh" or name in _KEDA_NAMES and f".{prefix}".endswith(".keda.sh")
        if own and key not in _KEDA_ANNOTATIONS:
            guess = did_you_mean(f"autoscaling.keda.sh/{name}", _KEDA_ANNOTATIONS)
            yield Problem(
                ("metadata", "annotations", key[:100]),
                MISSING,
                "is not an annotation of KEDA.",
                f"Write {guess}." if guess else "Remove it.",
                edit=edits.key(key, guess, item.annotations),
                why="It would do nothing.",
            )


@warning(
    "paused-not-boolean",
    REPLICAS,
    summary="A pause that is not a boolean or a number",
    why=(
        'KEDA reads any string that is not a boolean as `paused: true` (scaledobject_types.go:257): "no", '
        '"off" and "" delete the HPA. paused-replicas pauses by its presence.'
    ),
    passes="""
        annotations:
          autoscaling.keda.sh/paused: "false"
    """,
).on(*SCALING, having=["annotations"])
def paused_not_boolean(item: Item) -> Iterator[Problem]:
    for key, kind in _KEDA_ANNOTATIONS.items():
        value = item.annotations.get(key)
        if not isinstance(value, str):
            continue
        at: At = ("metadata", "annotations", key)
        try:
            (go.boolean if kind is bool else _int32)(value)
        except ValueError:
            if kind is int:
                what, why = (
                    "is not a whole number.",
                    "Scaling would pause, and only KEDA's log has the reason.",
                )
                yield Problem(at, value, what, 'Write a number in quotes, such as "0".', why=why)
            else:
                paused = key == "autoscaling.keda.sh/paused"
                effect = "as true: the HPA is deleted and the replicas freeze" if paused else "as false"
                what, why = "is neither true nor false for Go.", f"KEDA reads it {effect}."
                yield Problem(at, value, what, 'Write "true", or remove the annotation.', why=why)


def _int32(value: str) -> int:
    return go.integer(value, go.INT32)
