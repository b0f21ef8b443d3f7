"""What if: two quotes of one basket, and what the second changes."""

from typing import Any

from shop.kernel.frozen import frozen
from shop.pricing.model.quote import Quote
from shop.pricing.model.trace import TraceEntry


@frozen
class AmountChange:
    """An amount before and after, in minor units."""

    name: str
    before: int
    after: int


@frozen
class RuleChange:
    """A rule whose part changed: its amount, or the reason why it does not apply."""

    rule: str
    before: str
    after: str


@frozen
class QuoteDiff:
    """What would change: sums (by name), lines (by id) and rules (by id). Equal quotes: nothing."""

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
    """What ``after`` changes. Raises ``ValueError`` for quotes in two currencies."""
    if before.currency != after.currency:
        raise ValueError(f"{before.currency} and {after.currency} do not compare")
    sums = [
        AmountChange(name, getattr(before, name).minor, getattr(after, name).minor)
        for name in ("subtotal", "discount", "shipping", "tax", "total")
    ]
    was = {line.id: line.payable.minor for line in before.lines}
    now = {line.id: line.payable.minor for line in after.lines}
    lines = [
        AmountChange(line_id, was.get(line_id, 0), now.get(line_id, 0))
        for line_id in {**was, **now}
    ]
    payload, tells = _by_rule(before), _by_rule(after)
    rules = [
        RuleChange(rule, payload.get(rule, "not tried"), tells.get(rule, "not tried"))
        for rule in {**payload, **tells}
    ]
    return QuoteDiff(
        before.currency,
        tuple(change for change in sums if change.before != change.after),
        tuple(change for change in lines if change.before != change.after),
        tuple(change for change in rules if change.before != change.after),
    )


def _by_rule(quote: Quote) -> dict[str, str]:
    return {f"{entry.step.value}:{entry.rule}": _said(entry) for entry in quote.trace}


def _said(entry: TraceEntry) -> str:
    return f"applied {entry.amount}" if entry.applied else entry.reason or entry.detail
