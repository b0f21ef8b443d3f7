"""Codes: how they are made, read and limited, and what is told of one that does not work."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shop.kernel.errors import Conflict, IdempotencyKeyReused, InvalidRequest
from shop.kernel.money import Money
from shop.pricing.actions.coupons import create_codes, create_coupon
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.coupons import (
    ALPHABET,
    CodeBatch,
    Coupon,
    generate_codes,
    normalize_code,
    random_code,
)
from shop.pricing.model.effects import OrderPercent, PercentOff
from shop.pricing.model.promotions import Promotion, Stacking
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions, Selection, Window
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits
from tests.doubles.pricing import MemoryCoupons, MemoryPromotions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TEN = Promotion("ten", "Ten off", OrderPercent(1000), code_required=True, published=True)


def numbers() -> Callable[[int], bytes]:
    """Bytes that differ on every draw, the same in every test run."""
    numbered = count(1)
    return lambda size: (next(numbered) * 0x9E3779B97F4A7C15 % 2**64).to_bytes(size, "big")


def test_a_code_is_one_however_it_is_typed() -> None:
    assert (
        normalize_code("save-1o")
        == normalize_code(" SAVE_10 ")
        == normalize_code("Save.IO")
        == "SAVE10"
    )


def test_a_code_has_sixty_random_bits_and_no_letters_to_mistake() -> None:
    code = random_code(b"\xff" * 8, "SPRING")
    assert code == "SPRING-ZZZZ-ZZZZ-ZZZZ"
    assert len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)
    codes = {random_code((bit).to_bytes(8, "big")) for bit in (1 << n for n in range(60))}
    assert len(codes) == 60


def test_ten_thousand_codes_are_all_different() -> None:
    codes = generate_codes(10_000, numbers())
    assert len({normalize_code(code) for code in codes}) == 10_000


def test_a_code_drawn_twice_is_drawn_again() -> None:
    draws = iter([b"\x01" * 8, b"\x01" * 8, b"\x02" * 8])
    assert len(generate_codes(2, lambda size: next(draws))) == 2


def shelf() -> MemoryPromotions:
    return MemoryPromotions({"ten": TEN, "open": replace(TEN, id="open", code_required=False)})


def test_a_batch_is_issued_in_one_call() -> None:
    coupons = MemoryCoupons()
    create_coupon(Coupon("spring", "ten"), coupons=coupons, promotions=shelf(), at=NOW)
    codes = create_codes(
        "spring", 10_000, random_bytes=numbers(), coupons=coupons, key="k1", at=NOW, prefix="SPRING"
    )
    assert len(codes) == 10_000
    assert all(code.startswith("SPRING-") for code in codes)
    assert len(coupons.by_code) == 10_000
    facts = coupons.get_codes(codes[:1], None)
    assert facts[normalize_code(codes[0])] == CodeStatus(
        "ten", uses_remaining=1, coupon_id="spring"
    )


def test_codes_that_exist_are_not_issued_again() -> None:
    coupons = MemoryCoupons({"spring": Coupon("spring", "ten")})
    first = create_codes("spring", 50, random_bytes=numbers(), coupons=coupons, key="k2", at=NOW)
    second = create_codes("spring", 50, random_bytes=numbers(), coupons=coupons, key="k3", at=NOW)
    assert len(first) == len(second) == 50
    assert not set(first) & set(second)


def test_a_batch_asked_for_again_is_the_same_batch_also_when_it_was_cut_off() -> None:
    class CutOff(MemoryCoupons):
        rounds = 0

        def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
            self.rounds += 1
            if self.rounds == 1:
                raise RuntimeError("the Lambda was cut off")
            super().complete_batch(coupon, batch)

    coupons = CutOff({"spring": Coupon("spring", "ten")})

    def ask(count: int = 50) -> tuple[str, ...]:
        return create_codes(
            "spring", count, random_bytes=secrets.token_bytes, coupons=coupons, key="k", at=NOW
        )

    with pytest.raises(RuntimeError):
        ask()
    first = ask()
    assert ask() == first
    assert len(coupons.by_code) == len(first) == 50
    with pytest.raises(IdempotencyKeyReused):
        ask(51)


@pytest.mark.parametrize("wanted", [0, -1, 10_001])
def test_too_many_codes_or_none_are_refused(wanted: int) -> None:
    coupons = MemoryCoupons({"spring": Coupon("spring", "ten")})
    with pytest.raises(InvalidRequest):
        create_codes("spring", wanted, random_bytes=numbers(), coupons=coupons, key="k4", at=NOW)


def test_a_coupon_with_one_code_has_no_batch() -> None:
    coupons = MemoryCoupons({"vip": Coupon("vip", "ten", code="VIP")})
    with pytest.raises(Conflict):
        create_codes("vip", 5, random_bytes=numbers(), coupons=coupons, key="k5", at=NOW)


def test_a_coupon_that_contradicts_itself_is_refused() -> None:
    wrong = Coupon("c", "open", code="x", quantity=1, per_customer=2, starts=NOW, ends=NOW - DAY)
    with pytest.raises(InvalidRequest) as refusal:
        create_coupon(wrong, coupons=MemoryCoupons(), promotions=shelf(), at=NOW)
    assert {p.path for p in refusal.value.problems} == {
        "$.code",
        "$.per_customer",
        "$.ends",
        "$.promotion_id",
    }


def test_a_code_belongs_to_one_coupon() -> None:
    coupons = MemoryCoupons()
    create_coupon(Coupon("a", "ten", code="SAVE-10"), coupons=coupons, promotions=shelf(), at=NOW)
    with pytest.raises(Conflict):
        create_coupon(
            Coupon("b", "ten", code="save1o"), coupons=coupons, promotions=shelf(), at=NOW
        )


def test_what_is_left_is_never_below_zero() -> None:
    facts = Coupon("c", "ten", code="ABC", quantity=5, per_customer=1).code_status(
        used=7, used_by_customer=1
    )
    assert (facts.uses_remaining, facts.customer_uses_remaining) == (0, 0)


def ask(
    facts: CodeStatus | None,
    *,
    promotion: Promotion = TEN,
    more: tuple[Promotion, ...] = (),
    codes: tuple[str, ...] = ("SAVE",),
    customer: CustomerFacts | None = None,
) -> Quote:
    line = BasketLine("a", "p1", "p1.1", "S", "Thing", Money(10_000, "USD"), 1)
    return quote(
        Basket((line,), "USD", market="WORLD", codes=codes, customer=customer),
        rules=RuleSet("1", promotions=(promotion, *more)),
        at=NOW,
        limits=UsageLimits(codes={} if facts is None else {"SAVE": facts}),
    )


def where(**conditions: object) -> Promotion:
    return replace(TEN, conditions=Conditions(**conditions))  # type: ignore[arg-type]


REASONS = [
    ("unknown", None, TEN, "discount_code_invalid"),
    ("not valid yet", CodeStatus("ten", starts=NOW + DAY), TEN, "discount_code_invalid"),
    ("expired", CodeStatus("ten", ends=NOW), TEN, "discount_code_expired"),
    ("used up", CodeStatus("ten", uses_remaining=0), TEN, "discount_code_exhausted"),
    (
        "used by this customer",
        CodeStatus("ten", customer_uses_remaining=0),
        TEN,
        "discount_code_user_ineligible",
    ),
    (
        "its promotion is over",
        CodeStatus("ten"),
        where(window=Window(ends=NOW)),
        "discount_code_expired",
    ),
    (
        "its promotion is a draft",
        CodeStatus("ten"),
        replace(TEN, published=False),
        "discount_code_invalid",
    ),
    (
        "below the minimum spend",
        CodeStatus("ten"),
        where(min_amount=(Money(20_000, "USD"),)),
        "discount_code_not_applicable",
    ),
    (
        "for other goods",
        CodeStatus("ten"),
        replace(TEN, goods=Selection(products=("p9",))),
        "discount_code_not_applicable",
    ),
    (
        "for customers who are signed in",
        CodeStatus("ten"),
        where(signed_in=True),
        "discount_code_user_not_logged_in",
    ),
    (
        "for a group",
        CodeStatus("ten"),
        where(groups=("gold",)),
        "discount_code_user_ineligible",
    ),
]


@pytest.mark.parametrize(
    ("what", "facts", "promotion", "reason"), REASONS, ids=[reason[0] for reason in REASONS]
)
def test_a_code_that_does_not_work_says_why_and_changes_nothing(
    what: str, facts: CodeStatus | None, promotion: Promotion, reason: str
) -> None:
    q = ask(facts, promotion=promotion)
    (outcome,) = q.codes
    assert (outcome.applied, outcome.reason) == (False, reason)
    assert outcome.detail
    assert q.total.minor == 10_000
    assert not q.uses


def test_a_code_beside_an_exclusive_sale_is_told_so() -> None:
    sale = Promotion(
        "sale", "Sale", PercentOff(2000), stacking=Stacking(exclusive=True), published=True
    )
    q = ask(CodeStatus("ten"), more=(sale,))
    assert q.codes[0].reason == "discount_code_combination_disallowed"
    assert q.total.minor == 8_000


def test_a_code_that_works_is_counted_and_named_on_the_discount() -> None:
    q = ask(CodeStatus("ten", uses_remaining=1), codes=("save", "SA-VE"))
    assert [(c.applied, c.reason) for c in q.codes] == [
        (True, ""),
        (False, "discount_code_already_applied"),
    ]
    assert q.codes[0].amount == Money(1000, "USD")
    assert [(u.promotion_id, u.code) for u in q.uses] == [("ten", "save")]
    assert q.lines[0].discounts[0].code == "save"
