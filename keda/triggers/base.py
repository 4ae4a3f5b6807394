"""What every trigger has in common, and the two ways to write one.

A manifest writes `{type: cron, name: …, metadata: {start: …}}`; Python writes `Cron(start=…, name=…)`. Both
give the same model. Which class reads a manifest's trigger is decided by its `type` (keda.triggers.registry).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_serializer, model_validator
from pydantic.fields import FieldInfo

from keda.core.errors import (
    INTO_A_SECRET,
    MISSING,
    PLAIN_TEXT,
    Fault,
    Faults,
    SpecError,
    did_you_mean,
    is_secret_key,
    join,
)
from keda.core.model import Flag, Model, ObjectName, own_faults
from keda.scalers.facts import records, scalers
from keda.triggers.parameters import written

_BESIDE_METADATA = frozenset({"name", "metricType", "useCachedMetrics", "authenticationRef"})
_CREDENTIALS = frozenset({"cert", "key", "username"})


class AuthenticationRef(Model):
    """The TriggerAuthentication a trigger reads its secrets through. A missing one is only logged by KEDA."""

    name: ObjectName = Field(examples=["my-credentials"])
    kind: Literal["TriggerAuthentication", "ClusterTriggerAuthentication"] | None = None
    """Default: TriggerAuthentication, of the same namespace."""


class Trigger(Model):
    """One source of a metric. Subclasses add the scaler's parameters as fields."""

    scaler: ClassVar[str]
    """KEDA's word for `type`."""
    open_keys: ClassVar[tuple[str, str] | None] = None
    """Where keys of the user's own are allowed: their prefix, and the field that holds them."""
    class_for: ClassVar[Callable[[object], Any]]
    """The class that reads a manifest's trigger; set by keda.triggers.registry. Raises SpecError."""

    name: str | None = None
    """Names the trigger for scalingModifiers and for metrics; unique within its object."""
    metric_type: Literal["AverageValue", "Value", "Utilization"] | None = None
    """AverageValue (default): replicas = ceil(total / target). Value: ceil(total / target x ready pods)."""
    use_cached_metrics: Flag | None = None
    """Answer the HPA from the last poll instead of asking the source each time. Default: false."""
    authentication_ref: AuthenticationRef | None = None

    @property
    def type(self) -> str:
        """KEDA's word for the scaler."""
        return self.scaler

    @property
    def target(self) -> float | None:
        """The target for one replica, where the scaler has one (in the metric's unit)."""
        key = records()[self.scaler].get("target")
        values = (
            getattr(self, name) for name, field in type(self).model_fields.items() if field.alias == key
        )
        return next((value for value in values if isinstance(value, (int, float))), None)

    @property
    def activation(self) -> float:
        """What the value must be above for 0 -> 1, in the metric's unit; KEDA's default is 0."""
        for name in type(self).model_fields:
            if name.startswith("activation") and isinstance(value := getattr(self, name), (int, float)):
                return float(value)
        return 0.0

    @classmethod
    def parameter_fields(cls) -> dict[str, FieldInfo]:
        """The scaler's parameters as fields, its own before those that several scalers share."""
        names = [name for name in cls.model_fields if name not in Trigger.model_fields]
        return {
            name: cls.model_fields[name] for name in sorted(names, key=lambda n: n not in cls.__annotations__)
        }

    def parameters(self) -> dict[str, str]:
        """The parameters that were set, as KEDA reads them: text."""
        prefix, opened = self.open_keys or ("", "")
        result: dict[str, str] = {}
        for name, field in self.parameter_fields().items():
            value = getattr(self, name)
            if name not in self.model_fields_set or value is None:
                continue
            if name == opened:
                result |= {f"{prefix}{key}": item for key, item in value.items()}
            else:
                key = field.alias or name
                parameter = scalers()[self.scaler].named.get(key)
                result[key] = written(value, parameter.separator if parameter else ",")
        return result

    @model_serializer(mode="plain")
    def _serialize(self) -> dict[str, Any]:
        common = {
            "type": self.type,
            "name": self.name,
            "metricType": self.metric_type,
            "useCachedMetrics": self.use_cached_metrics,
            "metadata": self.parameters(),
            "authenticationRef": self.authentication_ref.dump() if self.authentication_ref else None,
        }
        return {key: value for key, value in common.items() if value is not None}

    @model_validator(mode="wrap")
    @classmethod
    def _validated(cls, data: Any, handler: Any) -> Any:
        manifest = isinstance(data, Mapping) and ("type" in data or "metadata" in data)
        if isinstance(data, cls):
            return data  # Frozen, and checked when it was made.
        if cls is Trigger:
            return cls.class_for(data).parse(data)
        found, prefix = Faults(), ""
        if manifest and cls.scaler:
            data, prefix = cls._flat(data, found), "metadata"
        try:
            trigger = handler(data)
            for fault in trigger.refusals(formula=True):
                # A parameter may lack because of what was found.
                if not (found and fault.path.startswith("metadata")):
                    path = fault.path if prefix else fault.path.removeprefix("metadata.")
                    found.append(fault._replace(path=path))
        except ValidationError as error:
            found.extend(_placed(own_faults(error, cls), prefix))
        found.raise_if_any()
        return trigger

    def refusals(self, *, formula: bool) -> Iterator[Fault]:
        """What `keda check` refuses of the trigger, paths from there.

        A scalingModifiers `formula` excuses several scalers from a target.
        """
        from keda.checks.faults import trigger_faults  # The rules are needed only once a trigger is made.

        yield from trigger_faults(self.dump(), formula=formula)

    @classmethod
    def _flat(cls, data: Mapping[str, Any], found: Faults) -> dict[str, Any]:
        """The fields of a manifest's trigger. Keys on the wrong side of `metadata` are noted in `found`."""
        common = {key: value for key, value in data.items() if key in _BESIDE_METADATA}
        for key in data.keys() - _BESIDE_METADATA - {"type", "metadata"}:
            inside = {field.alias for field in cls.model_fields.values()} - _BESIDE_METADATA
            guess = did_you_mean(key, _BESIDE_METADATA)
            fix = (
                "Write it below metadata." if key in inside else f"Write {guess}." if guess else "Remove it."
            )
            found.append(Fault(key, MISSING, "unknown key. The API server would drop it.", fix))
        metadata = data.get("metadata", {})
        if not isinstance(metadata, Mapping):
            found.append(
                Fault("metadata", metadata, "is not a mapping of keys.", "Write the parameters below it.")
            )
            raise SpecError(found)
        prefix, opened = cls.open_keys or ("", "")
        known = {field.alias or name for name, field in cls.model_fields.items() if name != opened}
        parameters: dict[str, Any] = {}
        free: dict[str, str] = {}
        for key, value in metadata.items():
            if fault := cls._misplaced(str(key)):
                found.append(fault)
            elif key in known or not opened or not str(key).startswith(prefix):
                parameters[str(key)] = value
            elif isinstance(value, (str, int, float)):
                free[str(key).removeprefix(prefix)] = written(value)
            else:
                why = "is not a string. KEDA's metadata holds strings only."
                found.append(Fault(join("metadata", str(key)), value, why, "Write one text."))
        if free:
            parameters[cls.model_fields[opened].alias or opened] = free
        return {**common, **parameters}

    @classmethod
    def _misplaced(cls, key: str) -> Fault | None:
        """A key that must not stand in metadata, though it means something elsewhere."""
        path, facts = join("metadata", key), scalers()[cls.scaler].named
        aliases = {field.alias for field in cls.model_fields.values()}
        fields = aliases - _BESIDE_METADATA
        # Secrets, and what KEDA reads from a TriggerAuthentication only.
        elsewhere = {name for name, each in facts.items() if name not in aliases and not each.deprecated}
        if key in elsewhere:
            secret = is_secret_key(key) or key in _CREDENTIALS
            only = "is read from a TriggerAuthentication only. KEDA would ignore it here."
            return Fault(path, MISSING, PLAIN_TEXT if secret else only, INTO_A_SECRET)
        if key in facts and facts[key].deprecated:
            why = f"is not taken any more. {cls.consequence}"
            return Fault(path, MISSING, why, f"KEDA's error: {facts[key].deprecated}")
        bare = key.removesuffix("FromEnv")
        if key not in fields and bare != key and not cls.open_keys and bare in fields | elsewhere:
            place = "metadata" if bare in fields else "a TriggerAuthentication"
            why = f"is read by no one: KEDA takes {bare} from {place} only."
            return Fault(path, MISSING, why, f"Write {bare}." if bare in fields else INTO_A_SECRET)
        if key in _BESIDE_METADATA | {"type"} and key not in fields:
            why = "is not a parameter. KEDA would ignore it there."
            return Fault(path, MISSING, why, "Write it next to metadata.")
        return None


def _placed(faults: Iterator[Fault], prefix: str) -> Iterator[Fault]:
    """Faults of parameters belong below `metadata`, if that is how the trigger was written."""
    for fault in faults:
        outside = not prefix or fault.path.split(".")[0] in _BESIDE_METADATA
        yield fault if outside else fault.under(prefix)
