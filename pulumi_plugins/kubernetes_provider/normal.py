"""Inputs as the API server would write them: two spellings of one object compare as equal.

The released provider reads built-in kinds into Kubernetes' Go types and back (provider/pkg/clients/
unstructured.go, `Normalize`), in Check and in Diff: quantities become canonical, empty fields leave. This
does the same by the names of the fields, for there are no such types here. Custom resources stay as they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from typing import Any

from pulumi_plugins.kubernetes_provider.codec import has_unknown
from pulumi_plugins.kubernetes_provider.objects import Object, is_crd

# Groups of kinds that Kubernetes itself has; "" is the core group.
BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "policy"})
# Maps of quantities, and single ones.
QUANTITIES = frozenset(
    ("requests", "limits", "capacity", "allocatable", "hard", "used", "overhead", "podFixed")
    + ("default", "defaultRequest", "max", "min", "maxLimitRequestRatio")
)
QUANTITY = frozenset({"sizeLimit", "divisor", "averageValue"})
# Go fields without a pointer and with `omitempty`: their zero value is not written.
FALSE_IS_ABSENT = frozenset(
    ("hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "paused")
    + ("publishNotReadyAddresses",)
)
# Pointers, where an empty text differs from none.
TEXT_MAY_BE_EMPTY = frozenset({"storageClassName", "ingressClassName", "volumeMode"})
# Maps with names of the user's: their values are text, empty or not.
OWN_KEYS = frozenset({"annotations", "labels", "nodeSelector", "matchLabels", "data", "binaryData"})

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?")
_BINARY = {f"{letter}i": 1024 ** (power + 1) for power, letter in enumerate("KMGTPE")}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def normalized(obj: Object) -> Object:
    """The object in its normal form; as it is while a value is unknown, and if it is a custom resource."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    if has_unknown(obj):
        return obj
    if is_crd(obj):
        return _definition(obj)
    if (obj.get("apiVersion"), obj.get("kind")) == ("v1", "Secret"):
        return _secret(obj)
    if group in BUILT_IN or group.endswith(".k8s.io"):
        return {key: _field(key, value) for key, value in obj.items() if value is not None}
    return obj


def quantity(value: Any) -> Any:
    """A quantity in canonical form, e.g. `0.5` as `500m` and `1024Mi` as `1Gi`; anything else as it is.

    The format is Kubernetes' (apimachinery/pkg/api/resource): the largest suffix of the same family without a
    fraction; decimal fractions down to nano.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    found = _QUANTITY.fullmatch(str(value).strip())
    if found is None:
        return value
    number, binary, suffix, exponent = Decimal(found[1]), found[2], found[3], found[4]
    if binary:
        number *= _BINARY[binary]
        if number == number.to_integral_value() and abs(number) >= 1024:
            return _binary(int(number))
        return _decimal(number)
    if exponent is not None:
        return str(value).strip()
    return _decimal(number.scaleb(_DECIMAL[suffix or ""]))


def _binary(number: int) -> str:
    for suffix, factor in reversed(_BINARY.items()):
        if number % factor == 0:
            return f"{number // factor}{suffix}"
    return str(number)


def _decimal(number: Decimal) -> str:
    if number == 0:
        return "0"
    for suffix, power in sorted(_DECIMAL.items(), key=lambda each: -each[1]):
        scaled = number.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(number.scaleb(9).to_integral_value(rounding='ROUND_UP'))}n"


def _field(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        if name in QUANTITIES:
            return {key: quantity(item) for key, item in value.items()}
        if name in OWN_KEYS:
            return {key: item for key, item in value.items() if item is not None}
        made = {key: _field(key, item) for key, item in value.items()}
        return {key: item for key, item in made.items() if not _absent(key, item)}
    if isinstance(value, list):
        return [_field("", item) for item in value]
    return quantity(value) if name in QUANTITY else value


def _absent(name: str, value: Any) -> bool:
    if value is None or value == []:
        return True
    if value == "":
        return name not in TEXT_MAY_BE_EMPTY
    if value is False:
        return name in FALSE_IS_ABSENT
    return value == {} and name in OWN_KEYS


def _definition(obj: Object) -> Object:
    # The API server drops preserveUnknownFields: false, and keeps its own status.
    spec = obj.get("spec")
    made = {key: value for key, value in obj.items() if key != "status"}
    if isinstance(spec, dict) and spec.get("preserveUnknownFields") is False:
        made["spec"] = {key: value for key, value in spec.items() if key != "preserveUnknownFields"}
    return made


def _secret(obj: Object) -> Object:
    """`stringData` becomes `data`, which is what the API server keeps."""
    texts, data = obj.get("stringData"), obj.get("data") or {}
    if not isinstance(data, dict) or not (texts is None or isinstance(texts, dict)):
        return obj
    made = {key: value for key, value in obj.items() if key not in {"data", "stringData"}}
    encoded = {key: _reencoded(value) for key, value in data.items()}
    for key, value in (texts or {}).items():
        encoded[key] = base64.b64encode(str(value).encode()).decode()
    return {**made, "data": encoded} if "data" in obj or texts else made


def _reencoded(value: Any) -> Any:
    try:
        return base64.b64encode(base64.b64decode(value, validate=False)).decode()
    except (binascii.Error, TypeError, ValueError):
        return value  # the API server reports what is wrong with it
