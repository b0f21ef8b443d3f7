"""Resolving ids and option choices. Source of the rules: UCP, "Catalog Lookup"."""

from dataclasses import replace

import pytest

from shop.catalog.model import (
    OptionChoice,
    PriceBand,
    ProductSelection,
    ProductStatus,
    Variant,
    VariantFilter,
    VariantStatus,
    resolve_ids,
    select_variant,
)
from tests.unit.catalog.sample_products import shirt, simple

SHIRT = shirt()
MUG = simple("mug", "Mug")
PRODUCTS = {p.id: p for p in (SHIRT, MUG, shirt("old", status=ProductStatus.ARCHIVED))}
ANY = VariantFilter()


def resolved_variants(
    *ids: str, variant_filter: VariantFilter = ANY
) -> dict[str, list[tuple[str, str]]]:
    resolved, _ = resolve_ids(ids, PRODUCTS, variant_filter)
    return {m.variant.id: list(m.inputs) for one in resolved for m in one.matches}


def test_a_product_id_resolves_to_its_featured_variant() -> None:
    assert resolved_variants("shirt", "mug.1") == {
        "shirt.1": [("shirt", "featured")],
        "mug.1": [("mug.1", "exact")],
    }


def test_a_variant_requested_twice_is_returned_once_with_both_ids() -> None:
    assert resolved_variants("shirt.1", "shirt", "shirt.4", "shirt") == {
        "shirt.1": [("shirt.1", "exact"), ("shirt", "featured")],
        "shirt.4": [("shirt.4", "exact")],
    }


def test_ids_of_products_not_on_sale_are_unknown() -> None:
    ids = ["old", "old.1", "nothing", "shirt.9", "shirt.1.1", ""]
    resolved, unknown = resolve_ids(ids, PRODUCTS, ANY)
    assert resolved == ()
    assert unknown == tuple(ids)


def test_a_filter_chooses_among_variants_and_drops_products_without_a_fitting_one() -> None:
    dear = VariantFilter.of([], PriceBand(3900, None))
    assert resolved_variants("shirt", "mug", variant_filter=dear) == {
        "shirt.3": [("shirt", "featured")]
    }
    assert resolved_variants("shirt.1", "shirt.3", variant_filter=dear) == {
        "shirt.3": [("shirt.3", "exact")]
    }
    assert resolve_ids(["mug"], PRODUCTS, dear) == ((), ())


def test_a_filter_matches_parent_categories() -> None:
    assert resolved_variants(
        "shirt", "mug", variant_filter=VariantFilter.of(["apparel"], None)
    ).keys() == {"shirt.1"}
    assert resolved_variants("shirt", variant_filter=VariantFilter.of(["Shirts"], None)) == {}


def test_a_price_in_another_currency_filters_nothing() -> None:
    assert resolved_variants(
        "mug", variant_filter=VariantFilter.of([], PriceBand(1, 2, "EUR"))
    ).keys() == {"mug.1"}


def choose(
    *selected: str, prefer: str = "", sold_out: str = "", variant: str | None = None
) -> ProductSelection:
    """Choose ``Color=Red`` and so on; ``sold_out`` lists variants out of stock by number."""
    out = {f"shirt.{n}" for n in sold_out.split()}
    return select_variant(
        SHIRT,
        variants=SHIRT.on_sale,
        in_stock=lambda v: v.id not in out,
        variant=SHIRT.variant(variant) if variant else None,
        selected=[OptionChoice(*s.split("=")) for s in selected],
        preferences=prefer.split(),
    )


def chosen(selection: ProductSelection) -> list[str]:
    return [f"{c.name}={c.value}" for c in selection.selected]


def ids(selection: ProductSelection) -> list[str]:
    return [v.id for v in selection.variants]


def signals(selection: ProductSelection, option: str) -> dict[str, str]:
    by_name = dict(selection.options)
    return {
        s.value: "in stock" if s.available else "sold out" if s.exists else "none"
        for s in by_name[option]
    }


def test_without_a_choice_the_first_variant_in_stock_stands_for_the_product() -> None:
    assert (ids(choose()), chosen(choose())) == (["shirt.1"], ["Color=Blue", "Size=S"])
    assert ids(choose(sold_out="1")) == ["shirt.2"]
    assert ids(choose(sold_out="1 2 3 4 5")) == ["shirt.1"]


def test_a_choice_narrows_the_variants_to_those_that_fit() -> None:
    selection = choose("Color=Blue", sold_out="1")
    assert ids(selection) == ["shirt.2", "shirt.3", "shirt.1"]
    assert chosen(selection) == ["Color=Blue"]
    assert signals(selection, "Size") == {"S": "sold out", "M": "in stock", "L": "in stock"}
    assert signals(selection, "Color") == {"Blue": "in stock", "Red": "in stock"}


def test_signals_are_relative_to_the_other_choices() -> None:
    selection = choose("Color=Red", sold_out="4")
    assert signals(selection, "Size") == {"S": "sold out", "M": "in stock", "L": "none"}


@pytest.mark.parametrize(
    ("prefer", "selected_values"),
    [
        ("Color Size", ["Color=Red"]),
        ("Size Color", ["Size=L"]),
        ("Color", ["Color=Red"]),
        ("Size", ["Size=L"]),
        ("", ["Color=Red"]),
        ("Material Size", ["Size=L"]),
    ],
)
def test_incompatible_choices_are_dropped_from_the_least_preferred(
    prefer: str, selected_values: list[str]
) -> None:
    assert chosen(choose("Color=Red", "Size=L", prefer=prefer)) == selected_values


def test_a_value_that_no_variant_has_is_dropped_first() -> None:
    selection = choose("Color=Green", "Size=M", prefer="Color Size")
    assert chosen(selection) == ["Size=M"]
    assert ids(selection) == ["shirt.2", "shirt.5"]
    assert chosen(choose("Material=Silk")) == []
    assert len(ids(choose("Material=Silk"))) == 5


def test_a_variant_id_fixes_every_choice() -> None:
    selection = choose("Color=Red", variant="shirt.3")
    assert ids(selection) == ["shirt.3"]
    assert chosen(selection) == ["Color=Blue", "Size=L"]


def test_a_product_without_options_has_nothing_selected() -> None:
    selection = select_variant(MUG, variants=MUG.on_sale, in_stock=lambda _: True)
    assert (selection.selected, selection.options, ids(selection)) == ((), (), ["mug.1"])


def test_a_discontinued_variant_neither_exists_nor_is_shown() -> None:
    sold_out: Variant = replace(SHIRT.variants[2], status=VariantStatus.DISCONTINUED)
    product = replace(SHIRT, variants=(*SHIRT.variants[:2], sold_out, *SHIRT.variants[3:]))
    selection = select_variant(
        product,
        variants=product.on_sale,
        in_stock=lambda _: True,
        selected=[OptionChoice("Color", "Blue")],
    )
    assert ids(selection) == ["shirt.1", "shirt.2"]
    assert signals(selection, "Size")["L"] == "none"
