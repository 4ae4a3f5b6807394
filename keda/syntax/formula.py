"""scalingModifiers.formula: the expr language (v1.17.7), read as KEDA 2.19.0 compiles it.

`problem` is certain of what it reports: a value whose type is not certain fits anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise

from keda.core.errors import counted

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<int>0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?![\d_]*(?:\.(?!\.)|[eE][+-]?\d)))"
    r"|(?P<number>\d[\d_]*(?:\.(?!\.)[\d_]*)?(?:[eE][+-]?\d[\d_]*)?|\.\d[\d_]*(?:[eE][+-]?\d[\d_]*)?)"
    r"|(?P<name>[^\W\d][\w$]*|\$[\w$]*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?:`[^`]*`)+)"
    r"|(?P<op>\*\*|==|!=|<=|>=|&&|\|\||\?\?|\?\.|\.\.|::|[-+*/%^<>!?:()\[\],.#{};|=])",
    re.DOTALL,
)
_COMPARISONS = frozenset({"<", ">", "<=", ">="})
_OF_TEXTS = frozenset({"contains", "matches", "startsWith", "endsWith"})
# parser/operator/operator.go: the operators, and how strongly each binds.
_BINDS = {
    **{"|": 0, "||": 10, "or": 10, "&&": 15, "and": 15, "==": 20, "!=": 20, "in": 20, "..": 25, "+": 30},
    **{"-": 30, "*": 60, "/": 60, "%": 60, "**": 100, "^": 100, "??": 500},
    **dict.fromkeys(_COMPARISONS | _OF_TEXTS, 20),
}
_NOT, _SIGN = 50, 90
_CONSTANTS = {"true": "bool", "false": "bool", "nil": "nil"}
_WORDS = {"let", "if", "else", "not", *_CONSTANTS, *(word for word in _BINDS if word.isalpha())}
_NUMBERS = frozenset({"int", "number"})
_NO_NUMBERS = frozenset({"bool", "list", "nil"})
_MOST_DEPTH = 60
# builtin/builtin.go.
_OF_ONE_NUMBER = {"abs": "", "ceil": "number", "floor": "number", "round": "number"}
_OF_NUMBERS = {"max", "min", "mean", "median"}
_OF_LISTS = {
    **{"all": "bool", "none": "bool", "any": "bool", "one": "bool", "count": "int", "sum": ""},
    **{"filter": "list", "map": "list", "sort": "list", "sortBy": "list", "first": "", "last": ""},
    **{"find": "", "findLast": "", "findIndex": "int", "findLastIndex": "int", "reduce": ""},
}
_OTHERS = frozenset(
    re.findall(
        r"\w+",
        """
        groupBy len type int float string trim trimPrefix trimSuffix upper lower split splitAfter replace
        repeat join indexOf lastIndexOf hasPrefix hasSuffix toJSON fromJSON toBase64 fromBase64 now duration
        date timezone get take keys values toPairs fromPairs reverse uniq concat flatten bitnot bitand bitor
        bitxor bitnand bitshl bitshr bitushr
        """,
    )
)
_FUNCTIONS = _OTHERS | {*_OF_ONE_NUMBER, *_OF_NUMBERS, *_OF_LISTS}


class _Unsure(Exception):
    """The formula uses what this reader does not cover."""


class _Wrong(Exception):
    """KEDA's compiler would refuse the formula."""


class _Reader:
    """Gives each expression its type: int, number, bool, text, list, nil, or "" where it is not known."""

    def __init__(self, tokens: list[tuple[str, str]], triggers: Collection[str], wrapped: bool) -> None:
        self._tokens, self._triggers, self._wrapped = tokens, triggers, wrapped
        self._place = self._depth = self._lists = 0
        self._of_let: dict[str, str] = {}

    def peek(self, ahead: int = 0) -> str:
        place = self._place + ahead
        return self._tokens[place][1] if place < len(self._tokens) else ""

    def take(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise _Wrong("it ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def expect(self, symbol: str) -> None:
        if self.peek() != symbol:
            raise _Wrong(
                f"{symbol} is missing" if not self.peek() else f"{self.peek()} stands where {symbol} belongs"
            )
        self._place += 1

    def sequence(self) -> str:
        """`a; b`: the last one counts."""
        kind = self.expression()
        while self.peek() == ";":
            self.take()
            if self.peek():  # the last may end with one
                kind = self.expression()
        return kind

    def expression(self, least: int = 0) -> str:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise _Unsure
        kind = self._expression(least)
        self._depth -= 1
        return kind

    def _expression(self, least: int) -> str:
        if least == 0 and self.peek() == "let":
            return self._let()
        if least == 0 and self.peek() == "if":
            return self._if()
        left, before = self._unary(), ""
        while True:
            denied = self.peek() == "not" and (self.peek(1) == "in" or self.peek(1) in _OF_TEXTS)
            symbol = self.peek(denied)
            if _BINDS.get(symbol, -1) < least or symbol not in _BINDS:
                break
            self._place += 1 + denied
            mixed, before = before == "??" != symbol, symbol
            if symbol == "|":
                left = self._piped(left)
                continue
            if mixed:
                raise _Wrong(f"?? and {symbol} are mixed without parentheses")
            right = self.expression(_BINDS[symbol] + (symbol not in ("**", "^")))
            left = self._of_two(left, symbol, right)
            while symbol in _COMPARISONS and self.peek() in _COMPARISONS:  # a < b < c
                symbol, middle = self.take()[1], right
                right = self.expression(_BINDS[symbol] + 1)
                self._of_two(middle, symbol, right)
        return self._choice(left) if least == 0 and self.peek() == "?" else left

    def _let(self) -> str:
        self.take()
        kind, name = self.take()
        if kind != "name" or name in _WORDS | _FUNCTIONS | set(self._triggers):
            raise _Unsure
        self.expect("=")
        self._of_let[name] = self.expression()
        self.expect(";")
        return self.sequence()

    def _if(self) -> str:
        self.take()
        self._condition(self.expression())
        found = []
        for word in ("", "else"):
            if word:
                self.expect(word)
            if word and self.peek() == "if":
                found.append(self.expression())
                continue
            self.expect("{")
            found.append(self.sequence())
            self.expect("}")
        return _either(*found)

    def _choice(self, condition: str) -> str:
        self.take()
        self._condition(condition)
        one = "" if self.peek() == ":" else self.expression()
        self.expect(":")
        return _either(one, self.expression())

    def _condition(self, kind: str) -> None:
        if kind not in ("", "bool"):
            raise _Wrong(f"{_A[kind]} stands where a condition belongs, such as a > 0")

    def _unary(self) -> str:
        symbol = self.peek()
        if symbol in ("not", "!"):
            self.take()
            kind = self.expression(_NOT)
            if kind not in ("", "bool"):
                raise _Wrong(f"{symbol} stands before {_A[kind]}")
            return self._after("bool")
        if symbol in ("-", "+"):
            self.take()
            kind = self.expression(_SIGN)
            if kind and kind not in _NUMBERS:
                raise _Wrong(f"{symbol} stands before {_A[kind]}")
            return self._after(kind)
        return self._after(self._operand())

    def _operand(self) -> str:
        kind, word = self.take()
        if kind == "name" and word in _CONSTANTS:
            return _CONSTANTS[word]
        if kind == "name" and self.peek() == "(":
            return self._call(word)
        if kind == "name":
            if word in ("let", "if", "else", *_OF_TEXTS) or word in _BINDS:
                raise _Wrong(f"{word} stands where a value belongs")
            return self._of_let.get(word, "number" if word in self._triggers else "")
        if word == "(":
            found = self.sequence()
            self.expect(")")
            return found
        if word == "[":
            self._place -= 1
            self._arguments("]")
            return "list"
        if word in ("{", "::"):  # a map; a builtin function, though a trigger has its name
            raise _Unsure
        if word in ("#", ".") and self._lists:  # an element, and what it has
            if word == "." or self.peek() in ("acc", "index"):
                self.take()
            return ""
        if kind == "op":
            if self._wrapped and self._place == len(self._tokens):  # the ) of float(
                raise _Wrong("it ends too early")
            raise _Wrong(f"{word} stands where a value belongs")
        return kind

    def _after(self, kind: str) -> str:
        """What is written after a value: a field or an element of it."""
        while self.peek() in (".", "?.", "["):
            if kind in ("int", "number", "bool"):
                raise _Wrong(f"{_A[kind]} has no fields")
            symbol = self.take()[1]
            if symbol == "[":
                if self.peek() != ":":
                    self.expression()
                if self.peek() == ":":
                    self.take()
                    if self.peek() != "]":
                        self.expression()
                self.expect("]")
            elif self.peek() == "[":
                continue
            else:
                self.take()
                if self.peek() == "(":
                    self._arguments(")")
            kind = ""
        return kind

    def _arguments(self, end: str, predicate: int = -1) -> list[str]:
        """Their types. The one at index `predicate` may be in braces, which are a map's elsewhere."""
        self.take()
        found: list[str] = []
        while self.peek() != end:
            if len(found) == predicate and self.peek() == "{":
                self.take()
                found.append(self.sequence())
                self.expect("}")
            else:
                found.append(self.expression())
            if self.peek() != ",":
                break
            self.take()
        self.expect(end)
        return found

    def _piped(self, left: str) -> str:
        kind, word = self.take()
        if kind != "name":
            raise _Wrong(f"{word} stands where a function belongs")
        if self.peek() != "(":
            raise _Wrong(f"( is missing after {word}")
        return self._after(self._call(word, left))

    def _call(self, name: str, *first: str) -> str:
        of_keda = self._wrapped and self._place == 1
        over_list = name in _OF_LISTS or name == "groupBy"
        self._lists += over_list
        given = [*first, *self._arguments(")", 1 - len(first) if over_list else -1)]
        self._lists -= over_list
        if of_keda and (len(given) != 1 or given[0] in _NO_NUMBERS):
            gives = _A[given[0]] if len(given) == 1 else counted(len(given), "value")
            raise _Wrong(f"it gives {gives}, and KEDA needs a number")
        if name in _OF_ONE_NUMBER or name in ("int", "float", "len"):
            if len(given) != 1:
                raise _Wrong(f"{name} takes one value, and {len(given)} are given")
            return self._of_one(name, given[0])
        if name in _OF_NUMBERS and not given:
            raise _Wrong(f"{name} takes values, and none is given")
        if name in _OF_NUMBERS and any(kind in ("bool", "text") for kind in given):
            raise _Wrong(f"{name} takes numbers")
        if name in _OF_LISTS and given and given[0] not in ("", "list", "text"):
            raise _Wrong(f"{name} takes a list, such as [a, b]")
        if name in _OF_NUMBERS:
            return given[0] if len(set(given)) == 1 and given[0] in _NUMBERS else ""
        return _OF_LISTS.get(name, "")

    def _of_one(self, name: str, given: str) -> str:
        wrong = {"len": ("int", "number", "bool", "nil")}.get(name, _NO_NUMBERS)
        if given in wrong or name in _OF_ONE_NUMBER and given == "text":
            raise _Wrong(f"{name} does not take {_A[given]}")
        if name in ("int", "len"):
            return "int"
        return "number" if name == "float" else _OF_ONE_NUMBER[name] or given

    def _of_two(self, left: str, symbol: str, right: str) -> str:
        """The type of `left symbol right` (checker.go, BinaryNode)."""
        known, both = left and right, {left, right}
        numbers = both <= _NUMBERS
        if symbol in ("&&", "||", "and", "or"):
            fits, kind = both <= {"bool", ""}, "bool"
        elif symbol in ("==", "!="):
            fits, kind = not known or left == right or numbers or "nil" in both, "bool"
        elif symbol in _COMPARISONS:
            fits, kind = not known or numbers or both == {"text"}, "bool"
            fits = fits and not both & {"bool", "list", "nil"}
        elif symbol in _OF_TEXTS:
            fits, kind = both <= {"text", ""}, "bool"
        elif symbol in ("%", ".."):
            fits, kind = both <= {"int", ""}, "int" if symbol == "%" else "list"
        elif symbol == "+" and both & {"text"}:
            fits, kind = both <= {"text", ""}, "text" if both == {"text"} else ""
        elif symbol in ("in", "??"):
            return "bool" if symbol == "in" else ""
        else:
            fits = not both & {"bool", "text", "list", "nil"}
            whole = both == {"int"} and symbol in ("+", "-", "*")
            kind = "int" if whole else "number" if numbers else ""
        if not fits:
            kinds = " and ".join(dict.fromkeys(_A[each] for each in (left, right) if each))
            raise _Wrong(f"{symbol} does not take {kinds}")
        return kind


_A = {
    **{"int": "a whole number", "number": "a number with decimals", "bool": "a condition"},
    **{"text": "a string", "list": "a list", "nil": "nil"},
}


def _either(one: str, other: str) -> str:
    return one if one == other else ""


def _tokens(formula: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(formula):
        match = _TOKEN.match(formula, place)
        if match is None:
            is_quote = formula[place] in "\"'`"
            raise _Wrong(f"{formula[place]} is not {'closed' if is_quote else 'part of a formula'}")
        if match.lastgroup != "space":
            yield match.lastgroup or "", match[0]
        place = match.end()


def problem(formula: str, triggers: Collection[str]) -> tuple[str, set[str]]:
    """(why the formula does not compile or "", the unknown names in it) among the `triggers` it may name.

    KEDA writes float(…) around it (scaledobject_webhook.go, castToFloatIfNecessary).
    """
    wrapped = formula if formula.startswith("float(") else f"float({formula})"
    try:
        tokens = list(_tokens(wrapped))
        reader = _Reader(tokens, triggers, wrapped != formula)
        try:
            kind = reader.sequence()
            if reader.peek():
                raise _Wrong(f"{reader.peek()} stands where an operator belongs")
            if kind not in ("", *_NUMBERS):
                raise _Wrong(f"it gives {_A[kind]}, and KEDA needs a number")
        except _Unsure:
            pass
    except _Wrong as wrong:
        return str(wrong), set()
    return "", set(_unknown(tokens, triggers))


def _unknown(tokens: list[tuple[str, str]], triggers: Collection[str]) -> Iterator[str]:
    """The names that are no trigger's, function's or variable's."""
    around = [("", ""), *tokens, ("", "")]
    own = {word for (_, before), (_, word) in pairwise(around) if before == "let"} | _WORDS | {"$env"}
    for (_, before), (kind, word), (_, after) in zip(around, around[1:], around[2:], strict=False):
        key = after == ":" and before in ("{", ",")  # of a map
        if kind != "name" or before in (".", "?.", "#") or word in own or key:
            continue
        if word not in (_FUNCTIONS if after == "(" else triggers):
            yield word


def variables(formula: str) -> set[str]:
    """Every name in the formula that is no function's."""
    names = re.findall(r"[A-Za-z_$][\w$]*(?!\s*\(|[\w$])", formula)
    return set(names) - _WORDS
