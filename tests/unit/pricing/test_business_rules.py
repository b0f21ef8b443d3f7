"""The worked examples of docs/rules/pricing.md and of the guide to tax, executed."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.cart.model.messages import sale_limit_messages
from shop.catalog.model import PriceMark, Product, ProductStatus, Variant
from shop.credits.actions.order_settlement import OrderCredits, settle_order_credits
from shop.credits.model.account_names import points_account
from shop.credits.model.loyalty import EARN_RULES
from shop.credits.model.payment_split import allocated_units, excess_credits
from shop.kernel.codes import normalize_code
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money, Rounding, apportion
from shop.places.model.destination import Destination, StatedPlace
from shop.pricing.actions.displayed_prices import PriceContext, price_tags_for_products
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.group_buy import GroupBuy, Seat
from shop.pricing.model.price_history import PriceHistory, PricePoint
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.price_snapshot import PriceSnapshot
from shop.pricing.model.promotions import Promotion, StackingGroup, StackingMode
from shop.pricing.model.quote import Quote
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import MARKETS, Market, RuleSet
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits
from shop.shipping.actions import shipping_options
from shop.shipping.model import Consignment, ConsignmentItem, ShippingTable
from shop.tax.model.country_rates import CountryRates, tax_table_with
from shop.tax.model.local_rates import LocalEdition, StateRates
from shop.tax.model.rates import TaxRate, UntaxedDecision
from shop.tax.model.us_states import state_taxes
from tests.doubles.credits import MemoryCreditAccounts
from tests.doubles.inventory import MemoryUnitOfWork

DOCS = Path(__file__).parents[3] / "docs"
PAGES = (DOCS / "rules" / "pricing.md", DOCS / "guide" / "germany-and-california.md")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMOUNT = re.compile(r"(\d+) ([A-Z]{3})")

EXAMPLES: list[dict[str, Any]] = [
    yaml.load(text, Loader=yaml.CSafeLoader)
    for page in PAGES
    for text in re.findall(r"```yaml example\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]


def test_pages_have_examples_with_unique_titles() -> None:
    assert len(EXAMPLES) >= 25
    for page in PAGES:
        assert "```yaml example\n" in page.read_text("utf-8"), page
    assert len({example["title"] for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_example_of_the_page_holds(example: dict[str, Any]) -> None:
    for key, check in CHECKS.items():
        if key in example:
            check(example)
            return
    pytest.fail("the example has none of the keys that CHECKS knows")


def amounts(raw: Any) -> Any:
    """Replace ``500 USD``, as the page writes it, by an object of amount and currency."""
    if isinstance(raw, dict):
        return {name: amounts(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [amounts(value) for value in raw]
    if isinstance(raw, str) and (match := AMOUNT.fullmatch(raw)):
        return {"amount": int(match[1]), "currency": match[2]}
    return raw


def money(text: str) -> Money:
    match = AMOUNT.fullmatch(text)
    assert match is not None
    return Money(int(match[1]), match[2])


def instant(raw: Any) -> datetime:
    return raw if isinstance(raw, datetime) else datetime.fromisoformat(raw)


def texts(raw: Any) -> Any:
    """Replace times, which YAML parses, by their ISO 8601 text."""
    if isinstance(raw, dict):
        return {name: texts(value) for name, value in raw.items()}
    if isinstance(raw, list):
        return [texts(value) for value in raw]
    return raw.isoformat() if isinstance(raw, datetime) else raw


def destination(raw: str | dict[str, str] | None) -> Destination | None:
    """Read ``US``, ``US-CA``, or an object with the fields of a destination."""
    if raw is None:
        return None
    if isinstance(raw, dict):
        return Destination(**raw)
    country, _, region = raw.partition("-")
    return Destination(country, region or None)


MEASURES = ("weight_g", "length_mm", "width_mm", "height_mm")


def basket_of(raw: dict[str, Any]) -> Basket:
    currency = raw["currency"]
    lines = [
        BasketLine(
            id=line["id"],
            product_id=line.get("product", f"product-{line['id']}"),
            variant_id=line.get("variant", f"variant-{line['id']}"),
            sku=f"SKU-{line['id']}",
            title=line["id"],
            unit_price=Money(line["price"], line.get("price_currency", currency)),
            quantity=line["quantity"],
            categories=tuple(line.get("categories", ())),
            tax_class=line.get("tax_class", "standard"),
            **{name: line[name] for name in MEASURES if name in line},
        )
        for line in raw["lines"]
    ]
    customer = None
    if {"customer", "groups", "segments", "vat_id", "previous_orders"} & set(raw):
        customer = CustomerFacts(
            raw.get("customer"),
            tuple(raw.get("groups", ())),
            tuple(raw.get("segments", ())),
            raw.get("previous_orders"),
            raw.get("vat_id"),
        )
    shipping = raw.get("shipping")
    return Basket(
        lines=tuple(lines),
        currency=currency,
        market=raw["market"],
        channel=raw.get("channel", "web"),
        customer=customer,
        destination=destination(raw.get("to")),
        shipping=None if shipping is None else Money(shipping, currency),
        shipping_method=raw.get("shipping_method"),
        codes=tuple(raw.get("codes", ())),
    )


def rules_of(example: dict[str, Any]) -> RuleSet:
    rounding = example.get("rounding", {})
    changed = [
        CountryRates(country, bundled.rates, (decision,))
        for country, decision, bundled in (
            (
                raw["country"],
                UntaxedDecision(raw["reason"], "ann", instant(NOON), raw.get("region")),
                CountryRates.bundled(raw["country"]),
            )
            for raw in example.get("untaxed", ())
        )
    ]
    if "states" in example:
        changed.append(CountryRates("US", us_rates_of(example)))
    markets = [
        Market(
            raw["id"],
            raw["tax"],
            destination(raw.get("home")),
            raw.get("zone", "UTC"),
            tuple(raw["countries"]),
        )
        for raw in example.get("markets", ())
    ]
    return RuleSet(
        version="rules page",
        markets=(*MARKETS, *markets),
        tax=tax_table_with(changed, local_rates_of(example.get("local", {}))),
        rounding=RoundingPolicy(
            Rounding(rounding.get("mode", "half_even")),
            rounding.get("tax_by", "line"),
            Rounding(rounding.get("tax_mode", rounding.get("mode", "half_up"))),
        ),
        promotions=tuple(
            Promotion.from_dict({"title": p["id"], "published": True, **texts(amounts(p))})
            for p in example.get("promotions", ())
        ),
        price_lists=tuple(PriceList.from_dict(raw) for raw in example.get("price_lists", ())),
        groups=tuple(
            StackingGroup(g["id"], StackingMode(g.get("mode", "best")), g.get("priority", 100))
            for g in example.get("groups", ())
        ),
    )


def us_rates_of(example: dict[str, Any]) -> tuple[TaxRate, ...]:
    """Return the bundled rates, those of the ``states`` of a registered seller, and ``rates``."""
    bundled = CountryRates.bundled("US").rates
    known = state_taxes(NOON.date(), bundled)
    added = [rate for tax in known if tax.state in example["states"] for rate in tax.rates]
    return (*bundled, *added, *(TaxRate("US", **raw) for raw in example.get("rates", ())))


def local_rates_of(raw: dict[str, list[list[Any]]]) -> dict[str, StateRates]:
    states = {}
    for state, rows in raw.items():
        entries = {code: [[None, None, name, *parts[1:]]] for code, name, *parts in rows}
        edition = LocalEdition(NOON.date(), rows[0][2], json.dumps(entries))
        states[state] = StateRates(state, (edition,))
    return states


def limits_of(raw: dict[str, Any]) -> UsageLimits:
    return UsageLimits(
        codes={
            normalize_code(code): CodeStatus(**status)
            for code, status in raw.get("codes", {}).items()
        },
        quota_remaining=raw.get("quota_remaining", {}),
        customer_used=raw.get("customer_used", {}),
        gifts_remaining=raw.get("gifts_remaining", {}),
    )


def quote_of(example: dict[str, Any]) -> Quote:
    return quote(
        basket_of(example["basket"]),
        rules=rules_of(example),
        at=instant(example.get("at", NOON)),
        limits=limits_of(example.get("usage", {})),
    )


def check_quote(example: dict[str, Any]) -> None:
    expect = dict(example["expect"])
    if "error" in expect:
        with pytest.raises(InvalidRequest) as error:
            quote_of(example)
        assert error.value.code == expect["error"]
        return
    q = quote_of(example)
    if "displayed" in example:
        assert change_messages(example) == expect.pop("messages")
    if "warnings" in expect:
        assert limit_warnings(example, q) == expect.pop("warnings")
    assert Quote.from_dict(q.to_dict()) == q
    check_sums(q, expect)
    for line_id, fields in expect.pop("lines", {}).items():
        check_line(q, line_id, fields)
    for line_id, refunds in expect.pop("refunds", {}).items():
        for units, amount in refunds:
            assert q.line(line_id).refund(units).minor == amount
    check_rules(q, expect)
    if "gifts" in expect:
        assert {gift.sku: gift.quantity for gift in q.gifts} == expect.pop("gifts")
    if "uses" in expect:
        assert {use.promotion_id: use.units for use in q.uses} == expect.pop("uses")
    assert not expect, "the example has expectations that no check compares"


def check_sums(q: Quote, expect: dict[str, Any]) -> None:
    for name in ("subtotal", "discount", "shipping", "tax", "total"):
        if name in expect:
            assert getattr(q, name).minor == expect.pop(name), name
    if "shipping_taxes" in expect:
        assert q.delivery is not None
        assert sum(part.base.minor for part in q.delivery.taxes) == q.delivery.total.minor
        assert [
            [part.base.minor, part.tax.rate, part.tax.amount.minor] for part in q.delivery.taxes
        ] == expect.pop("shipping_taxes")
    if "untaxed" in expect:
        reasons = {entry.reason for entry in q.trace if entry.reason.startswith("untaxed_")}
        expected = expect.pop("untaxed")
        assert reasons == ({f"untaxed_{expected}"} if expected else set())
    if "zip_unknown" in expect:
        assert q.zip_unknown is expect.pop("zip_unknown")
    if "reverse_charge" in expect:
        assert q.reverse_charge is expect.pop("reverse_charge")


def check_rules(q: Quote, expect: dict[str, Any]) -> None:
    """Compare the amount of each rule that applies, and the reason of each that does not."""
    entries = {entry.rule: entry for entry in q.trace if entry.step.value not in ("price", "tax")}
    for rule, expected in expect.pop("trace", {}).items():
        entry = entries[rule]
        assert (entry.amount if entry.applied else entry.reason) == expected, rule
    for code, expected in expect.pop("codes", {}).items():
        outcomes = {c.code: "applied" if c.applied else c.reason for c in q.codes}
        assert outcomes[code] == expected


def change_messages(example: dict[str, Any]) -> list[str]:
    """Return the messages for a client that ``displayed`` this basket, or other lines, earlier."""
    displayed, rules = example["displayed"], rules_of(example)
    basket = {**example["basket"], "lines": displayed.get("lines", example["basket"]["lines"])}
    usage = example.get("usage", {})

    def quote_at(at: Any, usage: dict[str, Any]) -> Quote:
        return quote(basket_of(basket), rules=rules, at=instant(at), limits=limits_of(usage))

    before = quote_at(displayed.get("at", NOON), displayed.get("usage", usage))
    after = quote_at(example.get("at", NOON), usage)
    return [notice.detail for notice in PriceSnapshot.from_quote(before).notices(after, rules, {})]


def limit_warnings(example: dict[str, Any], q: Quote) -> dict[str, str]:
    """Return the texts about limits of sales by line."""
    lines = basket_of(example["basket"]).lines
    limits = limits_of(example.get("usage", {}))
    messages = sale_limit_messages(q, rules_of(example), limits, lambda: lines)
    number = re.compile(r"\$\.line_items\[(\d+)\]")
    found = [(number.fullmatch(message.path or ""), message.content) for message in messages]
    return {lines[int(path[1])].id: text for path, text in found if path is not None}


def check_line(q: Quote, line_id: str, expected: dict[str, Any]) -> None:
    line = q.line(line_id)
    fields = {
        "discount": line.discount.minor,
        "unit_price": line.unit_price.minor,
        "price_list": line.price_list,
        "tax": line.tax.amount.minor,
        "units": [[run.units, run.total] for run in line.units],
    }
    for name, value in expected.items():
        assert fields[name] == value, (line_id, name)


def check_split(example: dict[str, Any]) -> None:
    split = example["split"]
    assert apportion(split["amount"], split["weights"]) == example["expect"]


def check_history(example: dict[str, Any]) -> None:
    history = PriceHistory("a")
    for point in example["history"]:
        regular = point.get("regular")
        history = history.with_price(
            PricePoint(
                instant(point["since"]),
                Money(point["price"], "EUR"),
                None if regular is None else Money(regular, "EUR"),
            )
        )
    reduction = history.reduction(instant(example["at"]))
    assert reduction is not None
    assert reduction.lowest is not None
    assert {"lowest": reduction.lowest.minor, "percent": reduction.percent} == example["expect"]


def check_price_tag(example: dict[str, Any]) -> None:
    raw = texts(amounts(example["price_tag"]))
    past = tuple(
        PriceMark(instant(mark["since"]), Money(mark["price"], "EUR")) for mark in raw["revisions"]
    )
    variant = Variant(id="v", sku="v", title="v", price=past[-1].price, price_marks=past)
    product = Product(
        id="p",
        title="p",
        handle="p",
        variants=(variant,),
        status=ProductStatus.PUBLISHED,
        created_at=NOON,
        updated_at=NOON,
    )
    rules = RuleSet(
        "rules page",
        price_lists=tuple(PriceList.from_dict(n) for n in raw.get("price_lists", ())),
        promotions=tuple(Promotion.from_dict({"title": "p", **p}) for p in raw["promotions"]),
    )
    at, context = instant(example["at"]), PriceContext("EU", "EUR")
    tag = price_tags_for_products([product], rules=rules, at=at, context=context).by_variant["v"]
    assert tag.list_price is not None
    assert tag.lowest is not None
    assert example["expect"] == {
        "price": tag.price.minor,
        "list_price": tag.list_price.minor,
        "lowest": tag.lowest.minor,
        "percent": tag.percent,
    }


def check_settle(example: dict[str, Any]) -> None:
    payment = example["settle"]
    due, paid = payment["total"], list[tuple[str, int]]()
    for offer in payment["credits"]:
        units = allocated_units(due, offer["available"], 1, None)
        assert units is not None
        paid.append((offer["account"], units))
        due -= units
    if "refund" not in example:
        assert {"paid": dict(paid), "due": due} == example["expect"]
        return
    refund = example["refund"]

    def returned(refunded: int) -> dict[str | None, int]:
        """What money (``None``) and credits have returned after a refund of that much."""
        excess = excess_credits(paid, payment["total"] - refunded)
        money_back = refunded - sum(amount for _, amount in excess)
        return dict[str | None, int]([(None, money_back), *excess])

    before = returned(refund["refunded"])
    after = returned(refund["refunded"] + refund["amount"])
    changes = [[name, amount - before.get(name, 0)] for name, amount in after.items()]
    assert {"returned": changes} == example["expect"]


def check_earn(example: dict[str, Any]) -> None:
    earn = example["earn"]
    assert EARN_RULES["USD"].per == money(earn["per"])
    credit_accounts, uow = MemoryCreditAccounts(), MemoryUnitOfWork()
    remaining, points, reversed_points = earn["goods"], list[int](), list[int]()
    for returned in [0, *earn["returned"]]:
        remaining -= returned
        order = OrderCredits("order", "ann", "USD", remaining, completed=True)
        settle_order_credits(order, credit_accounts=credit_accounts, uow=uow, at=NOON)
        points.append(credit_accounts.get(points_account("ann")).available(NOON))
        reversed_points.append(points[-2] - points[-1] if returned else 0)
    assert {"earned": points[0], "reversed": reversed_points[1:]} == example["expect"]


def check_group_buy(example: dict[str, Any]) -> None:
    raw = example["group_buy"]
    group = GroupBuy("g", "tuan", raw["size"], instant(raw["deadline"]))
    for name, joined_at in raw["join"]:
        group = group.join(Seat(name, f"order-{name}", instant(joined_at)))
    group = group.close(instant(example["at"]))
    result: dict[str, Any] = {"status": group.status.value}
    for seat, consequence in group.consequences():
        result.setdefault(consequence.value, []).append(seat.customer_id)
    assert result == example["expect"]


def check_shipping(example: dict[str, Any]) -> None:
    raw = example["shipping"]
    goods = Consignment(
        tuple(ConsignmentItem(**item) for item in raw["goods"]["items"]),
        money(raw["goods"]["value"]),
    )
    table = ShippingTable.from_dict(amounts(raw["table"]))
    country, _, region = raw["to"].partition("-")
    at = instant(example.get("at", NOON))
    options = shipping_options(goods, Destination(country, region or None), table=table, at=at)
    expect = dict(example["expect"])
    if "arrives" in expect:
        (option,) = options
        days = [day.date().isoformat() for day in (option.earliest, option.latest)]
        assert days == expect.pop("arrives")
    if "parcels" in expect:
        assert [option.parcels for option in options] == [expect.pop("parcels")]
    assert {option.id: option.price.minor for option in options} == expect


def check_place(example: dict[str, Any]) -> None:
    raw = dict(example["place"])
    rules = raw.pop("rules", ())
    place = StatedPlace(**raw).with_codes()
    problem = place.problem(rules)
    found = {"country": place.country, "region": place.region, "problem": problem and problem.code}
    assert {name: text for name, text in found.items() if text} == example["expect"]


CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "basket": check_quote,
    "split": check_split,
    "history": check_history,
    "price_tag": check_price_tag,
    "settle": check_settle,
    "earn": check_earn,
    "group_buy": check_group_buy,
    "shipping": check_shipping,
    "place": check_place,
}
