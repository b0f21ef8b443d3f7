"""Rules for the Markdown pages, each as a function that lists every breach it finds.

A rule takes a page and returns a list; an empty list means that the page keeps the rule.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

MAX_LINE = 120
"""Characters of a line outside tables and fenced code."""
MAX_CELL = 160
"""Characters of a table cell."""

PRIVATE_WORDS = {
    r"whoever|whomever|nobody": "the actor: caller, customer, staff user, provider",
    r"surely": "consistent",
    r"anew": "again",
    r"(?:call|calls|called|calling) off": "cancel",
    r"(?:give|gives|gave|given|giving) back": "release, refund, return or reverse",
    r"shelf|shelves": "the component's own name",
    r"doorframes?": "adapter",
    r"doors?": "handler",
    r"never-arrows?": "import contract",
    r"refusals?": "error",
    r"workshop": "local development environment",
    r"the house": "the application",
    r"law of (?:prices|orders|stock|the catalogue)": "business rules",
}
"""Words that have a standard term, as patterns, and that term."""

PRIVATE_WORD_EXEMPTIONS = {
    "docs/adr/standard-vocabulary.md": "it quotes the retired words as the context of the decision",
}
"""End of a page's path → why the page may contain private words."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)>?", re.MULTILINE)
_HEADING = re.compile(r" {0,3}#{1,6}\s+(.+?)(?:\s+#+)?\s*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_PRIVATE = {
    re.compile(rf"(?<![\w-])(?:{words})(?![\w-])".replace(" ", r"\s+"), re.IGNORECASE): term
    for words, term in PRIVATE_WORDS.items()
}


@dataclass(frozen=True)
class Page:
    """A Markdown file. ``path`` is where it is stored: relative links start there."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        return cls(path, path.read_text("utf-8"))

    @cached_property
    def unfenced(self) -> str:
        """The text with the lines of fenced code emptied, so that line numbers stay."""
        lines: list[str] = []
        fence = ""
        for line in self.text.split("\n"):
            found = _FENCE.fullmatch(line)
            if fence:
                closing = found and found[1].startswith(fence) and not found[2].strip()
                fence = "" if closing else fence
                lines.append("")
            elif found and not (found[1][0] == "`" and "`" in found[2]):
                fence = found[1]
                lines.append("")
            else:
                lines.append(line)
        return "\n".join(lines)

    @cached_property
    def prose(self) -> str:
        """The text without code and comments. Their characters become blanks."""
        return _CODE_SPAN.sub(_blank, _COMMENT.sub(_blank, self.unfenced))

    @cached_property
    def anchors(self) -> frozenset[str]:
        """The anchors that GitHub gives to the headings."""
        slugs: list[str] = []
        seen: Counter[str] = Counter()
        for line in self.unfenced.split("\n"):
            if found := _HEADING.fullmatch(line):
                title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found[1]).lower()
                slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
                slugs.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
                seen[slug] += 1
        return frozenset(slugs)

    def line_at(self, offset: int) -> int:
        """The line of a position in ``prose``."""
        return self.prose.count("\n", 0, offset) + 1


def long_lines(page: Page) -> list[str]:
    """Lines over the limit, outside tables and fenced code."""
    return [
        f"line {number}: {len(line)} characters; wrap at {MAX_LINE} or less"
        for number, line in enumerate(page.unfenced.split("\n"), 1)
        if len(line) > MAX_LINE and not _is_row(line)
    ]


def large_cells(page: Page) -> list[str]:
    """Table cells over the limit."""
    return [
        f"line {number}: a table cell of {len(cell)} characters; at most {MAX_CELL}, use a list"
        for number, line in enumerate(page.unfenced.split("\n"), 1)
        if _is_row(line)
        for cell in _cells(line)
        if len(cell) > MAX_CELL
    ]


def broken_links(page: Page) -> list[str]:
    """Relative links to files or headings that do not exist."""
    breaches = []
    for offset, target in _links(page):
        problem = _problem_of_link(page, target)
        if problem:
            breaches.append(f"line {page.line_at(offset)}: {target}: {problem}")
    return breaches


def private_words(page: Page) -> list[str]:
    """Words of a private vocabulary in prose; each has a standard term."""
    if page.path.as_posix().endswith(tuple(f"/{name}" for name in PRIVATE_WORD_EXEMPTIONS)):
        return []
    text = _INLINE_LINK.sub(_blank, _REFERENCE.sub(_blank, page.prose))
    found = [
        (match.start(), " ".join(match[0].split()), term)
        for pattern, term in _PRIVATE.items()
        for match in pattern.finditer(text)
    ]
    return [
        f"line {page.line_at(offset)}: {word!r}; use: {term}"
        for offset, word, term in sorted(found)
    ]


RULES: dict[str, Callable[[Page], list[str]]] = {
    "long lines": long_lines,
    "large cells": large_cells,
    "broken links": broken_links,
    "private words": private_words,
}


def pages_of(root: Path) -> list[Path]:
    """The pages that the rules apply to."""
    names = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
    top = [root / name for name in names if (root / name).exists()]
    return [*top, *sorted((root / "docs").rglob("*.md"))]


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _links(page: Page) -> Iterator[tuple[int, str]]:
    for pattern in (_INLINE_LINK, _REFERENCE):
        for match in pattern.finditer(page.prose):
            yield match.start(1), match[1]


def _problem_of_link(page: Page, target: str) -> str:
    if _SCHEME.match(target) or target.startswith("//"):
        return ""
    path, _, anchor = unquote(target).partition("#")
    if path.startswith("/"):
        return "the link is absolute; make it relative to the page"
    file = page.path.parent / path if path else page.path
    if path and not file.exists():
        return "this file does not exist"
    if anchor and file.suffix == ".md":
        other = page if file == page.path else Page.read(file)
        if anchor not in other.anchors:
            return "the page has no such heading"
    return ""
