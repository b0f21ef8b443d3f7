"""A text of which nothing is visible does not count as text, whatever schema requires it."""

from typing import Any

import pytest
from pydantic import BaseModel

from shop.catalog.schemas.admin import ProductBody
from shop.checkout.schemas import AddressRequest
from shop.credits.schemas import VoidGiftCardBody
from shop.entrypoints.request_body import parse_json, validate_body
from shop.inventory.schemas.stock_takes import StockTakeRequest
from shop.kernel.errors import InvalidRequest
from shop.orders.schemas.staff_requests import CancelRequest, RefundRequest, ReturnRequest
from shop.peak.schemas.kill_switches import SwitchBody
from shop.peak.schemas.waiting_rooms import WaitingRoomBody
from shop.tax.schemas import UntaxedDecisionBody

PRICE = {"amount": 100, "currency": "USD"}
PRODUCT = {"title": "Plate", "variants": [{"sku": "PLATE", "price": PRICE}]}
BLANKS = (" ", "\t", "\u00a0", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u2800")


@pytest.mark.parametrize("blank", [*BLANKS, " \u200b\u3164 ", "\u200b" * 20], ids=ascii)
@pytest.mark.parametrize(
    ("schema", "body", "name"),
    [
        (RefundRequest, {"amount": 1}, "reason"),
        (ReturnRequest, {"lines": [{"id": "li_1", "quantity": 1}]}, "reason"),
        (CancelRequest, {}, "reason"),
        (SwitchBody, {"enabled": False}, "reason"),
        (WaitingRoomBody, {"admissions_per_second": 1}, "reason"),
        (UntaxedDecisionBody, {}, "reason"),
        (VoidGiftCardBody, {"code": "ABCD"}, "reason"),
        (StockTakeRequest, {"lines": [{"sku": "A", "on_hand": 1, "version": 1}]}, "reason"),
        (ProductBody, PRODUCT, "title"),
        (ProductBody, PRODUCT, "brand"),
        (ProductBody, {**PRODUCT, "options": [{"name": "Size", "values": ["S"]}]}, "title"),
    ],
)
def test_blank_text_is_rejected_where_a_text_is_required(
    schema: type[BaseModel], body: dict[str, Any], name: str, blank: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        validate_body(schema, {**body, name: blank})
    assert f"$.{name}" in [problem.path for problem in error.value.problems]


def test_names_of_members_and_texts_with_a_visible_character_stay() -> None:
    class Notes(BaseModel):
        notes: dict[str, list[str]]

    body = {"notes": {"\u3000": ["\u200b", "a \u200b", "雨", "\ufeff", ""]}}
    notes = validate_body(Notes, body).notes  # type: ignore[attr-defined]
    assert notes == {"\u3000": ["", "a \u200b", "雨", "", ""]}


def test_json_itself_is_parsed_unchanged() -> None:
    assert parse_json('["\u3164"]'.encode()) == ["\u3164"]


@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_blank_part_of_an_address_is_absent(blank: str) -> None:
    names = ("street_address", "address_locality", "address_region", "postal_code", "full_name")
    address = AddressRequest.model_validate(dict.fromkeys(names, blank) if blank != "\t" else {})
    assert {getattr(address, name) for name in names} == {None}
