"""The Markdown pages keep their rules, and each rule finds a planted breach."""

from pathlib import Path

import pytest

from tests.contracts.markdown_rules import (
    MAX_CELL,
    MAX_LINE,
    PRIVATE_WORD_EXEMPTIONS,
    RULES,
    Page,
    broken_links,
    large_cells,
    long_lines,
    pages_of,
    private_words,
)

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages_of(ROOT)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_page_keeps_the_rule(path: Path, rule: str) -> None:
    breaches = RULES[rule](Page.read(path))

    assert not breaches, "\n".join(f"{path.relative_to(ROOT)}, {breach}" for breach in breaches)


def test_pages_are_the_top_level_files_and_every_folder_of_docs(tmp_path: Path) -> None:
    for name in ("README.md", "CHANGELOG.md", "other.md", "docs/a.md", "docs/b/c/d.md", "web/e.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# Title", "utf-8")

    found = [str(path.relative_to(tmp_path)) for path in pages_of(tmp_path)]

    assert found == ["README.md", "CHANGELOG.md", "docs/a.md", "docs/b/c/d.md"]
    assert {ROOT / "README.md", ROOT / "docs" / "rules" / "pricing.md"} <= set(PAGES)


@pytest.mark.parametrize("name", PRIVATE_WORD_EXEMPTIONS)
def test_exemption_from_the_private_words_is_needed(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")

    assert PRIVATE_WORD_EXEMPTIONS[name].strip()
    assert private_words(page(text))


# ---------------------------------------------------------------- planted breaches


def page(text: str, folder: Path = ROOT) -> Page:
    return Page(folder / "planted.md", text)


def test_long_lines_finds_a_line_over_the_limit_and_counts_from_one() -> None:
    assert long_lines(page("first\n" + "x" * (MAX_LINE + 1))) == [
        f"line 2: {MAX_LINE + 1} characters; wrap at {MAX_LINE} or less"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "x" * MAX_LINE,
        "| " + "x " * MAX_LINE + "|",
        "```yaml example\n" + "x" * 500 + "\n```",
        "~~~\n" + "x" * 500 + "\n```\n" + "x" * 500 + "\n~~~",
        "````\n```\n" + "x" * 500 + "\n````",
    ],
    ids=["at the limit", "table", "fence", "tilde fence with backticks inside", "longer fence"],
)
def test_long_lines_accepts_the_limit_tables_and_fenced_code(text: str) -> None:
    assert long_lines(page(text)) == []


def test_long_lines_sees_prose_after_a_closed_fence() -> None:
    assert len(long_lines(page("```\ncode\n```\n" + "x" * 200))) == 1


def test_large_cells_finds_a_cell_over_the_limit() -> None:
    assert large_cells(page(f"| a | b |\n|---|---|\n| x | {'y' * (MAX_CELL + 1)} |")) == [
        f"line 3: a table cell of {MAX_CELL + 1} characters; at most {MAX_CELL}, use a list"
    ]


def test_large_cells_accepts_the_limit_and_counts_an_escaped_bar_as_text() -> None:
    assert large_cells(page(f"| x | {'y' * MAX_CELL} |")) == []
    assert len(large_cells(page(f"| x | {'y' * 100}\\|{'y' * 100} |"))) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("see [the\npage](absent.md)", "line 2: absent.md: this file does not exist"),
        ("![picture](absent.png)", "line 1: absent.png: this file does not exist"),
        ("[x]: absent.md", "line 1: absent.md: this file does not exist"),
        ('[x](absent.md "title")', "line 1: absent.md: this file does not exist"),
        ("```\ncode\n```\n[x](absent.md)", "line 4: absent.md: this file does not exist"),
        ("# Here\n[x](#there)", "line 2: #there: the page has no such heading"),
        ("[x](README.md#absent)", "line 1: README.md#absent: the page has no such heading"),
        (
            "[x](/docs/ucp.md)",
            "line 1: /docs/ucp.md: the link is absolute; make it relative to the page",
        ),
    ],
)
def test_broken_links_finds_targets_that_do_not_exist(text: str, problem: str) -> None:
    assert broken_links(page(text)) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "[x](README.md)",
        "[x](docs)",
        "[x](../pricing.md)",
        "## 3. Price & `tax`\n[x](#3-price--tax)",
        "# Twice\n# Twice\n[x](#twice-1)",
        "[x](https://example.com/absent.md) [y](mailto:a@example.com)",
        "`[x](absent.md)`\n\n```\n[x](absent.md)\n```",
    ],
)
def test_broken_links_accepts_existing_targets_other_sites_and_code(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "pricing.md").write_text("# Pricing", "utf-8")
    (tmp_path / "docs").mkdir()
    folder = tmp_path / "docs" if ".." in text else ROOT
    assert broken_links(page(text, folder)) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Whoever asks is told.", "Whoever"),
        ("an order that was called\noff", "called off"),
        ("The order gives back its stock.", "gives back"),
        ("read it anew", "anew"),
        ("it is surely there", "surely"),
        ("a doorframe", "doorframe"),
        ("units of the shelf", "shelf"),
        ("the door reads", "door"),
        ("the **house** and the house.", "the house"),
        ("see the law of prices, 3.5", "law of prices"),
        ("[the law of orders](orders.md)", "law of orders"),
        ("> a refusal", "refusal"),
        ("| nobody | x |", "nobody"),
    ],
)
def test_private_words_finds_a_word_in_prose(text: str, word: str) -> None:
    (breach,) = private_words(page(text))
    assert f"{word!r}; use: " in breach


def test_private_words_counts_the_lines_of_fenced_code() -> None:
    (breach,) = private_words(page("```\nlong code\n```\nWhoever asks"))
    assert breach.startswith("line 4: ")


@pytest.mark.parametrize(
    "text",
    [
        "Doorbuster cancels the order and releases its stock.",
        "`give_back` and `shelf=` are names; `call off` is code",
        "```\nwhoever calls off\n```",
        "[the page](whoever/surely.md)",
        "<!-- whoever -->",
        "outdoors, indoor, shelf-life",
        "He gave it. Back to the start.",
    ],
)
def test_private_words_accepts_code_links_and_longer_words(text: str) -> None:
    assert private_words(page(text)) == []
