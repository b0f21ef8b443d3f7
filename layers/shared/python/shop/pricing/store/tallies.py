"""What is left of limited things, and how orders count it, in DynamoDB."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from shop.kernel.counts import Count
from shop.kernel.errors import Conflict
from shop.kernel.transactions import Clash, Part
from shop.pricing.model.basket import Basket
from shop.pricing.model.counts import CODE as A_CODE
from shop.pricing.model.counts import CREDIT, CUSTOMER, FIRST, HAD, QUOTA
from shop.pricing.model.coupons import normal
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.rules import Rules, first_order_about
from shop.pricing.model.standing import UNTOUCHED, Standing
from shop.pricing.store.coupons import facts_of
from shop.pricing.store.customers import key_of
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.store.ledgers import key_of as account_key
from shop.pricing.store.rows import CODE, COUNT, HEAD, PricingRow

_PK = {A_CODE: "CODE#", CUSTOMER: "USED#", QUOTA: "QUOTA#", HAD: "HAD#", FIRST: "FIRST#"}


class DynamoStandings:
    """See :class:`shop.pricing.ports.Standings`."""

    def standing(
        self, basket: Basket, rules: Rules, who: str | None, *, surely: bool = False
    ) -> Standing:
        codes = tuple(dict.fromkeys(code for c in basket.codes if (code := normal(c))))
        keys = [(f"CODE#{code}", CODE) for code in codes]
        quotas: dict[str, int] = {}
        limited: list[str] = []
        for candidate, _ in rules.plan.touching(basket.lines) if rules.promotions else ():
            effect = candidate.effect
            if not isinstance(effect, FlashSale):
                continue
            if effect.quota is not None:
                quotas[candidate.id] = effect.quota
                keys.append((f"QUOTA#{candidate.id}", COUNT))
            if effect.per_customer is not None and who is not None:
                limited.append(candidate.id)
                keys.append((f"HAD#{candidate.id}#{who}", COUNT))
        asked = basket.customer.id if basket.customer is not None else None
        if asked is not None and rules.asks_for_groups:
            keys.append((key_of(asked), HEAD))
        if who is not None and first_order_about(basket, rules):
            keys.append((f"FIRST#{who}", COUNT))
        if not keys:
            return UNTOUCHED
        rows: dict[str, PricingRow] = {row.pk: row for row in PricingRow.batch_get(keys, surely)}
        found = {code: rows[f"CODE#{code}"] for code in codes if f"CODE#{code}" in rows}
        known = rows[key_of(asked)].doc if asked and key_of(asked) in rows else {}
        return Standing(
            groups=tuple(known.get("groups", ())),
            segments=tuple(known.get("segments", ())),
            orders_before=_used(rows.get(f"FIRST#{who}")) or None,
            codes=facts_of(found, who, surely) if found else {},
            quota_left={
                id_: max(0, quota - _used(rows.get(f"QUOTA#{id_}")))
                for id_, quota in quotas.items()
            },
            customer_had={id_: _used(rows.get(f"HAD#{id_}#{who}")) for id_ in limited},
        )


class DynamoTallies:
    """See :class:`shop.pricing.ports.Tallies`.

    Credits are accounts: what is taken of one is decided when it is written, from the account as it
    is then, and holds only if nobody else changes it meanwhile.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._ledgers = DynamoLedgers()

    def _spend(self, writes: Any, count: Count) -> None:
        account, order_id = count.name.split("|")
        before, at = self._ledgers.of(account), self._clock()
        try:
            after = before.spend(f"{order_id}:spend", count.units, at, reference=order_id)
        except Conflict:
            raise Clash(frozenset({_name(count)})) from None
        self._ledgers.posting(before, after)(writes)

    def _return(self, writes: Any, count: Count) -> None:
        account, order_id = count.name.split("|")
        before, at = self._ledgers.of(account), self._clock()
        out = before.spent(order_id)
        if out:
            after = before.give_back(f"{order_id}:void", out, at, reference=order_id)
            self._ledgers.posting(before, after)(writes)

    def taking(self, counts: Sequence[Count]) -> Part:
        def write(writes: Any) -> None:
            for count in counts:
                if count.sort == CREDIT:
                    self._spend(writes, count)
                    continue
                row, units = _row(count), count.units
                if count.sort == A_CODE:
                    taken = [PricingRow.left.add(-units), PricingRow.used.add(units)]
                    writes.update(row, taken, PricingRow.left >= units)
                    continue
                limit = 0 if count.limit is None else count.limit
                room = PricingRow.used <= limit - units
                if units <= limit:
                    room = PricingRow.pk.does_not_exist() | room
                writes.update(row, [PricingRow.used.add(units)], room)

        return write

    def giving(self, counts: Sequence[Count]) -> Part:
        def write(writes: Any) -> None:
            for count in counts:
                if count.sort == CREDIT:
                    self._return(writes, count)
                    continue
                row, units = _row(count), count.units
                back = [PricingRow.used.add(-units)]
                if count.sort == A_CODE:
                    back.append(PricingRow.left.add(units))
                writes.update(row, back, PricingRow.used >= units)

        return write

    def spent(self, clash: Clash, counts: Sequence[Count]) -> Sequence[Count]:
        return [count for count in counts if _name(count) in clash.about]


def _name(count: Count) -> str:
    if count.sort == CREDIT:
        return account_key(count.name.split("|")[0])
    return f"{_PK[count.sort]}{count.name}"


def _row(count: Count) -> PricingRow:
    return PricingRow(_name(count), CODE if count.sort == A_CODE else COUNT)


def _used(row: PricingRow | None) -> int:
    return 0 if row is None else int(row.used)
