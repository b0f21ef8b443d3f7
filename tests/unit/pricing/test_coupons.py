"""Discount codes: generation, normal form, limits, and the reasons of rejected ones."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kernel.codes import CODE_ALPHABET, normalize_code
from shop.kernel.errors import Conflict, IdempotencyKeyReused, InvalidRequest
from shop.kernel.money import Money
from shop.pricing.actions.coupon_changes import end_coupon, update_coupon
from shop.pricing.actions.coupons import create_codes, create_coupon, track_code_attempts
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.coupons import (
    CodeBatch,
    Coupon,
    CouponStatus,
    CouponUses,
    generate_codes,
    random_code,
)
from shop.pricing.model.effects import OrderPercent, PercentOff
from shop.pricing.model.promotions import Promotion, Stacking
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Conditions, Selection, Window
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits
from tests.doubles.credits import MemoryCodeAttempts
from tests.doubles.pricing import MemoryCoupons, MemoryPromotions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TEN = Promotion("ten", "Ten off", OrderPercent(100_000), code_required=True, published=True)


def numbered_bytes() -> Callable[[int], bytes]:
    """A source of bytes that differ on every call, the same in every test run."""
    numbers = count(1)
    return lambda size: (next(numbers) * 0x9E3779B97F4A7C15 % 2**64).to_bytes(size, "big")


def test_normalized_code_ignores_case_separators_and_look_alikes() -> None:
    assert (
        normalize_code("save-1o")
        == normalize_code(" SAVE_10 ")
        == normalize_code("Save.IO")
        == "SAVE10"
    )


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "SAVE‑10",
            "save–10",
            "save−10",
            "ＳＡＶＥ１０",
            "sa\u00adve10",
            "save\u200b10",
            "Save\u00a010",
        ),
        *("ｓａｖｅ－１０", "SAVE١٠", "Sãve10", "save１Ｏ", "SAVE10™", "\ufeffsave10"),
    ],
)
def test_a_pasted_code_is_the_code(typed: str) -> None:
    assert normalize_code(typed) == "SAVE10"


def test_code_of_another_alphabet_has_one_form() -> None:
    assert normalize_code("Łódź-ß") == normalize_code("lodz ss") == "10DZSS"
    assert normalize_code("ılık") == normalize_code("İLİK") == "111K"
    assert normalize_code("夏2026") != normalize_code("冬2026")


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_the_stored_form_of_an_ascii_code_never_changes(code: str) -> None:
    stored = code.upper().translate(str.maketrans("ILO", "110", " -_.")).replace("`", "'")
    assert normalize_code(code) == stored


def test_random_code_has_sixty_bits_and_no_look_alike_characters() -> None:
    code = random_code(b"\xff" * 8, "SPRING")
    assert code == "SPRING-ZZZZ-ZZZZ-ZZZZ"
    assert len(CODE_ALPHABET) == 32
    assert not set("ILOU") & set(CODE_ALPHABET)
    codes = {random_code((bit).to_bytes(8, "big")) for bit in (1 << n for n in range(60))}
    assert len(codes) == 60


def test_ten_thousand_generated_codes_are_unique() -> None:
    codes = generate_codes(10_000, numbered_bytes())
    assert len({normalize_code(code) for code in codes}) == 10_000


def test_generated_duplicate_is_replaced() -> None:
    draws = iter([b"\x01" * 8, b"\x01" * 8, b"\x02" * 8])
    assert len(generate_codes(2, lambda size: next(draws))) == 2


def promotions_with_and_without_codes() -> MemoryPromotions:
    return MemoryPromotions({"ten": TEN, "open": replace(TEN, id="open", code_required=False)})


def test_batch_of_ten_thousand_codes_is_issued_in_one_call() -> None:
    coupons = MemoryCoupons()
    create_coupon(
        Coupon("spring", "ten"),
        coupons=coupons,
        promotions=promotions_with_and_without_codes(),
        at=NOW,
    )
    codes = create_codes(
        "spring",
        10_000,
        random_bytes=numbered_bytes(),
        coupons=coupons,
        key="k1",
        at=NOW,
        prefix="SPRING",
    )
    assert len(codes) == 10_000
    assert all(code.startswith("SPRING-") for code in codes)
    assert len(coupons.by_code) == 10_000
    assert coupons.status_of(codes[0]) == CodeStatus("ten", uses_remaining=1, coupon_id="spring")


def test_batch_skips_codes_of_other_batches() -> None:
    coupons = MemoryCoupons({"spring": Coupon("spring", "ten")})
    first = create_codes(
        "spring", 50, random_bytes=numbered_bytes(), coupons=coupons, key="k2", at=NOW
    )
    second = create_codes(
        "spring", 50, random_bytes=numbered_bytes(), coupons=coupons, key="k3", at=NOW
    )
    assert len(first) == len(second) == 50
    assert not set(first) & set(second)


def test_repeated_batch_returns_the_same_codes_after_an_interruption() -> None:
    class InterruptedOnce(MemoryCoupons):
        attempts = 0

        def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
            self.attempts += 1
            if self.attempts == 1:
                raise RuntimeError("the Lambda stopped")
            super().complete_batch(coupon, batch)

    coupons = InterruptedOnce({"spring": Coupon("spring", "ten")})

    def issue(count: int = 50) -> tuple[str, ...]:
        return create_codes(
            "spring", count, random_bytes=secrets.token_bytes, coupons=coupons, key="k", at=NOW
        )

    with pytest.raises(RuntimeError):
        issue()
    first = issue()
    assert issue() == first
    assert len(coupons.by_code) == len(first) == 50
    with pytest.raises(IdempotencyKeyReused):
        issue(51)


@pytest.mark.parametrize("requested", [0, -1, 10_001])
def test_batch_size_outside_the_limits_is_rejected(requested: int) -> None:
    coupons = MemoryCoupons({"spring": Coupon("spring", "ten")})
    with pytest.raises(InvalidRequest):
        create_codes(
            "spring", requested, random_bytes=numbered_bytes(), coupons=coupons, key="k4", at=NOW
        )


def test_coupon_with_a_single_code_issues_no_batch() -> None:
    coupons = MemoryCoupons({"vip": Coupon("vip", "ten", code="VIP")})
    with pytest.raises(Conflict):
        create_codes("vip", 5, random_bytes=numbered_bytes(), coupons=coupons, key="k5", at=NOW)


def test_contradictory_coupon_is_rejected_with_every_field() -> None:
    contradictory = Coupon(
        "c", "open", code="x", quantity=1, per_customer=2, starts=NOW, ends=NOW - DAY
    )
    with pytest.raises(InvalidRequest) as error:
        create_coupon(
            contradictory,
            coupons=MemoryCoupons(),
            promotions=promotions_with_and_without_codes(),
            at=NOW,
        )
    assert {p.path for p in error.value.problems} == {
        "$.code",
        "$.per_customer",
        "$.ends",
        "$.promotion_id",
    }


@pytest.mark.parametrize("ends", [NOW - DAY, NOW - timedelta(seconds=1), NOW])
def test_new_coupon_must_not_have_ended(ends: datetime) -> None:
    coupons = MemoryCoupons()
    with pytest.raises(InvalidRequest) as error:
        create_coupon(
            Coupon("c", "ten", code="TEN", starts=ends - DAY, ends=ends),
            coupons=coupons,
            promotions=promotions_with_and_without_codes(),
            at=NOW,
        )
    assert [(p.path, p.code) for p in error.value.problems] == [("$.ends", "time_past")]
    assert coupons.by_code == {}


def test_changed_and_ended_coupon_records_its_events() -> None:
    coupons, promotions = MemoryCoupons(), MemoryPromotions({"ten": TEN})
    coupon = Coupon("c", "ten", code="TEN", quantity=5)
    create_coupon(coupon, coupons=coupons, promotions=promotions, at=NOW)
    coupons.used["c"] = 3
    to = replace(coupon, quantity=3, ends=NOW + 2 * DAY)
    changed = update_coupon(
        "c", to, expected_version=1, coupons=coupons, at=NOW + DAY, actor="staff otto"
    )
    ended = end_coupon("c", expected_version=2, coupons=coupons, at=NOW + DAY, actor="staff otto")
    assert (changed.version, ended.version, ended.last_instant) == (2, 3, NOW + DAY)
    assert [(each.type, each.id) for each in coupons.events] == [
        ("CouponCreated", "c:1"),
        ("CouponChanged", "c:2"),
        ("CouponEnded", "c:3"),
    ]
    assert coupons.list_all(cursor=None, limit=5).items == (ended,)
    assert coupons.count_uses(ended, lambda article: 0) == CouponUses(3)


def test_quantity_below_the_uses_changes_nothing() -> None:
    coupons = MemoryCoupons({"c": Coupon("c", "ten", code="TEN", quantity=5)}, used={"c": 3})
    to = Coupon("c", "ten", code="TEN", quantity=2)
    with pytest.raises(Conflict):
        update_coupon("c", to, expected_version=1, coupons=coupons, at=NOW, actor="")
    assert coupons.rows["c"].quantity == 5


@pytest.mark.parametrize(
    ("starts", "ends", "ended_at", "status"),
    [
        (None, None, None, CouponStatus.RUNNING),
        (NOW, None, None, CouponStatus.RUNNING),
        (NOW + DAY, None, None, CouponStatus.SCHEDULED),
        (None, NOW, None, CouponStatus.ENDED),
        (None, NOW + DAY, NOW, CouponStatus.ENDED),
        (NOW + DAY, None, NOW, CouponStatus.ENDED),
    ],
)
def test_status_of_a_coupon_follows_from_its_window(
    starts: datetime | None, ends: datetime | None, ended_at: datetime | None, status: CouponStatus
) -> None:
    coupon = Coupon("c", "ten", starts=starts, ends=ends, ended_at=ended_at)
    assert coupon.status(NOW) is status


def test_code_belongs_to_one_coupon() -> None:
    coupons = MemoryCoupons()
    create_coupon(
        Coupon("a", "ten", code="SAVE-10"),
        coupons=coupons,
        promotions=promotions_with_and_without_codes(),
        at=NOW,
    )
    with pytest.raises(Conflict):
        create_coupon(
            Coupon("b", "ten", code="save1o"),
            coupons=coupons,
            promotions=promotions_with_and_without_codes(),
            at=NOW,
        )


def quote_with_code(
    status: CodeStatus | None,
    *,
    promotion: Promotion = TEN,
    others: tuple[Promotion, ...] = (),
    codes: tuple[str, ...] = ("SAVE",),
    customer: CustomerFacts | None = None,
) -> Quote:
    line = BasketLine("a", "p1", "p1.1", "S", "Thing", Money(10_000, "USD"), 1)
    return quote(
        Basket((line,), "USD", market="WORLD", codes=codes, customer=customer),
        rules=RuleSet("1", promotions=(promotion, *others)),
        at=NOW,
        limits=UsageLimits(codes={} if status is None else {"SAVE": status}),
    )


def ten_if(**conditions: object) -> Promotion:
    return replace(TEN, conditions=Conditions(**conditions))  # type: ignore[arg-type]


REASONS = [
    ("unknown", None, TEN, "discount_code_invalid"),
    ("not valid yet", CodeStatus("ten", starts=NOW + DAY), TEN, "discount_code_invalid"),
    ("expired", CodeStatus("ten", ends=NOW), TEN, "discount_code_expired"),
    ("all uses taken", CodeStatus("ten", uses_remaining=0), TEN, "discount_code_exhausted"),
    (
        "used by this customer",
        CodeStatus("ten", customer_uses_remaining=0),
        TEN,
        "discount_code_user_ineligible",
    ),
    (
        "promotion has ended",
        CodeStatus("ten"),
        ten_if(window=Window(ends=NOW)),
        "discount_code_expired",
    ),
    (
        "promotion is a draft",
        CodeStatus("ten"),
        replace(TEN, published=False),
        "discount_code_invalid",
    ),
    (
        "below the minimum spend",
        CodeStatus("ten"),
        ten_if(min_amount=(Money(20_000, "USD"),)),
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
        ten_if(signed_in=True),
        "discount_code_user_not_logged_in",
    ),
    (
        "for a group",
        CodeStatus("ten"),
        ten_if(groups=("gold",)),
        "discount_code_user_ineligible",
    ),
]


@pytest.mark.parametrize(
    ("case", "status", "promotion", "reason"), REASONS, ids=[reason[0] for reason in REASONS]
)
def test_rejected_code_has_a_reason_and_changes_no_total(
    case: str, status: CodeStatus | None, promotion: Promotion, reason: str
) -> None:
    q = quote_with_code(status, promotion=promotion)
    (outcome,) = q.codes
    assert (outcome.applied, outcome.reason) == (False, reason)
    assert outcome.detail
    assert q.total.minor == 10_000
    assert not q.uses


def test_code_of_an_ended_promotion_is_expired_and_no_attempt() -> None:
    # Given a promotion that staff ended; the rule set keeps it for the replay of past prices
    ended = replace(TEN, ended_at=NOW)
    line = BasketLine("a", "p1", "p1.1", "S", "Thing", Money(10_000, "USD"), 1)
    basket = Basket((line,), "USD", market="WORLD", codes=("SAVE", "NOTHING"))
    limits = UsageLimits(codes={"SAVE": CodeStatus("ten")})
    q = quote(basket, rules=RuleSet("1", ended_promotions=(ended,)), at=NOW, limits=limits)
    assert [(code.reason, code.detail) for code in q.codes] == [
        ("discount_code_expired", "This code is no longer valid: its promotion has ended."),
        ("discount_code_invalid", "This code does not exist. Check its spelling."),
    ]
    # Then only the unknown code counts as an attempt
    limiter = MemoryCodeAttempts()
    with track_code_attempts(basket.codes, (), "jane", limiter, NOW) as forgive_existing:
        forgive_existing(q)
    assert limiter.attempts == {"jane": 1}


@pytest.mark.parametrize(
    "status", [None, CodeStatus("draft")], ids=["unknown", "of a draft promotion"]
)
def test_code_of_a_draft_is_answered_like_an_unknown_one(status: CodeStatus | None) -> None:
    (outcome,) = quote_with_code(status).codes
    assert outcome.detail == "This code does not exist. Check its spelling."
    assert outcome.reason == "discount_code_invalid"


@pytest.mark.parametrize(
    ("status", "promotion", "detail"),
    [
        (CodeStatus("ten", starts=NOW + DAY), TEN, "This code is not valid yet."),
        (
            CodeStatus("ten"),
            ten_if(window=Window(starts=NOW + DAY)),
            "The promotion has not begun.",
        ),
    ],
)
def test_code_that_is_not_valid_yet_has_this_detail(
    status: CodeStatus, promotion: Promotion, detail: str
) -> None:
    (outcome,) = quote_with_code(status, promotion=promotion).codes
    assert outcome.detail == detail


def test_code_on_goods_of_an_exclusive_sale_is_a_disallowed_combination() -> None:
    sale = Promotion(
        "sale", "Sale", PercentOff(200_000), stacking=Stacking(exclusive=True), published=True
    )
    q = quote_with_code(CodeStatus("ten"), others=(sale,))
    assert q.codes[0].reason == "discount_code_combination_disallowed"
    assert q.total.minor == 8_000


def test_applied_code_is_counted_and_named_on_the_discount() -> None:
    q = quote_with_code(CodeStatus("ten", uses_remaining=1), codes=("save", "SA-VE"))
    assert [(c.applied, c.reason) for c in q.codes] == [
        (True, ""),
        (False, "discount_code_already_applied"),
    ]
    assert q.codes[0].amount == Money(1000, "USD")
    assert [(u.promotion_id, u.code) for u in q.uses] == [("ten", "save")]
    assert q.lines[0].discounts[0].code == "save"
