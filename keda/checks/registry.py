"""The rules of `keda check`: declared once, with their text, above the function that applies them.

    @warning("default-max", SETTINGS, summary=…, why=…, passes=…).on("ScaledObject", "ScaledJob")
    def default_max(item: Item) -> Iterator[Problem]:
        if …:
            yield Problem(at, value, what, fix, why=…)

`on` hands over each object by itself, `among` all objects with it. Where several rules share one walk, the
rules are declared by name, and a function of `on_objects` or `among_objects` yields `RULE.found(…)`.

Importing a module registers its rules; `loaded` imports all modules of a package.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from keda.manifests.reading import At

if TYPE_CHECKING:
    from keda.manifests.objects import Item, Objects

Severity = Literal["error", "warning"]

IGNORE = "keda-homelab.dev/ignore-"
"""Annotation that silences a rule on its object: `<IGNORE><rule>: "<reason>"`."""

FIELDS = "Fields, types and names"
TRIGGERS = "Triggers"
REPLICAS = "Replicas, pause, fallback, formula, jobs"
REFERENCES = "References to other objects, and second owners"
SETTINGS = "Queries, metrics and settings that do not work as meant"
GROUPS = (FIELDS, TRIGGERS, REPLICAS, REFERENCES, SETTINGS)
"""The headings of docs/rules/README.md."""

ADMISSION, ADVICE, CROSS_OBJECT = "admission", "advice", "cross_object"
"""The packages of rules."""

KEDA = "an object of KEDA's groups"
OTHERS = "an object of any other group"
"""In place of a kind. A kind by its name is KEDA's."""
SCALING = ("ScaledObject", "ScaledJob")
AUTHENTICATIONS = ("TriggerAuthentication", "ClusterTriggerAuthentication")
EVENT_SOURCES = ("CloudEventSource", "ClusterCloudEventSource")


class Edit(NamedTuple):
    """What `--fix` writes at a problem's place: a value, or with `key` the last key of the place."""

    new: str | int | bool
    key: bool = False
    quotes: bool = False
    """The value stays; it becomes text."""
    under: tuple[str, ...] = ()
    """The keys above the key, which is moved below them; the first of them is not there yet."""


class Problem(NamedTuple):
    """One mistake in an object."""

    at: At
    value: object
    """MISSING: none is shown."""
    what: str
    """Continues the sentence that the value begins, up to a full stop; up to a colon, if `why` goes on."""
    fix: str = ""
    keda: str = ""
    """KEDA's or the API server's own wording, or ""; … stands for what is left out."""
    edit: Edit | None = None
    """The correction, where it is certain."""
    rule: Rule | None = None
    """None: the rule above the function."""
    places: str = ""
    """A sentence on where the objects are that do not go together, or ""."""
    why: str = ""
    """What happens at run time, or ""."""

    @property
    def message(self) -> str:
        """`what` and `why`, without the value."""
        return f"{self.what} {self.why}".rstrip()


Alone = Callable[["Item"], Iterator[Problem]]
"""Finds what is wrong with an object by itself."""
Among = Callable[["Item", "Objects"], Iterator[Problem]]
"""Finds what is wrong with an object among others."""
_Function = TypeVar("_Function", bound=Callable[..., Iterator[Problem]])


class Rule(NamedTuple):
    """`error`: KEDA or the API server refuses it, or it cannot work. `warning`: accepted, and then wrong."""

    name: str
    severity: Severity
    group: str
    summary: str
    why: str
    example: str
    ignorable: bool
    see: str
    """A page in docs that has more on it, or ""."""
    unless: str
    """The rule whose finding at the same place stands for this rule's too, or ""."""

    @property
    def passes(self) -> str:
        """The failing example (tests/corpus/check/invalid/<name>.yaml) put right, the changed part only."""
        import textwrap  # Only texts and pages need it.

        return textwrap.dedent(self.example).strip()

    def found(
        self,
        at: At,
        value: object,
        what: str,
        fix: str = "",
        keda: str = "",
        edit: Edit | None = None,
        *,
        why: str = "",
    ) -> Problem:
        """A problem of this rule, from a function of several."""
        return Problem(at, value, what, fix, keda, edit, self, why=why)

    def on(self, *kinds: str, having: Iterable[str] = ()) -> Callable[[Alone], Alone]:
        """Applies the rule to each object of these kinds, by itself.

        `having`: only to those with one of these: a type of trigger, a key of spec, annotations, labels.
        """
        return _registers(_ALONE, kinds, self, having)

    def among(self, *kinds: str, having: Iterable[str] = ()) -> Callable[[Among], Among]:
        """Applies the rule to each object of these kinds, with all objects given."""
        return _registers(_AMONG, kinds, self, having)


class Check(NamedTuple):
    """A function and the rule of its problems that name none."""

    function: Callable[..., Iterator[Problem]]
    rule: Rule | None
    package: str
    place: tuple[str, int]
    having: frozenset[str] = frozenset()
    """What the function is about (see `Rule.on`); empty: every object."""


_RULES: dict[str, Rule] = {}
_ALONE: dict[str, list[Check]] = {}
_AMONG: dict[str, list[Check]] = {}


def error(name: str, group: str, **text: Any) -> Rule:
    """Declares a rule that KEDA or the API server enforces; see `_declared` for the rest."""
    return _declared(name, "error", group, **text)


def warning(name: str, group: str, **text: Any) -> Rule:
    """Declares a rule on what is accepted and then does not work as meant; see `_declared` for the rest."""
    return _declared(name, "warning", group, **text)


def _declared(
    name: str,
    severity: Severity,
    group: str,
    *,
    summary: str,
    why: str,
    passes: str,
    ignorable: bool | None = None,
    see: str = "",
    unless: str = "",
) -> Rule:
    """A warning is ignorable, an error is not, if `ignorable` does not differ."""
    assert name not in _RULES and group in GROUPS, name
    ignorable = severity == "warning" if ignorable is None else ignorable
    rule = Rule(name, severity, group, summary, why, passes, ignorable, see, unless)
    _RULES[name] = rule
    return rule


def on_objects(*kinds: str, having: Iterable[str] = ()) -> Callable[[Alone], Alone]:
    """A function that finds problems of several rules in an object of these kinds."""
    return _registers(_ALONE, kinds, None, having)


def among_objects(*kinds: str, having: Iterable[str] = ()) -> Callable[[Among], Among]:
    """A function that finds problems of several rules in an object of these kinds, among others."""
    return _registers(_AMONG, kinds, None, having)


def _registers(
    table: dict[str, list[Check]], kinds: tuple[str, ...], rule: Rule | None, having: Iterable[str]
) -> Callable[[_Function], _Function]:
    def register(function: _Function) -> _Function:
        module = function.__module__
        place = (module, function.__code__.co_firstlineno)
        check = Check(function, rule, module.split(".")[2], place, frozenset(having))
        for kind in kinds:
            table.setdefault(kind, []).append(check)
        return function

    return register


@functools.cache
def loaded(*packages: str) -> None:
    """Imports every module of rules of these packages."""
    for package in packages:
        for file in sorted((Path(__file__).parent / package).glob("[a-z]*.py")):
            importlib.import_module(f"keda.checks.{package}.{file.stem}")


@functools.lru_cache(maxsize=4096)
def checks(of_keda: bool, kind: str, marks: frozenset[str], *packages: str) -> tuple[Check, ...]:
    """The functions for an object by itself, of these packages, in the order of their files.

    `marks`: what the object has of what functions are about (keda.checks.scaling.marks_of).
    """
    return _in_order(_ALONE, of_keda, kind, marks, packages)


@functools.lru_cache(maxsize=4096)
def checks_among(of_keda: bool, kind: str, marks: frozenset[str]) -> tuple[Check, ...]:
    """The functions for an object among others."""
    return _in_order(_AMONG, of_keda, kind, marks, (CROSS_OBJECT,))


def _in_order(
    table: Mapping[str, list[Check]],
    of_keda: bool,
    kind: str,
    marks: frozenset[str],
    packages: tuple[str, ...],
) -> tuple[Check, ...]:
    loaded(*packages)
    found = [
        check
        for word in ((KEDA, kind) if of_keda else (OTHERS,))
        for check in table.get(word, ())
        if check.package in packages and (not check.having or check.having & marks)
    ]
    return tuple(sorted(found, key=lambda check: check.place))


def rules() -> Mapping[str, Rule]:
    """Every rule by its name, by group."""
    loaded(ADMISSION, ADVICE, CROSS_OBJECT)
    in_order = sorted(_RULES.values(), key=lambda rule: (GROUPS.index(rule.group), rule.name))
    return {rule.name: rule for rule in in_order}


def rule_groups() -> Mapping[str, list[str]]:
    """The names of the rules under each heading."""
    return {group: [name for name, rule in rules().items() if rule.group == group] for group in GROUPS}
