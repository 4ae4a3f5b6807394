"""What `keda check` is asked for: on the command line, in keda.toml, or in [tool.keda] of pyproject.toml."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from keda.checks.findings import Finding
from keda.checks.registry import Severity, rules
from keda.checks.text import Look
from keda.commands.errors import NotThere
from keda.core.defaults import KEDA_VERSION
from keda.core.errors import did_you_mean
from keda.manifests.objects import Item
from keda.manifests.reading import dig

FILE = "keda.toml"
KEYS = ("paths", "exclude", "select", "ignore", "severity", "fail-on", "baseline", "scalers", "kinds", "keda")
LEVELS = ("error", "warning", "off")


class Options(NamedTuple):
    """`exclude`: shell patterns of absolute paths. `severity`: of a rule, in place of its own."""

    paths: tuple[str, ...]
    form: str = "text"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: Mapping[str, str] | None = None
    fail_on: Literal["error", "warning"] = "error"
    quiet: bool = False
    statistics: bool = False
    baseline: str = ""
    write_baseline: bool = False
    render: bool = False
    values: tuple[str, ...] = ()
    partial: bool = False
    look: Look = Look()
    scalers: tuple[str, ...] = ()
    """Triggers' types that a vendor adds."""
    kinds: tuple[str, ...] = ()
    """Kinds that a vendor adds to KEDA's groups."""

    def are_added(self, item: Item, finding: Finding) -> bool:
        """Whether a finding is on what a vendor adds to KEDA."""
        value = dig(item.manifest, *finding.at[len(item.prefix) :])
        return (finding.code == "unknown-scaler" and value in self.scalers) or (
            finding.code == "unknown-kind" and value in self.kinds
        )

    def as_wanted(self, finding: Finding) -> Finding | None:
        """The finding with the severity that is wanted; None if it is not wanted at all."""
        code = finding.code
        wanted = (self.severity or {}).get(code, finding.severity)
        if wanted == "off" or (self.select and not _fits(code, self.select)) or _fits(code, self.ignore):
            return None
        return finding if wanted == finding.severity else finding._replace(severity=cast(Severity, wanted))


def _fits(code: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(code, pattern) for pattern in patterns)


def rule_patterns(written: Sequence[str], what: str) -> tuple[str, ...]:
    """Names of rules, or shell patterns of some, also separated by commas. Raises NotThere."""
    found = [name.strip() for each in written for name in each.split(",") if name.strip()]
    for name in found:
        if not any(fnmatchcase(rule, name) for rule in rules()):
            guess = did_you_mean(name, rules())
            raise NotThere(f"{what}: {name} is not a rule.{f' Did you mean {guess}?' if guess else ''}")
    return tuple(found)


def patterns(written: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Patterns of paths from a folder on; one without a slash is a name at any depth."""
    found: list[str] = []
    for each in written:
        bare = each.removeprefix("./").rstrip("/")
        found.append(f"{folder.absolute().as_posix()}/{bare}")
        if "/" not in bare:
            found.append(f"{folder.absolute().as_posix()}/*/{bare}")
    return tuple(found)


class Config(NamedTuple):
    """The file's settings; its paths are relative to the working directory."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] | None = None
    fail_on: Literal["error", "warning"] = "error"
    baseline: str = ""
    scalers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


def config(start: Path) -> Config:
    """The nearest configuration at or above a folder. Raises NotThere for one that is wrong."""
    for file in config_files(start):
        if (table := _table(file)) is not None:
            return _parsed(table, file)
    return Config()


def config_files(start: Path) -> Iterator[Path]:
    """Where a configuration may be, the nearest first."""
    for folder in (start.absolute(), *start.absolute().parents):
        yield from (folder / FILE, folder / "pyproject.toml")


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        written = file.read_text("utf-8")
        if file.name != FILE and "keda" not in written:
            return None
        import tomllib  # Slow to load, and many folders have no such file.

        found = tomllib.loads(written)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        if file.name != FILE:
            return None  # others' business
        raise NotThere(f"{file}: cannot be read: {error}.") from None
    if file.name == FILE:
        return found
    tool = found.get("tool")
    inner = tool.get("keda") if isinstance(tool, dict) else None
    return inner if isinstance(inner, dict) else None


def _parsed(table: Mapping[str, Any], file: Path) -> Config:
    for key in table:
        if key not in KEYS:
            guess = did_you_mean(key, KEYS)
            hint = f"Did you mean {guess}?" if guess else f"It takes {', '.join(KEYS)}."
            raise NotThere(f"{file}: {key} is not a setting. {hint}")
    fail_on = table.get("fail-on", "error")
    if fail_on not in ("error", "warning"):
        raise NotThere(f"{file}: fail-on is {fail_on!r}. Write error or warning.")
    baseline = table.get("baseline", "")
    if not isinstance(baseline, str):
        raise NotThere(f"{file}: baseline is not a string. Write the path of a file.")
    version = table.get("keda", KEDA_VERSION)
    if version not in (KEDA_VERSION, KEDA_VERSION.rpartition(".")[0]):
        raise NotThere(
            f"{file}: keda is {version!r}, and this release checks for KEDA {KEDA_VERSION}. "
            "Install the release for that version."
        )
    return Config(
        tuple(os.path.relpath(file.parent / path) for path in _texts(table, "paths", file)),
        patterns(_texts(table, "exclude", file), file.parent),
        rule_patterns(_texts(table, "select", file), f"{file}: select"),
        rule_patterns(_texts(table, "ignore", file), f"{file}: ignore"),
        dict(_severities(table, file)),
        fail_on,
        os.path.relpath(file.parent / baseline) if baseline else "",
        tuple(_texts(table, "scalers", file)),
        tuple(_texts(table, "kinds", file)),
    )


def relative(path: str) -> str:
    """A path below the working directory without that; any other as it is written."""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else path


def _texts(table: Mapping[str, Any], key: str, file: Path) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise NotThere(f'{file}: {key} is not a list of texts. Write {key} = ["…"].')
    return found


def _severities(table: Mapping[str, Any], file: Path) -> Iterator[tuple[str, str]]:
    given = table.get("severity", {})
    if not isinstance(given, dict):
        raise NotThere(f'{file}: severity is not a table. Write severity = {{<rule> = "warning"}}.')
    for name, level in given.items():
        rule_patterns([name], f"{file}: severity")
        if level not in LEVELS:
            raise NotThere(f"{file}: severity of {name} is {level!r}. Write one of {', '.join(LEVELS)}.")
        yield name, level
