"""The rows of the rule set: version, promotions, price lists and policy.

Every write of a rule increments the version row in the same transaction, on condition that it is
still the version that the writer read. Of two simultaneous changes, the second therefore fails and
is repeated on top of the first.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from shop.kernel.errors import Conflict, Problem
from shop.kernel.unit_of_work import WriteOperation
from shop.places.model.destination import Destination
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion, PromotionStatus
from shop.pricing.model.rule_set import Market
from shop.pricing.store.rows import RULE_SET, RULES, VERSION, PricingRow
from shop.serialization import from_json
from shop.storage.compression import compress_json
from shop.storage.prefetch import get
from shop.tax.model.rates import UntaxedDecision

PAST_RULES_HORIZON = timedelta(days=400)
"""How long ended promotions and price lists stay in the rule set, for replays (§11.4)."""
MAX_ITEM_BYTES = 380 * 1024
"""Compressed size of a document; a DynamoDB item holds 400 KB."""


def rule_set_version(*, consistent: bool = False) -> int:
    """Return the version in force; 0 if nothing was ever published."""
    row = get(PricingRow, (RULE_SET, VERSION), consistent=consistent)
    return 0 if row is None else int(row.version)


def read_rule_rows() -> dict[str, PricingRow]:
    """Return the rows of the rule set, by sort key."""
    # Consistent: the documents must not be older than the version that the caller has read.
    return {row.sk: row for row in PricingRow.query(RULE_SET, consistent_read=True)}


def list_published() -> tuple[Promotion, ...]:
    """Return the promotions of the rule set that have not ended, as last written."""
    return promotions_from(read_rule_rows().get(RULES))[0]


def promotion_from(raw: Any, problems: list[Problem]) -> Promotion | None:
    """Return a stored promotion. Old ones have percentages in basis points."""
    return from_json(Promotion, _in_ppm(raw), "$", problems)


def _in_ppm(raw: Any) -> Any:
    if isinstance(raw, list):
        return [_in_ppm(each) for each in raw]
    if not isinstance(raw, dict):
        return raw
    return {
        "off_ppm" if name == "basis_points" else name: (
            value * 100 if name == "basis_points" and value is not None else _in_ppm(value)
        )
        for name, value in raw.items()
    }


def promotions_from(
    row: PricingRow | None,
) -> tuple[tuple[Promotion, ...], tuple[Promotion, ...]]:
    """Return the current and the ended promotions of the row ``RULES``."""
    if row is None:
        return (), ()
    problems: list[Problem] = []
    current = [promotion_from(raw, problems) for raw in row.doc["promotions"]]
    ended = [promotion_from(raw, problems) for raw in row.doc.get("ended", ())]
    if problems:
        raise ValueError(f"The rule set cannot be read: {problems[0]}")
    return tuple(p for p in current if p is not None), tuple(p for p in ended if p is not None)


def price_list_from(row: PricingRow) -> PriceList:
    problems: list[Problem] = []
    price_list = from_json(PriceList, row.doc, "$", problems)
    if price_list is None:
        raise ValueError(f"Price list {row.sk} cannot be read: {problems[0]}")
    return price_list


def policy_from(row: PricingRow) -> PricingPolicy:
    return PricingPolicy.from_dict(row.doc, int(row.version))


def markets_from(row: PricingRow) -> tuple[Market, ...]:
    """Return the markets of a row. They were validated when they were written."""
    return tuple(
        Market(
            raw["id"],
            raw["tax"],
            None if raw["home"] is None else Destination(*raw["home"]),
            raw["zone"],
            tuple(raw["countries"]),
            raw["currency"],
            _decision_from(raw["untaxed"]),
        )
        for raw in row.doc["markets"]
    )


def _decision_from(raw: list[str] | None) -> UntaxedDecision | None:
    if raw is None:
        return None
    reason, actor, at = raw
    return UntaxedDecision(reason, actor, datetime.fromisoformat(at))


def publish_rules_op(promotions: Iterable[Promotion], before: int, at: datetime) -> WriteOperation:
    """Return the write that puts promotions in force.

    It fails if ``before`` is no longer the version. Raises Conflict (``too_many_promotions``).
    """
    current, ended = [], []
    for promotion in promotions:
        if promotion.status(at) is not PromotionStatus.ENDED:
            current.append(promotion.to_dict())
        elif at - _end_of(promotion, at) < PAST_RULES_HORIZON:
            ended.append(promotion.to_dict())
    doc: dict[str, Any] = {"promotions": current, **({"ended": ended} if ended else {})}
    if len(compress_json(doc)) > MAX_ITEM_BYTES:
        raise Conflict(
            "Too many promotions are published. End some of them.", code="too_many_promotions"
        )
    rules = PricingRow(RULE_SET, RULES, version=before + 1, doc=doc)
    bump_version = bump_version_op(before)

    def write(writes: Any) -> None:
        bump_version(writes)
        writes.save(rules)

    return write


def bump_version_op(before: int) -> WriteOperation:
    """Return the write that announces a change of the rules.

    It fails if ``before`` is no longer the version.
    """
    unchanged = PricingRow.version == before if before else PricingRow.pk.does_not_exist()
    version = PricingRow(RULE_SET, VERSION, version=before + 1)

    def write(writes: Any) -> None:
        writes.save(version, unchanged)

    return write


def _end_of(promotion: Promotion, at: datetime) -> datetime:
    ends = promotion.conditions.window.ends
    return min(end for end in (promotion.ended_at, ends, at) if end is not None)
