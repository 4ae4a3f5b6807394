"""The numbers of Kubernetes' own HPA unit tests, read out of their Go source.

    cd tests/keda/scaling && python extract_cases.py …/pkg/controller/podautoscaler > hpa_cases.json

Only numbers and the tests' names are taken. The reader knows the part of Go that these tables are written
in: literals, arithmetic, and the few functions that build them. Times are milliseconds from the test's now.
"""

from __future__ import annotations

import copy
import json
import math
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

TOKEN = re.compile(
    r'\s+|//[^\n]*|("(?:[^"\\]|\\.)*")|(\d+\.\d*|\.\d+|\d+)|([A-Za-z_]\w*)|(:=|&&|\|\||==|!=|<=|>=|\[\]|[-+*/&{}()\[\],.:=<>!;|%])'
)
ZERO_TIME = -(10**13)
"""A Go time that was never set: long before every other."""
NAMES: dict[str, Any] = {
    "numContainersPerPod": 2,
    "defaultTestingTolerance": 0.1,
    "math.MaxInt32": 2**31 - 1,
    "math.MaxInt64": 2**63 - 1,
    "time.Second": 1000,
    "time.Minute": 60_000,
    "time.Hour": 3_600_000,
    "true": True,
    "false": False,
    "nil": None,
    "startPods": 10,
}


def milli(text: str) -> int:
    value = Decimal(text.removesuffix("m"))
    return int(value if text.endswith("m") else value * 1000)


def rules(pods: int, pods_period: int, percent: int, percent_period: int, window: int) -> dict[str, Any]:
    """generateScalingRules of horizontal_test.go."""
    policies = [["Pods", pods, pods_period]] if pods else []
    policies += [["Percent", percent, percent_period]] if percent else []
    return {"window": window, "select": "Max", "policies": policies}


def events(changes: list[int], period: int) -> list[list[int]]:
    """generateEventsUniformDistribution of horizontal_test.go; whole seconds, as there."""
    segment = period / len(changes)
    return [
        [change, -1000 * int(period - segment * (index + 1) + segment / 2)]
        for index, change in enumerate(changes)
    ]


CALLS: dict[str, Any] = {
    "resource.MustParse": milli,
    "resource.NewMilliQuantity": lambda value, _: value,
    "resource.NewQuantity": lambda value, _: value * 1000,
    "ptr.To": lambda value: value,
    "time.Now": lambda: 0,
    "now.Add": lambda later: later,
    "time.Unix": lambda seconds, _: ZERO_TIME + seconds,
    "time.Duration": lambda value: value,
    "hotCPUCreationTime": lambda: 0,
    "coolCPUCreationTime": lambda: -180_000,
    "makePodMetricLevels": lambda *levels: [[level, level] for level in levels],
    "generateScalingRules": rules,
    "generateEventsUniformDistribution": events,
    "calculateScaleUpLimit": lambda current: max(8 * current, 4),
    "fmt.Errorf": lambda text, *_: text,
    "fmt.Sprint": str,
    "math.Abs": abs,
    "math.Ceil": math.ceil,
    "float64": float,
    "statusOkWithOverrides": lambda *conditions: list(conditions),
    "sets.New": lambda *names: sorted(names),
    **dict.fromkeys(("int32", "int64", "uint64", "int"), int),
}


class Reader:
    """One Go function's body: expressions, and the statements at its first level."""

    def __init__(self, source: str) -> None:
        self.tokens: list[str] = []
        place = 0
        while place < len(source):
            match = TOKEN.match(source, place)
            if match is None:
                raise SyntaxError(source[place : place + 40])
            if match.lastgroup is None and match.lastindex:
                self.tokens.append(match[match.lastindex])
            place = match.end()
        self.place = 0
        self.names = dict(NAMES)

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.place + ahead] if self.place + ahead < len(self.tokens) else ""

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]

    def skip_balanced(self) -> None:
        depth = 0
        while True:
            token = self.take()
            depth += (token in "{([") - (token in "})]") if len(token) == 1 else 0
            if depth == 0:
                return

    def run(self) -> list[Any]:
        """What the function's `x.runTest(t)` calls run, and its tables by name."""
        cases: list[Any] = []
        while self.place < len(self.tokens):
            start, token = self.place, self.peek()
            if re.match(r"[A-Za-z_]", token):
                path = [self.take()]
                while self.peek() == "." and re.match(r"[A-Za-z_]", self.peek(1)):
                    self.take()
                    path.append(self.take())
                if path[-1] == "runTest":
                    cases.append(copy.deepcopy(self.names[path[0]]))
                elif self.peek() in (":=", "="):
                    self.take()
                    self.assign(path)
                else:
                    self.place = start + 1
            elif token == "{":
                self.skip_balanced()
            else:
                self.take()
        return cases

    def assign(self, path: list[str]) -> None:
        start = self.place
        try:
            value = self.expression()
        except (SyntaxError, KeyError, TypeError, IndexError, AttributeError):
            self.place = start
            return
        holder: Any = self.names
        for name in path[:-1]:
            holder = holder.get(name, {})
        holder[path[-1]] = value

    def expression(self) -> Any:
        value = self.term()
        while self.peek() in ("+", "-"):
            symbol, right = self.take(), self.term()
            value = value + right if symbol == "+" else value - right
        return value

    def term(self) -> Any:
        value = self.unary()
        while self.peek() in ("*", "/"):
            symbol, right = self.take(), self.unary()
            if symbol == "*":
                value = value * right
            else:
                value = value // right if isinstance(value, int) and isinstance(right, int) else value / right
        return value

    def unary(self) -> Any:
        if self.peek() == "-":
            self.take()
            return -self.unary()
        if self.peek() in ("&", "*"):
            self.take()
            return self.unary()
        return self.primary()

    def primary(self) -> Any:
        token = self.take()
        if token.startswith('"'):
            return json.loads(token)
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            return float(token) if "." in token else int(token)
        if token == "(":
            value = self.expression()
            self.take()
            return value
        if token == "{":
            return self.composite()
        if token in ("[]", "map", "["):
            return self.typed_composite()
        if not re.match(r"[A-Za-z_]", token) or token == "func":
            raise SyntaxError(token)
        return self.named(token)

    def typed_composite(self) -> Any:
        while self.peek() != "{":
            if self.peek() == "struct":
                self.take()
                self.skip_balanced()
                break
            self.take()
        self.take()
        return self.composite()

    def named(self, name: str) -> Any:
        while self.peek() == "." and re.match(r"[A-Za-z_]", self.peek(1)):
            self.take()
            name += "." + self.take()
        if self.peek() == "[" and self.peek(1) == "string":
            self.skip_balanced()
        if self.peek() == "{":
            self.take()
            return self.composite()
        if self.peek() != "(":
            return self.names.get(name, name)
        self.take()
        arguments = self.items(")")
        value = CALLS[name](*arguments)
        while self.peek() == "." and self.peek(1) == "Add":
            self.take(), self.take(), self.take()
            value = value + self.items(")")[0]
        return value

    def composite(self) -> Any:
        keyed, listed = {}, []
        while self.peek() != "}":
            value = self.expression()
            if self.peek() == ":":
                self.take()
                keyed[value] = self.expression()
            else:
                listed.append(value)
            if self.peek() == ",":
                self.take()
        self.take()
        return keyed or listed

    def items(self, end: str) -> list[Any]:
        found = []
        while self.peek() != end:
            found.append(self.expression())
            if self.peek() == ",":
                self.take()
        self.take()
        return found


def when(value: Any) -> int:
    """A metav1.Time literal, or a number; unset is long ago."""
    value = value.get("Time", ZERO_TIME) if isinstance(value, dict) else value
    return ZERO_TIME if isinstance(value, dict) or value in (None, "") else value


def last(name: Any) -> Any:
    return name.rpartition(".")[2] if isinstance(name, str) else name


def conditions(names: list[str] | None) -> list[bool | None] | None:
    return None if names is None else [last(name) == "ConditionTrue" for name in names]


def phases(names: list[str] | None) -> list[str] | None:
    return None if names is None else [last(name).removeprefix("Pod") for name in names]


def calculator_case(raw: dict[str, Any]) -> dict[str, Any]:
    """A replicaCalcTestCase."""
    raw = raw.get("replicaCalcTestCase", raw)
    case = {
        "current": raw["currentReplicas"],
        "expected": raw.get("expectedReplicas", 0),
        "error": raw.get("expectedError"),
        "tolerances": raw.get("tolerances"),
        "container": raw.get("container"),
        "ready": conditions(raw.get("podReadiness")),
        "started": None if raw.get("podStartTime") is None else [when(each) for each in raw["podStartTime"]],
        "phase": phases(raw.get("podPhase")),
        "deleting": raw.get("podDeletionTimestamp"),
    }
    if resource := raw.get("resource"):
        case["resource"] = {
            "cpu": last(resource["name"]) == "ResourceCPU",
            "requests": resource.get("requests") or [],
            "levels": resource.get("levels") or [],
            "names": resource.get("podNames"),
            "target": resource["targetUtilization"],
            "utilization": resource.get("expectedUtilization", 0),
            "value": resource.get("expectedValue", 0),
        }
    if metric := raw.get("metric"):
        case["metric"] = {
            "type": metric.get("metricType", "objectMetric"),
            "levels": metric.get("levels") or [],
            "target": metric.get("targetUsage") or metric.get("perPodTargetUsage"),
            "usage": metric.get("expectedUsage", 0),
        }
    return {key: value for key, value in case.items() if value is not None}


def metric_target(spec: dict[str, Any]) -> dict[str, Any]:
    """A MetricSpec: its source, and its target's type and number."""
    kind = last(spec["Type"]).removesuffix("MetricSourceType")
    source = next(
        (spec[key] for key in ("Object", "Pods", "Resource", "External", "ContainerResource") if key in spec),
        {},
    )
    target = source.get("Target", {})
    for key in ("AverageUtilization", "AverageValue", "Value"):
        if target.get(key) is not None:
            return {"source": kind, "type": key, "target": target[key], "container": source.get("Container")}
    return {"source": kind, "type": "", "target": None, "container": None}


def condition(raw: Any) -> list[str]:
    return [last(raw["Type"]), last(raw["Status"]).removeprefix("Condition"), raw["Reason"]]


def sync_case(raw: dict[str, Any]) -> dict[str, Any]:
    """A testCase of horizontal_test.go: one sync of one HPA."""
    case = {
        "minimum": raw.get("minReplicas", 0),
        "maximum": raw["maxReplicas"],
        "current": raw.get("specReplicas", 0),
        "status": raw.get("statusReplicas", 0),
        "expected": raw.get("expectedDesiredReplicas", 0),
        "cpu_target": raw.get("CPUTarget") or None,
        "cpu_current": raw.get("CPUCurrent") if raw.get("verifyCPUCurrent") else None,
        "levels": raw.get("reportedLevels") or [],
        "requests": raw.get("reportedCPURequests"),
        "ready": conditions(raw.get("reportedPodReadiness")),
        "started": None
        if raw.get("reportedPodStartTime") is None
        else [when(each) for each in raw["reportedPodStartTime"]],
        "phase": phases(raw.get("reportedPodPhase")),
        "deleting": raw.get("reportedPodDeletionTimestamp"),
        "metrics": [metric_target(each) for each in raw.get("metricsTarget") or []],
        "recommendations": raw.get("recommendations"),
        "conditions": [condition(each) for each in raw.get("expectedConditions") or [] if "Reason" in each],
        "up": scaling_rules(raw.get("scaleUpRules")),
        "down": scaling_rules(raw.get("scaleDownRules")),
    }
    empty = {
        key
        for key, value in case.items()
        if value is None or (value == [] and key not in ("recommendations", "requests"))
    }
    return {key: value for key, value in case.items() if key not in empty}


def scaling_rules(raw: Any) -> Any:
    if raw is None or "policies" in raw:
        return raw
    return {"tolerance": raw["Tolerance"] / 1000} if "Tolerance" in raw else None


def group_case(raw: dict[str, Any]) -> dict[str, Any]:
    """A row of TestGroupPods."""
    pods = []
    for pod in raw["pods"]:
        status = pod["Status"]
        ready = next(
            (each for each in status.get("Conditions", []) if last(each["Type"]) == "PodReady"), None
        )
        pods.append(
            {
                "name": pod["ObjectMeta"]["Name"],
                "phase": last(status["Phase"]).removeprefix("Pod") if "Phase" in status else "",
                "deleting": "DeletionTimestamp" in pod["ObjectMeta"],
                "started": when(status["StartTime"]) if "StartTime" in status else None,
                "ready": None if ready is None else last(ready["Status"]) == "ConditionTrue",
                "ready_since": when(ready.get("LastTransitionTime", {})) if ready else ZERO_TIME,
            }
        )
    metrics = {
        name: [each.get("Value", 0), each.get("Timestamp", ZERO_TIME), each.get("Window", 0)]
        for name, each in dict(raw["metrics"]).items()
    }
    return {
        "pods": pods,
        "metrics": metrics,
        "cpu": last(raw["resource"]) == "ResourceCPU",
        "ready": raw["expectReadyPodCount"],
        "unready": raw["expectUnreadyPods"],
        "missing": raw["expectMissingPods"],
        "ignored": raw["expectIgnoredPods"],
    }


def configurable_tolerance(raw: dict[str, Any]) -> dict[str, Any]:
    """A row of TestConfigurableTolerance: its loop makes a testCase of it with these numbers."""
    case = sync_case(
        raw
        | {"minReplicas": 1, "maxReplicas": 5, "CPUTarget": 100}
        | {"specReplicas": raw["replicas"], "statusReplicas": raw["replicas"]}
    )
    return case | {"gate": raw["configurableToleranceGate"]}


def plain(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in ("name", "key", "annotation")}


TABLES = {
    "TestReplicaCalcConfigurableTolerance": ("testCases", "calculator", calculator_case),
    "TestGroupPods": ("tests", "groups", group_case),
    "TestConfigurableTolerance": ("testCases", "sync", configurable_tolerance),
    "TestConvertDesiredReplicasWithRules": ("conversionTestCases", "rules", plain),
    "TestNormalizeDesiredReplicas": ("tests", "stabilize", plain),
    "TestScalingWithRules": ("tests", "behavior", plain),
    "TestStoreScaleEvents": ("tests", "events", plain),
    "TestNormalizeDesiredReplicasWithBehavior": ("tests", "stabilize-behavior", plain),
}


def cases(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    found, without = [], []
    for name, kind, shape in (
        ("replica_calculator_test.go", "calculator", calculator_case),
        ("horizontal_test.go", "sync", sync_case),
    ):
        text = (folder / name).read_text()
        for function in re.finditer(r"^func (Test\w+)\(t \*testing\.T\) \{(.*?)^\}", text, re.M | re.S):
            reader = Reader(function[2])
            rows = [(kind, shape(raw), "") for raw in reader.run()]
            if function[1] in TABLES:
                variable, table_kind, table_shape = TABLES[function[1]]
                for index, raw in enumerate(reader.names[variable]):
                    label = (raw.get("name") or raw.get("annotation")) if isinstance(raw, dict) else raw[0]
                    row = table_shape(raw) if isinstance(raw, dict) else {"row": raw[2:]}
                    rows.append((table_kind, row, f"/{label or index}"))
            if not rows:
                without.append(f"{name} {function[1]}")
            for index, (row_kind, row, label) in enumerate(rows):
                suffix = label or (f"#{index + 1}" if len(rows) > 1 else "")
                found.append({"source": f"{name} {function[1]}{suffix}", "kind": row_kind} | row)
    return found, without


if __name__ == "__main__":
    rows, rest = cases(Path(sys.argv[1]))
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    print(f"[\n{lines}\n]")
    print(*rest, sep="\n", file=sys.stderr)
