"""The difference between two quotes of one basket (docs/rules/pricing.md §15.4)."""

from typing import Any

from shop.kernel.frozen import frozen
from shop.pricing.model.quote import Quote
from shop.pricing.model.trace import TraceEntry

NOT_TRIED = "not tried"


@frozen
class AmountChange:
    """An amount before and after, in minor units."""

    name: str
    before: int
    after: int


@frozen
class RuleChange:
    """A rule whose result changed: its amount, or the reason why it does not apply."""

    rule: str
    before: str
    after: str


@frozen
class QuoteDiff:
    """Changed sums (by name), lines (by id) and rules (by step and id); false without changes."""

    currency: str
    sums: tuple[AmountChange, ...]
    lines: tuple[AmountChange, ...]
    rules: tuple[RuleChange, ...]

    def __bool__(self) -> bool:
        return bool(self.sums or self.lines or self.rules)

    def to_dict(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "sums": {c.name: [c.before, c.after] for c in self.sums},
            "lines": {c.name: [c.before, c.after] for c in self.lines},
            "rules": {c.rule: [c.before, c.after] for c in self.rules},
        }


def diff_quotes(before: Quote, after: Quote) -> QuoteDiff:
    """Compare two quotes. Raises ``ValueError`` if their currencies differ."""
    if before.currency != after.currency:
        raise ValueError(f"Quotes in {before.currency} and {after.currency} cannot be compared.")
    sums = [
        AmountChange(name, getattr(before, name).minor, getattr(after, name).minor)
        for name in ("subtotal", "discount", "shipping", "tax", "total")
    ]
    old_lines = {line.id: line.payable.minor for line in before.lines}
    new_lines = {line.id: line.payable.minor for line in after.lines}
    lines = [
        AmountChange(line_id, old_lines.get(line_id, 0), new_lines.get(line_id, 0))
        for line_id in {**old_lines, **new_lines}
    ]
    old_rules, new_rules = _results_by_rule(before), _results_by_rule(after)
    rules = [
        RuleChange(rule, old_rules.get(rule, NOT_TRIED), new_rules.get(rule, NOT_TRIED))
        for rule in {**old_rules, **new_rules}
    ]
    return QuoteDiff(
        before.currency,
        tuple(change for change in sums if change.before != change.after),
        tuple(change for change in lines if change.before != change.after),
        tuple(change for change in rules if change.before != change.after),
    )


def _results_by_rule(quote: Quote) -> dict[str, str]:
    return {f"{entry.step.value}:{entry.rule}": _result(entry) for entry in quote.trace}


def _result(entry: TraceEntry) -> str:
    return f"applied {entry.amount}" if entry.applied else entry.reason or entry.detail
