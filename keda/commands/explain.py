"""`python -m keda explain NAME`: a rule, or a scaler and its parameters."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

from keda.checks.findings import IGNORE, rules
from keda.commands.errors import NotThere
from keda.core.errors import did_you_mean


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    what = "a trigger's type, or a rule; default: the list of both"
    parser.add_argument("name", nargs="?", metavar="NAME", help=what)


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    print(explain(chosen.name) if chosen.name else names())
    return 0


def names() -> str:
    """Everything that can be explained: the scalers, and the rules with what they find."""
    from keda.scalers.facts import scalers

    width = max(map(len, rules()))
    of_rules = [
        f"  {name:{width}}  {rule.severity:7}  {rule.summary}" for name, rule in sorted(rules().items())
    ]
    of_scalers = textwrap.fill(
        "  ".join(sorted(scalers())),
        96,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    return "\n".join(["SCALERS", "", of_scalers, "", "RULES", "", *of_rules])


def explain(name: str) -> str:
    """A rule or a scaler as text. Raises NotThere if `name` is neither."""
    if name in rules():
        return explain_rule(name)
    from keda import triggers
    from keda.scalers.facts import scalers

    if name not in scalers():
        raise unknown(
            name,
            "neither a scaler of KEDA 2.19 nor a rule (`keda explain` lists both)",
            [*scalers(), *rules()],
        )
    return triggers.explain(name)


def explain_rule(name: str) -> str:
    """A rule on the terminal. Raises NotThere if `name` is not a rule."""
    if name not in rules():
        raise unknown(name, "not a rule", rules())
    rule = rules()[name]
    lines = [
        f"{name} ({rule.severity}): {rule.summary}",
        "",
        rule.why,
        "",
        "Passes:",
        *_indented(rule.passes),
    ]
    if rule.ignorable:
        lines += ["", "Ignore it on one object, with a reason:", f'    {IGNORE}{name}: "…"']
    return "\n".join(lines)


def unknown(name: str, what: str, known: Iterable[str]) -> NotThere:
    """The error for a name that is none of `known`, with the nearest of them."""
    names = list(known)
    guess = did_you_mean(name, names)
    return NotThere(
        f"{name}: is {what}. " + (f"Did you mean {guess}?" if guess else f"There are: {', '.join(names)}.")
    )


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]
