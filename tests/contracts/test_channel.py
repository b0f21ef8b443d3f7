"""Only prices depend on the sales channel, which every client chooses for itself."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (*ROOT.glob("layers/shared/python/shop/**/*.py"), *ROOT.glob("functions/**/*.py"))

PLACES = {
    "entrypoints/http.py": "reads the header, and rejects unknown channels",
    "pricing/model/targeting.py": "the condition of a promotion",
    "pricing/model/price_lists.py": "the scope of a price list",
    "cart/store.py": "stores no default",
}
"""Modules that compare a channel, and why. docs/adr/sales-channels.md decides on new ones."""


def decisions(sources: Iterable[Path]) -> dict[str, list[int]]:
    """Return the lines that compare a channel, or branch on one, by the file's path."""
    found: dict[str, list[int]] = {}
    for source in sources:
        lines = sorted(set(_lines(ast.parse(source.read_text("utf-8")))))
        if lines:
            found[source.as_posix().rpartition("/shop/")[2]] = lines
    return found


def _lines(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                parts = [left, *others]
            case ast.Match(subject=subject):
                parts = [subject]
            case ast.Subscript(slice=key):
                parts = [key]
            case _:
                continue
        if any(_is_channel(part) for part in parts):
            yield node.lineno


def _is_channel(node: ast.expr) -> bool:
    """Return whether an expression is a channel: ``basket.channel``, or a variable of that name."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name == "channel"


def test_only_prices_depend_on_the_channel() -> None:
    assert set(decisions(SOURCES)) == set(PLACES)


def test_new_decision_is_detected(tmp_path: Path) -> None:
    module = tmp_path / "limits.py"
    for statement in (
        'allowed = 5 if request.channel == "app" else 1',
        "limit = LIMITS[cart.channel]",
        "match channel:\n    case 'app': pass",
        'free = basket.channel in ("app",)',
    ):
        module.write_text(statement)
        assert list(decisions([module]).values()) == [[1]]
    module.write_text("Basket(channel=request.channel)")
    assert decisions([module]) == {}
