"""The catalog over HTTP, through the deployed stacks, and concurrent writers of one product."""

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


def import_csv(staff: HttpClient, text: str) -> Any:
    headers = {"Content-Type": "text/csv"}
    reply = staff.request("POST /staff/imports?currency=USD", raw=text.encode(), headers=headers)
    assert reply.status == 200, reply.text
    return reply.body


def search(guest: HttpClient, **body: Any) -> list[str]:
    found = assert_valid_ucp("catalog_search", guest.post("/catalog/search", body))
    return [product["id"] for product in found["products"]]


def test_product_goes_from_draft_to_sale_to_archive(staff: HttpClient, guest: HttpClient) -> None:
    # Given a draft, which customers do not see
    word = f"zq{uuid.uuid4().hex[:10]}"
    product = staff.post(
        "/staff/products",
        {
            "title": f"Kettle {word}",
            "categories": [f"Kitchen {word} > Kettles"],
            "variants": [{"sku": f"K-{word}", "price": {"amount": 4500, **USD}}],
        },
    )
    path, product_id = f"/staff/products/{product['id']}", product["id"]
    assert search(guest, query=word) == []
    assert guest.request("POST /catalog/product", {"id": product_id}).status == 404

    # When it is reviewed, published and in stock, then it is found
    assert staff.request(f"POST {path}/status", {"status": "published"}).status == 409
    staff.post(f"{path}/status", {"status": "in_review"})
    staff.post(f"{path}/status", {"status": "published"})
    staff.put(f"/staff/stock/K-{word}", {"on_hand": 3, "version": 0})
    assert search(guest, query=f"kettles {word}") == [product_id]
    assert search(guest, filters={"categories": [f"kitchen {word}"]}) == [product_id]
    assert search(guest, query=word, filters={"price": {"max": 4499}}) == []
    detail = guest.post("/catalog/product", {"id": product_id})
    detail = assert_valid_ucp("catalog_product", detail)["product"]
    assert detail["variants"][0]["availability"] == {"available": True, "status": "in_stock"}

    # When staff change it, then the search follows, and an outdated version is rejected
    changed = staff.put(path, {**staff.get(path), "title": "Teapot"})
    assert changed["version"] == 4
    assert search(guest, query=f"teapot {word}") == [product_id]
    assert staff.request(f"PUT {path}", {**product, "title": "Pan"}).status == 409

    # When it is archived, then it is not found any more
    staff.post(f"{path}/status", {"status": "archived"})
    assert search(guest, query=word) == []
    lookup = guest.post("/catalog/lookup", {"ids": [product_id]})
    assert_valid_ucp("catalog_lookup", lookup)
    assert (lookup["products"], lookup["messages"][0]["content"]) == ([], product_id)


def test_sku_with_slashes_and_signs_passes_through_the_cdn(staff: HttpClient) -> None:
    sku = f"N/{uuid.uuid4().hex[:8]}/50% #7?&+="
    product = {"title": "Nut", "variants": [{"sku": sku, "price": {"amount": 10, **USD}}]}
    staff.post("/staff/products", product)
    again = staff.request("POST /staff/products", product)
    assert (again.status, again.body["code"]) == (409, "sku_taken")
    for path in (f"/staff/stock/{quote(sku, safe='')}", f"/staff/stock/{quote(sku)}"):
        level = staff.get(path)
        counted = staff.put(path, {"on_hand": 7, "version": level["version"]})
        assert (counted["sku"], counted["on_hand"]) == (sku, 7)
    assert staff.request(f"PUT {path}x", {"on_hand": 7, "version": 0}).status == 404


def test_imported_product_is_found_and_bought(staff: HttpClient, guest: HttpClient) -> None:
    # Given a file with one valid and one invalid product
    word = f"zw{uuid.uuid4().hex[:10]}"
    text = (
        "Title,URL handle,Option1 name,Option1 value,SKU,Price,Inventory quantity\n"
        f"Scarf {word},scarf-{word},Color,Red,S-{word}-R,25.00,2\n"
        f",scarf-{word},,Blue,S-{word}-B,25.00,0\n"
        f"Hat {word},hat-{word},,,H-{word},expensive,1\n"
    )
    report = import_csv(staff, text)
    assert (report["created"], report["stock_created"]) == (1, 2)
    assert [r["line"] for r in report["rejected"]] == [4]
    assert import_csv(staff, text)["unchanged"] == 1

    # When a guest finds the product and buys both of one variant
    assert search(guest, query=word) == [f"scarf-{word}"]
    selection = guest.post(
        "/catalog/product",
        {"id": f"scarf-{word}", "selected": [{"name": "Color", "label": "Red"}]},
    )
    variant = assert_valid_ucp("catalog_product", selection)["product"]["variants"][0]
    checkout = guest.post("/checkout-sessions", checkout_body((variant["id"], 2)))
    done = guest.post(f"/checkout-sessions/{checkout['id']}/complete", payment_body("tok_success"))
    assert done["status"] == "completed"
    # Then it is sold out, and another import of the file does not add stock
    sold_out = wait_until(
        lambda: guest.post("/catalog/lookup", {"ids": [variant["id"]]}),
        lambda found: not found["products"][0]["variants"][0]["availability"]["available"],
    )
    assert assert_valid_ucp("catalog_lookup", sold_out)
    assert import_csv(staff, text)["stock_created"] == 0


def test_guests_and_customers_cannot_change_the_catalog(
    guest: HttpClient, jane: HttpClient
) -> None:
    for visitor, status in ((guest, 401), (jane, 401)):
        for route in (
            "POST /staff/products",
            "PUT /staff/products/x",
            "POST /staff/imports?currency=USD",
            "PUT /staff/stock/x",
        ):
            assert visitor.request(route, {}).status in (status, 403), route


def test_concurrent_writers_lose_no_change_and_leave_no_stray_posting(
    cloud: Cloud, staff: HttpClient
) -> None:
    # Given three products
    ids = [f"busy-{uuid.uuid4().hex[:10]}" for _ in range(3)]
    rows = "".join(f"{i},Busy {i},5.00\n" for i in ids)
    assert import_csv(staff, f"Handle,Title,Price\n{rows}")["created"] == len(ids)

    def rename(writer: int) -> int:
        changed = 0
        for turn in range(6):
            path = f"/staff/products/{ids[turn % len(ids)]}"
            product = staff.get(path)
            title = f"Busy writer{writer} turn{turn}"
            reply: HttpResponse = staff.request(f"PUT {path}", {**product, "title": title})
            assert reply.status in (200, 409), reply.text
            changed += reply.status == 200
        return changed

    def reimport(writer: int) -> int:
        changed = 0
        for turn in range(6):
            rows = "".join(f"{i},Busy file{writer} turn{turn},5.00\n" for i in ids)
            report = import_csv(staff, f"Handle,Title,Price\n{rows}")
            changed += report["changed"]
        return changed

    # When four staff users and two imports change them at once
    jobs: list[Callable[[int], int]] = [*[rename] * WRITERS, reimport, reimport]
    with ThreadPoolExecutor(len(jobs)) as pool:
        changes = sum(pool.map(lambda job: job[1](job[0]), enumerate(jobs)))
    # Then every acknowledged change is a version, and the search index follows
    versions = sum(staff.get(f"/staff/products/{i}")["version"] - 1 for i in ids)
    assert versions == changes, "acknowledged changes and versions differ"

    stray, queued = _stray_postings(cloud, ids)
    assert stray <= queued, "a wrong posting without a REINDEX item"


def _stray_postings(cloud: Cloud, ids: list[str]) -> tuple[set[Any], set[Any]]:
    """Return the search postings that differ from their products, and those queued for repair."""
    client = cloud.client("dynamodb")
    (table,) = (t for t in client.list_tables()["TableNames"] if t.endswith("catalog"))
    expected: dict[tuple[str, str], str] = {}
    stored: dict[tuple[str, str], str] = {}
    queued: set[Any] = set()
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            heading, sort_key = item["PK"]["S"], item["SK"]["S"]
            owner = sort_key if heading == "REINDEX" else sort_key.partition("#")[2]
            if heading.removeprefix("PRODUCT#") in ids:
                product = product_from_row(CatalogRow.from_raw_data(item))
                for posting in product_postings(product):
                    expected[posting.heading, posting.sort_key] = str(product.version)
            elif owner in ids and heading == "REINDEX":
                row = CatalogRow.from_raw_data(item)
                queued |= {(p.heading, p.sort_key) for p in unpack_postings(row.postings_in_force)}
            elif owner in ids:
                stored[heading, sort_key] = item["version"]["N"]
    keys = expected.keys() | stored.keys()
    return {key for key in keys if expected.get(key) != stored.get(key)}, queued
