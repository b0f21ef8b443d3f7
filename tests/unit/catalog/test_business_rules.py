"""Run every worked example of docs/rules/catalog.md."""

import csv
import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.catalog.actions.importing import ImportResult, import_products
from shop.catalog.actions.product_admin import Draft, DraftVariant, create_product, update_product
from shop.catalog.actions.storefront import search_products
from shop.catalog.model import (
    Category,
    Option,
    OptionChoice,
    PriceBand,
    Product,
    ProductStatus,
    Variant,
    select_variant,
    tokenize,
)
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import parse_product_file
from shop.catalog.schemas.shopify_export import export_product
from shop.kernel.money import Money
from tests.doubles.catalog import MemoryProductCatalog
from tests.unit.catalog.sample_products import LATER, THEN

RULES = Path(__file__).parents[3] / "docs" / "rules" / "catalog.md"
EXAMPLES: list[dict[str, Any]] = [
    yaml.load(text, Loader=yaml.CSafeLoader)
    for text in re.findall(r"```yaml example\n(.*?)```", RULES.read_text("utf-8"), re.DOTALL)
]


def test_the_rules_have_worked_examples() -> None:
    assert len(EXAMPLES) >= 10
    assert len({example["title"] for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_worked_example(example: dict[str, Any]) -> None:
    for key, check in CHECKS.items():
        if key in example:
            check(example)
            return
    pytest.fail("the example has none of the known keys")


def check_variant_updates(example: dict[str, Any]) -> None:
    catalog = MemoryProductCatalog()
    create_product("cap", _draft(example["before"]), catalog=catalog, at=THEN)
    for version, step in enumerate(("change", "again"), 1):
        if step in example:
            draft = _draft(example[step])
            update_product("cap", draft, expected_version=version, catalog=catalog, at=LATER)
    variants = catalog.get("cap").variants
    assert {v.id: v.status.value for v in variants} == example["expect"]


def _draft(variants: list[dict[str, str]]) -> Draft:
    return Draft(
        title="Cap",
        options=(Option("Size", tuple(v["size"] for v in variants)),),
        variants=tuple(
            DraftVariant(
                price=Money(900, "USD"),
                sku=v["sku"],
                choices=(OptionChoice("Size", v["size"]),),
            )
            for v in variants
        ),
    )


def check_tokens(example: dict[str, Any]) -> None:
    for one, other in example["same"]:
        assert tokenize(one) == tokenize(other) != (), (one, other)
    for one, other in example["different"]:
        assert tokenize(one) != tokenize(other), (one, other)


def check_searches(example: dict[str, Any]) -> None:
    catalog = MemoryProductCatalog(
        *(_product(i, fields) for i, fields in example["products"].items())
    )
    for text, ids in example.get("queries", {}).items():
        found = search_products(text, index=catalog, limit=50).page.items
        assert [c.product_id for c in found] == ids, text
    for text, ids in example.get("categories", {}).items():
        categories = [c.strip() for c in text.split(",")]
        found = search_products(None, index=catalog, categories=categories, limit=50).page.items
        assert sorted(c.product_id for c in found) == ids, text
    for text, ids in example.get("price", {}).items():
        currency, _, band = text.rpartition(" ")
        low, high = map(int, band.split("-"))
        price = PriceBand(low, high, currency or None)
        page = search_products(None, index=catalog, price=price, limit=50)
        assert sorted(c.product_id for c in page.page.items) == ids, text
        assert page.unfiltered == (currency == "EUR")


def _product(product_id: str, fields: dict[str, Any]) -> Product:
    return Product(
        id=product_id,
        title=fields["title"],
        handle=product_id,
        description=fields.get("description", ""),
        tags=tuple(fields.get("tags", ())),
        categories=tuple(Category(c) for c in fields.get("categories", ())),
        variants=tuple(
            Variant(
                id=f"{product_id}.{n}",
                sku=f"{product_id}-{n}",
                title=fields["title"],
                price=Money(price, "USD"),
            )
            for n, price in enumerate(fields.get("prices", [1000]), 1)
        ),
        status=ProductStatus.PUBLISHED,
        created_at=THEN,
        updated_at=THEN,
    )


def check_choices(example: dict[str, Any]) -> None:
    pairs = [text.split() for text in example["variants"]]
    options = {"Color": [c for c, _ in pairs], "Size": [s for _, s in pairs]}
    product = Product(
        id="shirt",
        title="Shirt",
        handle="shirt",
        options=tuple(Option(n, tuple(dict.fromkeys(v))) for n, v in options.items()),
        variants=tuple(
            Variant(
                id=f"shirt.{n}",
                sku=f"{color}-{size}",
                title=f"{color} {size}",
                price=Money(1000, "USD"),
                choices=(OptionChoice("Color", color), OptionChoice("Size", size)),
            )
            for n, (color, size) in enumerate(pairs, 1)
        ),
        status=ProductStatus.PUBLISHED,
        created_at=THEN,
        updated_at=THEN,
    )
    option_of = {value: name for name, values in options.items() for value in values}
    selection = select_variant(
        product,
        variants=product.on_sale,
        in_stock=lambda v: v.title not in example.get("sold_out", ()),
        selected=[OptionChoice(option_of[value], value) for value in example["choose"]],
        preferences=example.get("prefer", ()),
    )
    expect = example["expect"]
    assert [c.value for c in selection.selected] == expect["selected"]
    assert [v.title for v in selection.variants] == expect["shown"]
    if "sizes" in expect:
        signals = dict(selection.options)["Size"]
        availability = {
            s.value: "in stock" if s.available else "sold out" if s.exists else "none"
            for s in signals
        }
        assert availability == expect["sizes"]


def check_files(example: dict[str, Any]) -> None:
    catalog, expect = MemoryProductCatalog(), example["expect"]
    options = ImportOptions(**{"currency": "USD", **example.get("options", {})})
    known = example.get("known_classes")
    classes = None if known is None else frozenset(known)
    parsed, result = _import(example["csv"], options, catalog, THEN, classes)
    assert sorted(result.accepted_ids) == expect["accepted"]
    if "next_csv" in example:
        parsed, result = _import(example["next_csv"], options, catalog, LATER)
        assert sorted(result.accepted_ids) == expect["next_accepted"]
    rejected = (*parsed.rejected, *result.rejected)
    assert {r.line: r.reason for r in rejected} == expect.get("rejected", {})
    notices = [
        {"lines": list(notice.lines), "product": entry.product_id, "text": notice.text}
        for entry in parsed.entries
        for notice in entry.notices
    ]
    assert notices == expect.get("notices", [])
    for product_id, variants in expect.get("on_sale", {}).items():
        on_sale = catalog.get(product_id).on_sale
        assert [f"{v.title} {v.price}" for v in on_sale] == variants
    for product_id, tax_classes in expect.get("tax_classes", {}).items():
        assert [v.tax_class for v in catalog.get(product_id).variants] == tax_classes
    if "counts" in expect:
        counts = {sku: units for e in parsed.entries for sku, units in e.counts.items()}
        assert counts == expect["counts"]
    if "exported" in expect:
        (stored,) = catalog.get_many(result.accepted_ids).values()
        exported = export_product(stored, options.currency).csv or ""
        (row,) = csv.DictReader(io.StringIO(exported))
        assert {name: row[name] for name in expect["exported"]} == expect["exported"]
        _, again = _import(exported, options, catalog, LATER)
        assert set(again.unchanged) == result.accepted_ids
    if "again" in expect:
        _, again = _import(example["csv"], options, catalog, LATER)
        assert len(again.unchanged) == 1


def _import(
    text: str,
    options: ImportOptions,
    catalog: MemoryProductCatalog,
    at: datetime,
    classes: frozenset[str] | None = None,
) -> tuple[FileParseResult, ImportResult]:
    parsed = parse_product_file(text.encode(), "text/csv", options)
    return parsed, import_products(parsed.entries, catalog=catalog, at=at, tax_classes=classes)


CHECKS = {
    "before": check_variant_updates,
    "same": check_tokens,
    "products": check_searches,
    "choose": check_choices,
    "csv": check_files,
}
