"""The catalogue over HTTP, through the deployed stacks; and many writers at one product."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from local.cloud import Cloud
from local.http_actors import HttpClient, HttpResponse, wait_until
from shop.catalog.model import product_postings
from shop.catalog.store.rows import CatalogRow, product_from_row, unpack_postings
from tests.kit.products import checkout_body, payment_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

USD = {"currency": "USD"}
WRITERS = 4


def imported(staff: HttpClient, text: str, kind: str = "text/csv") -> Any:
    reply = staff.request("POST /staff/imports", raw=text.encode(), headers={"Content-Type": kind})
    assert reply.status == 200, reply.text
    return reply.body


def searched(guest: HttpClient, **asked: Any) -> list[str]:
    found = assert_valid_ucp("catalog_search", guest.post("/catalog/search", asked))
    return [product["id"] for product in found["products"]]


def test_a_product_goes_from_draft_to_sale_to_archive(staff: HttpClient, guest: HttpClient) -> None:
    word = f"zq{uuid.uuid4().hex[:10]}"
    made = staff.post(
        "/staff/products",
        {
            "title": f"Kettle {word}",
            "categories": [f"Kitchen {word} > Kettles"],
            "variants": [{"sku": f"K-{word}", "price": {"amount": 4500, **USD}}],
        },
    )
    path, product_id = f"/staff/products/{made['id']}", made["id"]
    assert searched(guest, query=word) == []
    assert guest.request("POST /catalog/product", {"id": product_id}).status == 404

    assert staff.request(f"POST {path}/status", {"status": "published"}).status == 409
    staff.post(f"{path}/status", {"status": "in_review"})
    staff.post(f"{path}/status", {"status": "published"})
    staff.put(f"/staff/stock/K-{word}", {"on_hand": 3, "version": 0})
    assert searched(guest, query=f"kettles {word}") == [product_id]
    assert searched(guest, filters={"categories": [f"kitchen {word}"]}) == [product_id]
    assert searched(guest, query=word, filters={"price": {"max": 4499}}) == []
    shown = assert_valid_ucp("catalog_product", guest.post("/catalog/product", {"id": product_id}))[
        "product"
    ]
    assert shown["variants"][0]["availability"] == {"available": True, "status": "in_stock"}

    changed = staff.put(path, {**staff.get(path), "title": "Teapot"})
    assert changed["version"] == 4
    assert searched(guest, query=f"teapot {word}") == [product_id]
    assert staff.request(f"PUT {path}", {**made, "title": "Pan"}).status == 409

    staff.post(f"{path}/status", {"status": "archived"})
    assert searched(guest, query=word) == []
    looked = assert_valid_ucp(
        "catalog_lookup", guest.post("/catalog/lookup", {"ids": [product_id]})
    )
    assert (looked["products"], looked["messages"][0]["content"]) == ([], product_id)


def test_a_sku_with_slashes_and_signs_is_counted_through_the_front_door(staff: HttpClient) -> None:
    sku = f"N/{uuid.uuid4().hex[:8]}/50% #7?&+="
    product = {"title": "Nut", "variants": [{"sku": sku, "price": {"amount": 10, **USD}}]}
    staff.post("/staff/products", product)
    again = staff.request("POST /staff/products", product)
    assert (again.status, again.body["code"]) == (409, "sku_taken")
    for path in (f"/staff/stock/{quote(sku, safe='')}", f"/staff/stock/{quote(sku)}"):
        shelf = staff.get(path)
        counted = staff.put(path, {"on_hand": 7, "version": shelf["version"]})
        assert (counted["sku"], counted["on_hand"]) == (sku, 7)
    assert staff.request(f"PUT {path}x", {"on_hand": 7, "version": 0}).status == 404


def test_what_was_imported_is_found_and_bought(staff: HttpClient, guest: HttpClient) -> None:
    word = f"zw{uuid.uuid4().hex[:10]}"
    text = (
        "Title,URL handle,Option1 name,Option1 value,SKU,Price,Inventory quantity\n"
        f"Scarf {word},scarf-{word},Color,Red,S-{word}-R,25.00,2\n"
        f",scarf-{word},,Blue,S-{word}-B,25.00,0\n"
        f"Hat {word},hat-{word},,,H-{word},dear,1\n"
    )
    report = imported(staff, text)
    assert (report["created"], report["stock_created"]) == (1, 2)
    assert [r["line"] for r in report["rejected"]] == [4]
    assert imported(staff, text)["unchanged"] == 1

    assert searched(guest, query=word) == [f"scarf-{word}"]
    chosen = guest.post(
        "/catalog/product",
        {"id": f"scarf-{word}", "selected": [{"name": "Color", "label": "Red"}]},
    )
    variant = assert_valid_ucp("catalog_product", chosen)["product"]["variants"][0]
    checkout = guest.post("/checkout-sessions", checkout_body((variant["id"], 2)))
    done = guest.post(f"/checkout-sessions/{checkout['id']}/complete", payment_body("tok_success"))
    assert done["status"] == "completed"
    left = wait_until(
        lambda: guest.post("/catalog/lookup", {"ids": [variant["id"]]}),
        lambda seen: not seen["products"][0]["variants"][0]["availability"]["available"],
    )
    assert assert_valid_ucp("catalog_lookup", left)
    assert imported(staff, text)["stock_created"] == 0


def test_strangers_and_customers_keep_nothing(guest: HttpClient, jane: HttpClient) -> None:
    for visitor, status in ((guest, 401), (jane, 401)):
        for route in (
            "POST /staff/products",
            "PUT /staff/products/x",
            "POST /staff/imports",
            "PUT /staff/stock/x",
        ):
            assert visitor.request(route, {}).status in (status, 403), route


def test_many_writers_at_one_product_lose_nothing_and_leave_no_stray_card(
    cloud: Cloud, staff: HttpClient
) -> None:
    """Staff change it from four sides while files change it too: each change builds on the last."""
    ids = [f"busy-{uuid.uuid4().hex[:10]}" for _ in range(3)]
    rows = "".join(f"{i},Busy {i},5.00\n" for i in ids)
    assert imported(staff, f"Handle,Title,Price\n{rows}")["created"] == len(ids)

    def rename(writer: int) -> int:
        done = 0
        for turn in range(6):
            path = f"/staff/products/{ids[turn % len(ids)]}"
            seen = staff.get(path)
            title = f"Busy writer{writer} turn{turn}"
            reply: HttpResponse = staff.request(f"PUT {path}", {**seen, "title": title})
            assert reply.status in (200, 409), reply.text
            done += reply.status == 200
        return done

    def reimport(writer: int) -> int:
        done = 0
        for turn in range(6):
            said = "".join(f"{i},Busy file{writer} turn{turn},5.00\n" for i in ids)
            report = imported(staff, f"Handle,Title,Price\n{said}")
            done += report["changed"]
        return done

    works: list[Callable[[int], int]] = [*[rename] * WRITERS, reimport, reimport]
    with ThreadPoolExecutor(len(works)) as hands:
        changes = sum(hands.map(lambda job: job[1](job[0]), enumerate(works)))
    versions = sum(staff.get(f"/staff/products/{i}")["version"] - 1 for i in ids)
    assert versions == changes, "an answer said done and was not, or the other way round"

    stray, excused = _stray_cards(cloud, ids)
    assert stray <= excused, "a card out of step that no REINDEX item knows of"


def _stray_cards(cloud: Cloud, ids: list[str]) -> tuple[set[Any], set[Any]]:
    """Cards that are not where and as their product says; and those that mend will see to."""
    client = cloud.client("dynamodb")
    (table,) = (t for t in client.list_tables()["TableNames"] if t.endswith("catalog"))
    wanted: dict[tuple[str, str], str] = {}
    there: dict[tuple[str, str], str] = {}
    excused: set[Any] = set()
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            heading, place = item["PK"]["S"], item["SK"]["S"]
            whose = place if heading == "REINDEX" else place.partition("#")[2]
            if heading.removeprefix("PRODUCT#") in ids:
                product = product_from_row(CatalogRow.from_raw_data(item))
                for posting in product_postings(product):
                    wanted[posting.heading, posting.sort_key] = str(product.version)
            elif whose in ids and heading == "REINDEX":
                row = CatalogRow.from_raw_data(item)
                excused |= {(p.heading, p.sort_key) for p in unpack_postings(row.postings_in_force)}
            elif whose in ids:
                there[heading, place] = item["version"]["N"]
    wrong = {k for k in wanted.keys() | there.keys() if wanted.get(k) != there.get(k)}
    return wrong, excused
