"""Products and postings stay consistent across crashes; reads have a fixed cost.

The tests have one writer at a time, which moto simulates correctly. Tests of concurrent writers
run on the emulator.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.client import BaseClient

from shop.catalog.model import (
    Category,
    Option,
    OptionChoice,
    Posting,
    PriceBand,
    Product,
    ProductStatus,
    build_search,
    product_postings,
)
from shop.catalog.store import DynamoProductCatalog, product_writes
from shop.catalog.store.rows import CatalogRow, claim_key
from shop.catalog.store.search import MAX_QUERIES
from shop.kernel.errors import Conflict
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import create_tables, mock_aws
from tests.unit.catalog.sample_products import LATER, THEN, shirt, simple

pytestmark = [pytest.mark.usefixtures("table"), pytest.mark.slow]


class Crash(Exception):
    """A simulated end of the process."""


def crash_at_call(at: int, *, after: bool, work: Callable[[], Any]) -> bool:
    """Run the work, crash before or after its n-th AWS call, and return whether it crashed."""
    send = BaseClient._make_api_call  # type: ignore[attr-defined]
    calls = 0

    def sending(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and not after:
            raise Crash
        response = send(client, operation, parameters)
        if calls == at:
            raise Crash
        return response

    with patch.object(BaseClient, "_make_api_call", sending):
        try:
            work()
        except Crash:
            return True
    return False


def rows() -> list[dict[str, Any]]:
    client = boto3.client("dynamodb")
    found: list[dict[str, Any]] = []
    for page in client.get_paginator("scan").paginate(TableName="catalog"):
        found += page["Items"]
    return found


def inconsistencies() -> set[str]:
    """Return orphaned, outdated, missing and unfinished postings."""
    wrong: set[str] = set()
    expected: dict[tuple[str, str], int] = {}
    catalog = DynamoProductCatalog()
    stored_rows = {(r["PK"]["S"], r["SK"]["S"]): r for r in rows()}
    for heading, _ in list(stored_rows):
        if heading.startswith("PRODUCT#"):
            product = catalog.get(heading.removeprefix("PRODUCT#"))
            for posting in product_postings(product):
                expected[posting.heading, posting.sort_key] = product.version
    for key, row in stored_rows.items():
        if key[0].startswith(("WORD#", "CATEGORY#", "ALL#")):
            if key not in expected:
                wrong.add(f"orphan {key}")
            elif int(row["version"]["N"]) != expected[key]:
                wrong.add(f"old card {key}")
        elif key[0] == "REINDEX":
            wrong.add(f"unfinished {key}")
    wrong.update(f"missing {key}" for key in expected if key not in stored_rows)
    return wrong


def claims() -> dict[str, str]:
    """Return the product id of each SKU claim."""
    found = [r for r in rows() if r["PK"]["S"].startswith("SKU#")]
    return {r["PK"]["S"].removeprefix("SKU#"): r["owner"]["S"] for r in found}


def wordy(product_id: str, prefix: str, **more: Any) -> Product:
    """Return a product with 27 postings: more than two of the small transactions take."""
    return simple(product_id, " ".join(f"{prefix}{n}" for n in range(26)), **more)


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions of 12 actions: moto copies its tables for each, and 100 would take minutes."""
    monkeypatch.setattr(product_writes, "MAX_ACTIONS_PER_TRANSACTION", 12)
    monkeypatch.setattr(product_writes, "MAX_POSTINGS_PER_TRANSACTION", 10)


def test_an_ordinary_change_is_one_read_and_one_transaction() -> None:
    with count_calls() as calls:
        DynamoProductCatalog().save(shirt(), expected_version=0)
    assert calls.names == [
        "dynamodb.BatchGetItem catalog",
        "dynamodb.TransactWriteItems catalog",
    ]
    assert inconsistencies() == set()


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "change",
    [simple("a", "Cup"), wordy("a", "new"), simple("a", "Mug", status=ProductStatus.ARCHIVED)],
)
@pytest.mark.parametrize("before", [simple("a", "Mug"), wordy("a", "old")])
def test_a_crash_during_a_change_is_repaired(before: Product, change: Product, after: bool) -> None:
    catalog = DynamoProductCatalog()
    for at in range(1, 12):
        version = catalog.get_many(["a"]).get("a", replace(before, version=0)).version
        version = catalog.save(before, expected_version=version).version
        changed = replace(change, updated_at=LATER)
        work = partial(catalog.save, changed, expected_version=version)
        crashed = crash_at_call(at, after=after, work=work)
        now = catalog.get("a")
        assert now.version in (version, version + 1)
        catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER)
        assert inconsistencies() == set(), f"crash at call {at}"
        if not crashed:
            return
    raise AssertionError("the change crashed at every call")


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_during_an_import_is_repaired(after: bool) -> None:
    catalog = DynamoProductCatalog()
    for at in range(1, 40):
        known = catalog.get_many([f"p{n}" for n in range(8)])
        products = [
            replace(
                simple(f"p{n}", f"Round {at} thing {n}", updated_at=LATER),
                version=known[f"p{n}"].version if f"p{n}" in known else 0,
            )
            for n in range(8)
        ]
        crashed = crash_at_call(at, after=after, work=partial(catalog.save_many, products))
        catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER)
        assert inconsistencies() == set(), f"crash at call {at}"
        if not crashed:
            return
    raise AssertionError("the import crashed at every call")


@pytest.mark.usefixtures("small_transactions")
def test_a_change_after_a_crashed_one_removes_its_stale_postings() -> None:
    catalog = DynamoProductCatalog()
    catalog.save(wordy("a", "old"), expected_version=0)
    work = partial(catalog.save, wordy("a", "new"), expected_version=1)
    assert crash_at_call(3, after=False, work=work)
    assert inconsistencies()
    catalog.save(simple("a", "Plain"), expected_version=2)
    assert inconsistencies() == {"unfinished ('REINDEX', 'a')"}
    catalog.finish_reindexing(at=THEN + product_writes.ABANDONED_AFTER)
    assert inconsistencies() == set()


def test_a_change_during_an_import_survives_after_repair() -> None:
    catalog = DynamoProductCatalog()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]
    done = False

    def sending(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        nonlocal done
        if operation == "BatchWriteItem" and not done:
            done = True
            catalog.save(simple("a", "By staff", updated_at=LATER), expected_version=1)
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", sending):
        assert catalog.save_many([simple("a", "By import"), simple("b", "By import")]) == {}
    assert done
    assert catalog.get("a").title == "By staff"
    assert inconsistencies(), "the import wrote an old card, which the repair must replace"
    assert catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER) == 1
    assert inconsistencies() == set()


SKUS = 7


def many_skus(product_id: str, prefix: str, **more: Any) -> Product:
    """Return a product with more SKUs than one of the small transactions claims."""
    one = simple(product_id, "Screw").variants[0]
    variants = tuple(
        replace(
            one,
            id=f"{product_id}.{n + 1}",
            sku=f"{prefix}{n}",
            choices=(OptionChoice("Size", str(n)),),
        )
        for n in range(SKUS)
    )
    options = (Option("Size", tuple(str(n) for n in range(SKUS))),)
    return simple(product_id, "Screw", variants=variants, options=options, **more)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_claiming_skus_leaves_no_permanent_claim(
    after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_writes, "MAX_ACTIONS_PER_TRANSACTION", 5)
    monkeypatch.setattr(product_writes, "MAX_POSTINGS_PER_TRANSACTION", 3)
    catalog = DynamoProductCatalog()
    for at in range(1, 40):
        old, now = f"{at}a", f"{at}b"
        product_id = f"screw{at}"
        catalog.save(many_skus(product_id, old), expected_version=0)
        work = partial(
            catalog.save, many_skus(product_id, now, updated_at=LATER), expected_version=1
        )
        crashed = crash_at_call(at, after=after, work=work)
        stored = catalog.get(product_id)
        claimed = stored.claimed_skus
        owners = claims()
        assert all(owners[sku] == product_id for sku in claimed), f"crash at call {at}"
        # SKUs that the product does not sell can be claimed, at the latest after the grace period.
        free = {f"{p}{n}" for p in (old, now) for n in range(SKUS)} - claimed
        taker = many_skus(
            f"taker{at}",
            min(free)[: len(old)],
            updated_at=LATER + 2 * product_writes.ABANDONED_AFTER,
        )
        catalog.save(taker, expected_version=0)
        assert claims()[min(free)] == f"taker{at}"
        if not crashed:
            return
    raise AssertionError("the change crashed at every call")


def test_a_claim_is_taken_over_only_after_the_grace_period() -> None:
    catalog = DynamoProductCatalog()
    CatalogRow(*claim_key("X"), owner="slow", since=int(LATER.timestamp())).save()

    def save_with_claimed_sku(at: datetime) -> Product:
        mine = simple("fast", "Mug", updated_at=at)
        variants = (replace(mine.variants[0], sku="X"),)
        return catalog.save(replace(mine, variants=variants), expected_version=0)

    with pytest.raises(Conflict, match="Product slow"):
        save_with_claimed_sku(LATER + product_writes.ABANDONED_AFTER - timedelta(seconds=1))
    assert save_with_claimed_sku(LATER + product_writes.ABANDONED_AFTER).version == 1
    assert claims() == {"X": "fast"}


def test_a_change_without_new_skus_writes_no_claims() -> None:
    catalog = DynamoProductCatalog()
    catalog.save(shirt(), expected_version=0)
    assert len(claims()) == 5
    with count_calls() as calls:
        catalog.save(shirt(title="Linen Shirt, long"), expected_version=1)
    (written,) = [c for c in calls.made if c.operation == "TransactWriteItems"]
    assert "SKU#" not in str(written.parameters)


def test_an_import_costs_one_extra_write_for_each_sku() -> None:
    with count_calls() as calls:
        DynamoProductCatalog().save_many([simple(f"p{n}", f"Mug {n}") for n in range(33)])
    written = [c for c in calls.made if c.operation == "TransactWriteItems"]
    assert [len(c.parameters["TransactItems"]) for c in written] == [99, 33]


def test_a_change_is_repaired_only_after_the_grace_period() -> None:
    catalog = DynamoProductCatalog()
    work = partial(catalog.save_many, [simple("a", "Mug", updated_at=LATER)])
    assert crash_at_call(3, after=False, work=work)
    assert (
        catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER - timedelta(seconds=1))
        == 0
    )
    assert catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER) == 1
    assert catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER) == 0


def test_a_search_reads_only_the_cards_of_its_page() -> None:
    catalog = DynamoProductCatalog()
    catalog.save_many([simple(f"p{n}", "Mug", categories=(Category("Home"),)) for n in range(40)])
    for search in (build_search("mugs"), build_search(None, categories=["home"])):
        with count_calls() as calls:
            assert len(catalog.search(search, limit=20).items) == 20
        assert calls.names == ["dynamodb.Query catalog"]
        assert calls.made[0].parameters["Limit"] == 21
        assert len(calls.made[0].parameters["ProjectionExpression"].split(",")) == 3
        assert "ReturnConsumedCapacity" not in calls.made[0].parameters


def test_a_product_of_two_requested_categories_is_listed_once() -> None:
    both = (Category("Home"), Category("Kitchen"))
    DynamoProductCatalog().save_many(
        [simple("a", "Mug", categories=both), simple("b", "Pan", categories=both[1:])]
    )
    search = build_search(None, categories=["home", "kitchen"])
    found = DynamoProductCatalog().search(search, limit=20).items
    assert [card.product_id for card in found] == ["a", "b"]


def test_a_card_is_decoded_once_and_again_after_a_change() -> None:
    catalog, search = DynamoProductCatalog(), build_search("mug")
    catalog.save(simple("a", "Mug"), expected_version=0)
    (first,) = catalog.search(search, limit=20).items
    (again,) = catalog.search(search, limit=20).items
    assert again.featured is first.featured
    catalog.save(simple("a", "Mug", price=77), expected_version=1)
    (after,) = catalog.search(search, limit=20).items
    assert (after.low.minor, after.version) == (77, first.version + 1)


def test_a_search_with_comparisons_has_a_query_limit() -> None:
    catalog = DynamoProductCatalog()
    catalog.save_many([simple(f"p{n}", "Common Mug", price=n) for n in range(30)])
    rare = build_search("common", price=PriceBand(10**6, None))
    with patch("shop.catalog.store.search.MAX_CARDS_READ", 5), count_calls() as calls:
        page = catalog.search(rare, limit=10)
    assert len(calls) == MAX_QUERIES
    assert page.items == ()
    assert page.cursor is not None


@pytest.mark.parametrize(("ids", "reads"), [(1, 1), (100, 1), (101, 2)])
def test_products_are_read_a_hundred_at_a_time(ids: int, reads: int) -> None:
    with count_calls() as calls:
        DynamoProductCatalog().get_variants([f"p{n}.1" for n in range(ids)])
    assert calls.names == ["dynamodb.BatchGetItem catalog"] * reads


def test_the_variants_of_one_product_are_read_once() -> None:
    DynamoProductCatalog().save(shirt(), expected_version=0)
    with count_calls() as calls:
        assert len(DynamoProductCatalog().get_variants([f"shirt.{n}" for n in range(1, 6)])) == 5
    assert len(calls.made[0].parameters["RequestItems"]["catalog"]["Keys"]) == 1


def test_items_of_ordinary_products_are_below_a_kilobyte() -> None:
    long = "A light shirt of European linen for warm days and cool evenings. " * 8
    DynamoProductCatalog().save(shirt(description=long), expected_version=0)
    for row in rows():
        size = sum(
            len(name)
            + sum(
                len(v) if isinstance(v, (str, bytes)) else sum(map(len, v)) for v in value.values()
            )
            for name, value in row.items()
        )
        assert size < 1024, row["PK"]


def postings_of_older_version(monkeypatch: pytest.MonkeyPatch, *products: Product) -> None:
    """Store products as a release stored them whose index had every word in capitals."""

    def older(product: Product) -> tuple[Posting, ...]:
        return tuple(
            replace(p, heading=p.heading.upper()) if p.heading.startswith("WORD#") else p
            for p in product_postings(product)
        )

    with monkeypatch.context() as patched:
        patched.setattr("shop.catalog.store.repository.product_postings", older)
        DynamoProductCatalog().save_many(products)


def test_products_of_an_older_index_are_found_after_the_rebuild(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalog = DynamoProductCatalog()
    postings_of_older_version(monkeypatch, *(simple(f"p{n}", "Wi-Fi Lens") for n in range(60)))
    draft = simple("draft", "Wi-Fi Lens", status=ProductStatus.DRAFT)
    catalog.save_many([draft])
    assert catalog.search(build_search("wifi lenses"), limit=20).items == ()
    before = catalog.get("p1")

    assert catalog.rebuild_index() == 60

    assert len(catalog.search(build_search("wifi lenses"), limit=50).items) == 50
    assert inconsistencies() == set()
    assert catalog.get("p1") == replace(before, version=before.version + 1)
    assert catalog.get("draft").version == 1, "a product with current postings is not written"


def test_a_finished_rebuild_costs_one_read() -> None:
    catalog = DynamoProductCatalog()
    assert catalog.rebuild_index() == 0
    with count_calls() as calls:
        assert catalog.rebuild_index() == 0
    assert calls.names == ["dynamodb.GetItem catalog"]


def test_a_rebuild_out_of_time_continues_in_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = DynamoProductCatalog()
    postings_of_older_version(monkeypatch, *(simple(f"p{n}", "Lens") for n in range(9)))
    monkeypatch.setattr("shop.catalog.store.repository.BULK_READ_SIZE", 2)
    # Every look at the clock finds 20 seconds gone: one chunk for each run.
    clock = itertools.count(0, 20)
    monkeypatch.setattr("shop.catalog.store.repository.time.monotonic", lambda: next(clock))
    runs = [catalog.rebuild_index() for _ in range(12)]
    assert max(runs) <= 2
    assert sum(runs) == 9
    assert inconsistencies() == set()


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_during_a_rebuild_loses_no_product(
    monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    for call in range(1, 30):
        with mock_aws():
            create_tables()
            postings_of_older_version(monkeypatch, simple("a", "Wi-Fi Lens"), wordy("b", "x"))
            catalog = DynamoProductCatalog()
            crashed = crash_at_call(call, after=after, work=catalog.rebuild_index)
            catalog.finish_reindexing(at=LATER + product_writes.ABANDONED_AFTER)
            catalog.rebuild_index()
            assert inconsistencies() == set(), call
        if not crashed:
            return
    raise AssertionError("the rebuild makes more calls than the test")
