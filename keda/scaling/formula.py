"""The value of a scalingModifiers formula: the arithmetic part of expr v1.17, which KEDA 2.19.0 evaluates.

What is outside that part (predicates, text, variables) raises FormulaUnread: it cannot be simulated.
A formula that fails at run time raises FormulaFailed, and KEDA then has no composite metric.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping

from keda.scaling.numbers import divide

Value = float | bool | list["Value"] | None
Evaluator = Callable[[Mapping[str, float]], Value]

_TOKEN = re.compile(
    r"\s*(\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+|[A-Za-z_$][\w$]*"
    r"|\*\*|==|!=|<=|>=|&&|\|\||\?\?|[-+*/^<>!?:()\[\],])"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||", "or"),
    ("&&", "and"),
    ("==", "!=", "<", ">", "<=", ">="),
    ("+", "-"),
    ("*", "/"),
)


class FormulaUnread(ValueError):
    """The formula uses a part of the language that is not simulated."""


class FormulaFailed(ValueError):
    """The formula has no number as its value now."""


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """The formula's value, given each trigger's by name. Raises FormulaUnread, FormulaFailed."""
    result = compiled(formula)(values)
    if isinstance(result, bool) or not isinstance(result, (int, float)):
        raise FormulaFailed("not a number")
    return float(result)


@functools.lru_cache(maxsize=512)
def compiled(formula: str) -> Evaluator:
    """The formula as a function. Raises FormulaUnread."""
    tokens, place, text = [], 0, formula.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise FormulaUnread(f"{text[place:].strip()[:1]} is not simulated")
        tokens.append(match[1])
        place = match.end()
    reader = _Reader(tokens)
    result = reader.ternary()
    if reader.peek():
        raise FormulaUnread(f"{reader.peek()} is not simulated here")
    return result


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1] if self.place <= len(self.tokens) else ""

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise FormulaUnread(f"{token} is missing")

    def ternary(self) -> Evaluator:
        test = self.binary(0)
        if self.peek() != "?":
            return test
        self.take()
        then = self.ternary()
        self.expect(":")
        other = self.ternary()
        return lambda values: then(values) if _truth(test(values)) else other(values)

    def binary(self, level: int) -> Evaluator:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in _LEVELS[level]:
            left = _binary(self.take(), left, self.binary(level + 1))
        return left

    def unary(self) -> Evaluator:
        token = self.peek()
        if token in ("-", "+"):
            self.take()
            inner = self.unary()
            return (lambda values: -_number(inner(values))) if token == "-" else inner
        if token in ("!", "not"):
            self.take()
            negated = self.unary()
            return lambda values: not _truth(negated(values))
        return self.power()

    def power(self) -> Evaluator:
        base = self.coalesced()
        if self.peek() not in ("**", "^"):
            return base
        self.take()
        exponent = self.unary()
        return lambda values: _power(_number(base(values)), _number(exponent(values)))

    def coalesced(self) -> Evaluator:
        """`??` binds closest of all (expr's parser/operator/operator.go)."""
        left = self.primary()
        while self.peek() == "??":
            self.take()
            left = _coalesced(left, self.primary())
        return left

    def primary(self) -> Evaluator:
        token = self.take()
        if re.match(r"[\d.]", token):
            number = float(token.replace("_", ""))
            return lambda values: number
        if token == "(":
            inner = self.ternary()
            self.expect(")")
            return inner
        if token == "[":
            items = self.list_until("]")
            return lambda values: [item(values) for item in items]
        if re.match(r"[A-Za-z_$]", token):
            return self.named(token)
        raise FormulaUnread(f"{token or 'the end'} is not simulated here")

    def named(self, name: str) -> Evaluator:
        if self.peek() == "(":
            self.take()
            if name not in _FUNCTIONS:
                raise FormulaUnread(f"the function {name} is not simulated")
            function, arguments = _FUNCTIONS[name], self.list_until(")")
            return lambda values: function(_numbers([each(values) for each in arguments]))
        if name in ("true", "false"):
            return lambda values: name == "true"
        if name in ("nil", "null"):
            return lambda values: None
        if name in ("let", "if", "in", "contains", "matches"):
            raise FormulaUnread(f"{name} is not simulated")
        # A trigger without a value is nil to the expression (an environment is a map in KEDA).
        return lambda values: values.get(name)

    def list_until(self, end: str) -> list[Evaluator]:
        items: list[Evaluator] = []
        while self.peek() != end:
            items.append(self.ternary())
            if self.peek() == ",":
                self.take()
            elif self.peek() != end:
                raise FormulaUnread(f"{end} is missing")
        self.take()
        return items


def _binary(symbol: str, left: Evaluator, right: Evaluator) -> Evaluator:
    if symbol in ("&&", "and"):
        return lambda values: _truth(left(values)) and _truth(right(values))
    if symbol in ("||", "or"):
        return lambda values: _truth(left(values)) or _truth(right(values))
    if symbol == "==":
        return lambda values: left(values) == right(values)
    if symbol == "!=":
        return lambda values: left(values) != right(values)
    operation = _OPERATIONS[symbol]
    return lambda values: operation(_number(left(values)), _number(right(values)))


def _coalesced(left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda values: right(values) if left(values) is None else left(values)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


_OPERATIONS: Mapping[str, Callable[[float, float], Value]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": divide,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}
_FUNCTIONS: Mapping[str, Callable[[list[float]], float]] = {
    "abs": lambda numbers: abs(_one(numbers)),
    "ceil": lambda numbers: float(math.ceil(_one(numbers))),
    "floor": lambda numbers: float(math.floor(_one(numbers))),
    "round": lambda numbers: math.copysign(math.floor(abs(_one(numbers)) + 0.5), _one(numbers)),
    "int": lambda numbers: float(int(_one(numbers))),
    "float": lambda numbers: _one(numbers),
    "max": lambda numbers: max(_some(numbers)),
    "min": lambda numbers: min(_some(numbers)),
    "sum": lambda numbers: math.fsum(numbers),
    "mean": lambda numbers: math.fsum(_some(numbers)) / len(numbers),
    "median": lambda numbers: _median(sorted(_some(numbers))),
}


def _median(numbers: list[float]) -> float:
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def _one(numbers: list[float]) -> float:
    if len(numbers) != 1 or not math.isfinite(numbers[0]):
        raise FormulaFailed("one number is expected")
    return numbers[0]


def _some(numbers: list[float]) -> list[float]:
    if not numbers:
        raise FormulaFailed("a number is expected")
    return numbers


def _numbers(values: list[Value]) -> list[float]:
    """Arguments as numbers, lists of them laid flat: max(a, [b, c])."""
    flat: list[float] = []
    for value in values:
        flat.extend(_numbers(value) if isinstance(value, list) else [_number(value)])
    return flat


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FormulaFailed("a number is expected")
    return value


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise FormulaFailed("true or false is expected")
    return value
