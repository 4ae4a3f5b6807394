"""The pages: links, commands, shown output, settings and plain words."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import Settings, decode
from keda.commands import main as command
from keda.commands.why import DUMP
from tests.live.equality import DIFFERENCES
from tests.support import ROOT

TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
OF_THE_LAB = {
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("lab", "learn", "dashboards", "proven", "benchmarks", "overhead", "architecture")
    ),
}
"""Pages whose make commands mean the lab."""
README = PAGES[0]
OWN = "up|preview|status|down|init|takeover|leave-adapter|handover"
"""What make does on a cluster of one's own, with CLUSTER."""


def prose(page: Path) -> str:
    """The text without its code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """(file or folder, heading or "") of every link within the repository."""
    for link in re.findall(r"\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\"", prose(page)):
        target, _, heading = "".join(link).partition("#")
        if not re.match(r"https?:", target):
            yield ((page.parent / target).resolve() if target else page), heading


def headings(page: Path) -> set[str]:
    """As the forges spell them in an address."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in found}


def test_every_link_leads_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {target.name}#{heading}"
        for page in PAGES
        for target, heading in links(page)
        if not target.exists() or (heading and heading not in headings(target))
    ]
    assert not dead


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set[Path](), [README]
    while todo:
        page = todo.pop()
        reached.add(page)
        targets = {target for target, _ in links(page) if target.suffix == ".md" and target.exists()}
        todo += targets - reached
    assert not {str(page.relative_to(ROOT)) for page in set(PAGES) - reached}


def shell(page: Path) -> Iterator[str]:
    """The command lines of a page: in code blocks, and in backticks."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:console|sh|bash|yaml)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from (line.lstrip("$ ").strip() for line in block.splitlines())
    yield from (each.replace("\n", " ") for each in re.findall(r"`([^`]+)`", prose(page)))


def test_every_make_command_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {name for line in re.findall(r"(?m)^([a-z -]+):", makefile) for name in line.split()}
    named = {
        (str(page.relative_to(ROOT)), target)
        for page in PAGES
        for line in shell(page)
        for target in re.findall(r"(?:^|&& )make ([a-z]+(?:-[a-z]+)*)", line)
    }
    assert named
    assert not {each for each in named if each[1] not in targets}


def test_every_module_that_a_page_runs_exists() -> None:
    named = {
        name for page in PAGES for line in shell(page) for name in re.findall(r"python3? -m ([a-z_.]+)", line)
    }
    for name in named - {"venv", "pytest"}:
        place = ROOT.joinpath(*name.split("."))
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), name


@pytest.mark.parametrize("page", sorted(set(PAGES) - OF_THE_LAB), ids=lambda page: page.stem)
def test_a_command_for_ones_own_cluster_names_it(page: Path) -> None:
    """Without CLUSTER it would start a lab on the reader's machine."""
    bare = [line for line in shell(page) if re.search(rf"(?:^|&& )make ({OWN})\b(?!.*CLUSTER)", line)]
    allowed = {"make up", "make preview", "make down", "make init"} if page.parent == ROOT / "docs" else set()
    in_blocks = re.findall(
        r"^```(?:console|sh|bash)?\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    shown = {line.lstrip("$ ").split("#")[0].strip() for block in in_blocks for line in block.splitlines()}
    assert not [line for line in bare if line not in allowed or line in shown]


def sessions(page: Path, pattern: str) -> list[tuple[str, str]]:
    """(Arguments, output) of each command on a page: the one group of the pattern, and the lines below."""
    shown = re.findall(rf"{pattern}\n(.*?)(?=^\$|^```)", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert shown
    return shown


def assert_shown(printed: str, output: str) -> None:
    """A line of the page that ends in … shows its beginning."""
    for line, wanted in zip(printed.splitlines(), output.splitlines(), strict=True):
        assert line.startswith(wanted.removesuffix("…")) if wanted.endswith("…") else line == wanted


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "check.md"], ids=lambda page: page.stem)
def test_the_output_of_keda_check_is_what_it_prints(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    for path, output in sessions(page, r"keda check (examples/\S+)"):
        assert command.main(["check", path]) == 1
        assert_shown(capsys.readouterr().out, output)


@pytest.mark.parametrize("page", [ROOT / "docs" / "migrate.md"], ids=lambda page: page.stem)
def test_the_output_of_keda_adopt_is_what_it_prints(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notes come first; with `> FILE` they are all there is."""
    monkeypatch.chdir(ROOT)
    for line, output in sessions(page, r"^\$ keda (adopt [^\n]*)"):
        words, _, into = line.partition(" > ")
        assert command.main(words.split()) == 0
        printed = capsys.readouterr()
        assert_shown(printed.err + ("" if into else printed.out), output)


def test_the_page_has_the_dump_that_keda_why_names() -> None:
    assert f"\n$ {DUMP} | keda why -\n" in (ROOT / "docs" / "why.md").read_text("utf-8")


def test_the_readme_shows_the_example_program() -> None:
    program = (ROOT / "examples" / "typed" / "__main__.py").read_text("utf-8").partition('"""\n\n')[2]
    assert f"```python\n{program}```" in README.read_text("utf-8")


def stack_snippets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Workloads as pages show them below `keda-homelab:workloads:`."""
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)):
            if block.lstrip().startswith("keda-homelab:workloads:"):
                yield f"{page.stem}-{number}", yaml.safe_load(block)


@pytest.mark.parametrize(
    ("name", "config"), list(stack_snippets()), ids=[name for name, _ in stack_snippets()]
)
def test_a_workload_on_a_page_is_a_valid_setting(name: str, config: dict[str, Any]) -> None:
    config["keda-homelab:monitoring"] = {"prometheus": "http://prometheus:9090"}
    config["keda-homelab:keda"] = {"secrets": "watched"}
    Settings.parse(decode({key: json.dumps(value) for key, value in config.items()}, "keda-homelab"))


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    pack = yaml.safe_load((ROOT / "policies" / "PulumiPolicy.yaml").read_text("utf-8"))["version"]
    assert project == pack
    assert f"v{project}+keda{command.KEDA_VERSION}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


FORBIDDEN = {
    r"\bfor ever\b": "permanently, forever",
    r"\banew\b": "again",
    r"\bwhoever\b": "anyone who",
    r"\bper cent\b": "%, percent",
    r"\bwithout a word\b": "silently",
    r"\bheld against\b": "compared with, checked against",
    r"\b(is|are) no (text|number|YAML|JSON|PromQL|quantity|boolean)\b": "is not a …",
    r"\b[Bb]eside(s)? (that|it|them)\b": "in addition",
    r", say[.,:;)\]]": "e.g.",
    r"\bSo it looks\b": "Example output",
    r"(?<!\.)\b(says?|said|tells?|told|speaks?|spoken?|knows?|knew)\b": "states, reports, has",
    r"\bwants\b": "requires, needs",
    r"\b(webhook|operator|server|KEDA|guard|engine|API|HPA) (asks?|looks? at)\b": "queries, reads",
    r"\b(stands? still|goes on asking)\b": "is not scaled, stays as it is",
    r"\b(any|empty) text\b": "anything, an empty string",
    r"\btwo looks\b|\bautoscalers look\b": "two polls, the HPA controller computes",
    r"\ball it wrote\b": "what is removed, and what stays",
    r"\b[Bb]eside (what|all)\b": "compared with, in addition to",
    r"\b[Ss]omebody else's\b": "another, of others",
    r"\.\./shared\b": "no path outside the repository",
    r"/[w]ork/\b": "no path of one machine",
}
"""What is not written in pages, messages and code, and what is written instead."""
READ = [
    *PAGES,
    ROOT / "Pulumi.homelab.yaml",
    ROOT / "Pulumi.yaml",
    ROOT / "Makefile",
    *(
        file
        for room in ("keda", "components", "policies", "cli", "lab")
        for pattern in ("*.py", "shared.json", "*.toml")
        for file in sorted((ROOT / room).rglob(pattern))
    ),
    *sorted((ROOT / "tests" / "corpus").rglob("*.yaml")),
]


@pytest.mark.parametrize("phrase", FORBIDDEN)
def test_plain_words(phrase: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for file in READ
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if re.search(phrase, line)
    ]
    assert not found, f"write instead: {FORBIDDEN[phrase]}"


def test_what_flux_and_pulumi_may_make_otherwise_is_what_the_live_test_allows() -> None:
    text = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8")
    table = text.partition("## What differs from `pulumi up`")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert rows[1:] == [f"| {each.what} | {each.reason} |" for each in DIFFERENCES]
