"""Gift cards: issued, looked up and voided."""

import pytest

from functions.credits import get_gift_card_balance
from shop.credits.model.account_names import gift_card_account
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.credits.store.rows import CreditRow
from tests.functions.credits.steps import (
    BALANCE,
    balance,
    begin,
    cancel,
    credit,
    gift_card,
    issue,
    look_up,
    money,
    pay,
    void,
)
from tests.kit.shop import call


def test_repeated_key_returns_the_same_code() -> None:
    first = issue(5000, key="once")
    code = first.json["code"]
    assert len(code.replace("-", "")) == 16

    again = issue(5000, key="once")
    assert (again.status, again.json) == (201, first.json)
    for reused in (
        issue(4999, key="once"),
        issue(5000, key="once", currency="EUR"),
        issue(5000, key="once", reason="lost"),
    ):
        assert (reused.status, reused.json["code"]) == (409, "idempotency_key_reused")
    assert issue(5000).json["code"] != code


def test_code_is_stored_nowhere_and_may_be_typed_in_any_form() -> None:
    code = gift_card(5000)

    assert balance(code.lower().replace("-", " ")) == 5000
    stored = [f"{row.pk} {row.sk} {row.doc}" for row in CreditRow.scan()]
    assert len(stored) == 3
    assert not any(code in text or code.replace("-", "") in text for text in stored)


@pytest.mark.usefixtures("one_window")
def test_ten_unknown_codes_block_every_further_lookup() -> None:
    code = gift_card(5000)
    for number in range(10):
        unknown = {"code": f"0000-0000-0000-{number:04d}", "currency": "USD"}
        assert call(get_gift_card_balance.handler, BALANCE, unknown).status == 404

    blocked = look_up(code)

    assert (blocked.status, blocked.json["errors"][0]["path"]) == (429, "$.code")


def test_two_parallel_requests_with_one_key_issue_one_card() -> None:
    # Given a card that was issued while a second request with its key had not seen it yet
    first = issue(5000, key="once").json
    late_reads = iter([None])
    seed_of = DynamoCreditAccountRepository.seed_of

    def late_seed_of(self: DynamoCreditAccountRepository, command: str) -> bytes | None:
        return next(late_reads, seed_of(self, command))

    # When the second request goes on
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoCreditAccountRepository, "seed_of", late_seed_of)
        again = issue(5000, key="once")

    # Then it returns the same card
    assert (again.status, again.json) == (201, first)


def test_staff_void_a_gift_card_with_a_reason() -> None:
    # Given a card of 50.00 of which a purchase spent 10.00
    code = gift_card(5_000)
    done = pay(begin(guest=True), credit("gift_card", code, amount=1_000), money(), guest=True)
    assert done.json["status"] == "completed", done.text

    # When it is voided, then the rest is withdrawn once
    for _ in range(2):
        voided = void(code, key="void")
        assert (voided.status, voided.json["voided"], voided.json["balance"]) == (200, 4_000, 0)
    assert void(code, key="more").json["voided"] == 0
    account = DynamoCreditAccountRepository().get(gift_card_account(code, "USD"))
    assert account.balances() == {"shop": -1_000, account.account: 0, "orders": 1_000}
    assert account.entries[-1].reference == "stolen (by staff-1)"

    # When the order is cancelled, then its refund is on the card until it is voided again
    cancel(done.json["order"]["id"])
    assert void(code, key="void").json == {"voided": 4_000, "balance": 0, "currency": "USD"}
    assert void(code, key="again").json["voided"] == 1_000


def test_unknown_card_and_short_reason_are_rejected() -> None:
    assert void("0000-0000-0000-0000").json["code"] == "gift_card_unknown"
    assert void(gift_card(5_000), reason="x").status == 400


@pytest.mark.parametrize("reason", ["stolen", "another reason"])
def test_key_of_a_voided_card_voids_no_other_card(reason: str) -> None:
    first, second = gift_card(5_000), gift_card(7_000)
    voided = void(first, key="void")
    again = void(second, key="void", reason=reason)
    assert (again.status, again.json["code"]) == (409, "idempotency_key_reused")
    assert look_up(second).json["balance"] == 7_000
    assert void(first, key="void").text == voided.text
