"""scalingModifiers.formula: the part of the expr language that formulas use, read as KEDA compiles them.

`problem` is certain of what it reports: what is outside the part it covers passes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<op>\*\*|==|!=|<=|>=|&&|\|\||\?\?|\?\.|\.\.|[-+*/%^<>!?:()\[\],.#{};|]))"
)
_BINARY = {
    *("+", "-", "*", "/", "%", "^", "**", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "??", "|", ".."),
    *("and", "or", "in", "not", "contains", "matches", "startsWith", "endsWith"),
}
_CONSTANTS = {"true", "false", "nil", "null"}
# Of expr v1.17.7, builtin/builtin.go: what KEDA 2.19.0 compiles formulas with.
_FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        """
        all none any one filter map find findIndex findLast findLastIndex count sum groupBy sortBy reduce
        len type abs ceil floor round int float string trim trimPrefix trimSuffix upper lower split
        splitAfter replace repeat join indexOf lastIndexOf hasPrefix hasSuffix max min mean median toJSON
        fromJSON toBase64 fromBase64 now duration date timezone first last get take keys values toPairs
        fromPairs reverse uniq concat flatten sort bitnot bitand bitor bitxor bitnand bitshl bitshr bitushr
        """,
    )
)


class _Unsure(Exception):
    """The formula uses what this reader does not cover."""


class _Wrong(Exception):
    """KEDA's compiler would refuse the formula."""


@dataclass
class _Reader:
    tokens: list[tuple[str, str]]
    names: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    place: int = 0
    depth: int = 0

    def peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def take(self) -> tuple[str, str]:
        if self.place >= len(self.tokens):
            raise _Wrong("it ends too early")
        self.place += 1
        return self.tokens[self.place - 1]

    def expect(self, symbol: str) -> None:
        if self.peek() != symbol:
            raise _Wrong(
                f"{symbol} is missing" if not self.peek() else f"{self.peek()} stands where {symbol} belongs"
            )
        self.place += 1

    def expression(self) -> None:
        self.depth += 1
        if self.depth > 60:
            raise _Unsure
        self.operand()
        while self.peek() in _BINARY:
            self.take()
            if self.peek() == "in":
                self.take()
            self.operand()
        if self.peek() == "?":
            self.take()
            self.expression()
            self.expect(":")
            self.expression()
        self.depth -= 1

    def operand(self) -> None:
        while self.peek() in ("-", "+", "!", "not"):
            self.take()
        kind, word = self.take()
        if kind == "name" and self.peek() == "(":
            self.calls.add(word)
            self.arguments(")")
        elif kind == "name":
            if word in ("let", "if"):
                raise _Unsure
            self.names |= {word} - _CONSTANTS
        elif word == "(":
            self.expression()
            self.expect(")")
        elif word == "[":
            self.place -= 1
            self.arguments("]")
        elif word in ("{", "#", "."):
            raise _Unsure
        elif kind == "op":
            raise _Wrong(f"{word} stands where a value belongs")
        if self.peek() in (".", "?.", "[", "{"):
            raise _Unsure

    def arguments(self, end: str) -> None:
        self.take()
        while self.peek() != end:
            if self.peek() == "{":
                raise _Unsure
            self.expression()
            if self.peek() != ",":
                break
            self.take()
        self.expect(end)


def problem(formula: str, triggers: Collection[str]) -> tuple[str, set[str]]:
    """(why the formula does not compile or "", the unknown names in it) among the `triggers` it may name."""
    tokens, place, text = [], 0, formula.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return f"{text[place:].strip()[:1]} is not part of a formula", set()
        tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
        place = match.end()
    reader = _Reader(tokens)
    try:
        reader.expression()
        if reader.peek() in (";", "|"):
            return "", set()
        if reader.peek():
            return f"{reader.peek()} stands where an operator belongs", set()
    except _Wrong as wrong:
        return str(wrong), set()
    except _Unsure:
        return "", set()
    return "", (reader.names - set(triggers)) | (reader.calls - _FUNCTIONS)


def variables(formula: str) -> set[str]:
    """Every name in the formula that is no function's."""
    names = re.findall(r"[A-Za-z_$][\w$]*(?!\s*\(|[\w$])", formula)
    return set(names) - _CONSTANTS - _BINARY
