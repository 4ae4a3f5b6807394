"""The pages: every link leads somewhere, and every page can be reached from README.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0]


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
