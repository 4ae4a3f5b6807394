"""The base of every model: frozen, strict about keys, KEDA's exact spelling, and errors in one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic._internal._model_construction import ModelMetaclass
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from keda.core.errors import MISSING, Fault, Refused, SpecError, did_you_mean, join, one_of
from keda.core.names import label_name, label_value, namespace_name, object_name
from keda.core.spelling import spelling

INT32_MAX = 2**31 - 1
_LISTED_KEYS = 12


class _SpecErrors(ModelMetaclass):
    """Makes `Model(…)` raise `SpecError`, as `Model.parse(…)` does, so that there is one error type to
    catch.
    """

    if not TYPE_CHECKING:

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            try:
                return super().__call__(*args, **kwargs)
            except ValidationError as error:
                raise SpecError(_nested(error)) from None


class Model(BaseModel, metaclass=_SpecErrors):
    """A piece of a spec. Python names in snake_case, the exact KEDA key as alias; `dump()` gives what KEDA
    reads.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    consequence: ClassVar[str] = "KEDA would mark the ScaledObject not Ready."
    """What a wrong value of this model leads to at run time: the middle sentence of its messages."""

    @classmethod
    def parse(cls, data: object, at: str = "") -> Self:
        """Build from parsed YAML or JSON, keys spelled as KEDA spells them. Raises SpecError, paths below
        `at`.
        """
        try:
            return cls.model_validate(data, by_alias=True, by_name=False)
        except ValidationError as error:
            raise SpecError(fault.under(at) for fault in _nested(error)) from None

    def dump(self) -> dict[str, Any]:
        """The plain dict KEDA reads: camelCase keys, nothing that was not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def faults(self) -> Iterator[Fault]:
        """Rules over several fields; paths are relative to this model. Overridden where there are any."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _validated(cls, data: Any, handler: Any) -> Any:
        try:
            model = handler(data)
        except ValidationError as error:
            raise SpecError(own_faults(error, cls)) from None
        if faults := tuple(model.faults()):
            raise SpecError(faults)
        return model


def _nested(error: ValidationError) -> Iterator[Fault]:
    """The faults inside a ValidationError that came out of some Model: each level has already its words."""
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SpecError):
            yield from (fault.under(join(*detail["loc"])) for fault in cause.faults)
        else:
            yield Fault(join(*detail["loc"]), detail["input"], f"is refused: {detail['msg']}.", "")


def own_faults(error: ValidationError, model: type[Model]) -> Iterator[Fault]:
    """The faults of one model's own fields; those of nested models are passed on as they are."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    details = error.errors(include_url=False)
    unknown = [str(detail["loc"][0]) for detail in details if detail["type"] == "extra_forbidden"]
    mistyped = {did_you_mean(key, fields) for key in unknown}
    for detail in details:
        path, cause = join(*detail["loc"]), detail.get("ctx", {}).get("error")
        key = str(detail["loc"][0]) if detail["loc"] else ""
        field = fields.get(key)
        if isinstance(cause, SpecError):
            yield from (fault.under(path) for fault in cause.faults)
        elif detail["type"] == "extra_forbidden":
            yield unknown_key(path, key, fields, model)
        elif detail["type"] == "missing":
            # A mistyped required key is one mistake, and it is reported where it was made.
            if key not in mistyped:
                yield missing_key(path, field, model)
        else:
            why, fix = _reason(detail)
            harm = cause.consequence if isinstance(cause, Refused) else None
            harm = harm or consequence(field, model)
            yield Fault(path, detail["input"], f"{why} {harm}", fix or _fix(key, field, detail))


def unknown_key(path: str, key: str, known: Mapping[str, object], model: type[Model]) -> Fault:
    """A key that no one reads."""
    guess = did_you_mean(key, known)
    if guess and "_" in key:  # an argument in Python
        guess = next((name for name, field in model.model_fields.items() if field.alias == guess), guess)
    listed = f" Known here: {', '.join(sorted(known))}." if len(known) <= _LISTED_KEYS else ""
    fix = f"Write {guess}." if guess else f"Remove it.{listed}"
    return Fault(path, MISSING, "unknown key. It would be silently ignored.", fix)


def missing_key(path: str, field: FieldInfo | None, model: type[Model]) -> Fault:
    """A required key that is not there."""
    return Fault(
        path,
        MISSING,
        f"missing, and required. {consequence(field, model)}",
        _example(path.split(".")[-1], field),
    )


def consequence(field: FieldInfo | None, model: type[Model]) -> str:
    """What a wrong value leads to: the field's own words, else its model's."""
    extra = field.json_schema_extra if field else None
    return (
        str(extra["consequence"]) if isinstance(extra, dict) and "consequence" in extra else model.consequence
    )


def _fix(key: str, field: FieldInfo | None, detail: ErrorDetails) -> str:
    """The field's example; for what is inside a mapping or a list, the right form in words."""
    if len(detail["loc"]) == 1 and (example := _example(key, field)):
        return example
    forms = {
        "string_type": "Put it in quotes.",
        "model_type": "Write its keys below it.",
        "dict_type": "Write its keys below it.",
        "tuple_type": "Write a list.",
    }
    return forms.get(detail["type"], "")


def _example(key: str, field: FieldInfo | None) -> str:
    examples = (field.examples if field else None) or []
    if examples:
        example = examples[0]
        shown = str(example).lower() if isinstance(example, bool) else str(example)
        return f"Write {spelling(key)}: {shown}."
    return f"{field.description}." if field and field.description else ""


def _reason(detail: ErrorDetails) -> tuple[str, str | None]:
    """Why pydantic or one of our validators refused a value, and the fix if it is known here."""
    kind, context = detail["type"], detail.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Refused):
        return cause.why, cause.fix
    if kind in ("greater_than_equal", "greater_than"):
        bound = context.get("ge", context.get("gt"))
        return (f"is below {bound}." if kind == "greater_than_equal" else f"is not above {bound}."), None
    if kind in ("less_than_equal", "less_than"):
        return f"is above {context.get('le', context.get('lt'))}.", None
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return one_of(expected, did_you_mean(str(detail["input"]), expected))
    words = {
        "string_type": "is not a string.",
        "bool_type": "is not true or false.",
        "model_type": "is not a mapping of keys.",
        "dict_type": "is not a mapping of keys.",
        "tuple_type": "is not a list.",
        "list_type": "is not a list.",
        "too_short": "is empty.",
        "string_too_short": "is empty.",
        "string_too_long": f"has more than {context.get('max_length')} characters.",
    }
    return words.get(kind, f"is refused: {detail['msg']}."), None


def whole_number(value: object) -> object:
    """Whole numbers only: no words, no fractions, and `true` is not 1. A float such as 3.0 is 3 (Pulumi's
    JSON).
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Refused("is not a whole number.")


def true_or_false(value: object) -> object:
    """A YAML boolean; the text "true" is refused, since Kubernetes refuses it."""
    if isinstance(value, bool):
        return value
    raise Refused("is not true or false.")


Count = Annotated[int, BeforeValidator(whole_number), Field(ge=0, le=INT32_MAX)]
"""Replicas or a threshold of failures: 0 or more."""
Positive = Annotated[int, BeforeValidator(whole_number), Field(ge=1, le=INT32_MAX)]
Seconds = Annotated[int, BeforeValidator(whole_number), Field(ge=0, le=INT32_MAX)]
Flag = Annotated[bool, BeforeValidator(true_or_false)]

ObjectName = Annotated[str, AfterValidator(object_name)]
LabelName = Annotated[str, AfterValidator(label_name)]
Namespace = Annotated[str, AfterValidator(namespace_name)]
LabelValue = Annotated[str, AfterValidator(label_value)]
