"""A large YAML file: split into parts, it is imported as a small file is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.model import yaml_list
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas import part_planning
from shop.catalog.schemas.file_parts import part_products, read_part, split_product_file
from shop.catalog.schemas.files import parse_product_file
from shop.kernel.errors import ShopError, Unprocessable

DEMO_STORE = Path(__file__).parents[4] / "shared" / "data" / "retail-demo-store-products.yaml"
SAMPLE = Path(__file__).parents[3] / "local" / "samples" / "products.yaml"
Row = tuple[int, str, str | None]
Outcome = tuple[dict[str, ImportEntry], list[Row], set[str]]


def small(raw: bytes, **options: Any) -> Outcome:
    parsed = parse_product_file(raw, "application/yaml", ImportOptions("USD", **options))
    rejected = sorted((r.line, r.reason, r.product) for r in parsed.rejected)
    return {e.product_id: e for e in parsed.entries}, rejected, set(parsed.notices)


def large(raw: bytes, *, block: int = 4096, **options: Any) -> Outcome:
    """Split a file that arrives in blocks, and read all its parts."""
    settings = ImportOptions("USD", format="yaml", **options)
    split = split_product_file((raw[n : n + block] for n in range(0, len(raw), block)), settings)
    entries: dict[str, ImportEntry] = {}
    rejected = [(r.line, r.reason, r.product) for r in split.rejected]
    notices = set(split.notices)
    sizes = []
    for part in split.parts:
        parsed = read_part(part.data, settings)
        sizes.append(len(list(part_products(part.data))))
        assert not entries.keys() & {e.product_id for e in parsed.entries}
        entries |= {e.product_id: e for e in parsed.entries}
        rejected += [(r.line, r.reason, r.product) for r in parsed.rejected]
        notices |= set(parsed.notices)
    assert tuple(sizes) == split.part_sizes
    return entries, sorted(rejected), notices


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few products fill a part, so that every file here has several."""
    monkeypatch.setattr(part_planning, "PRODUCTS_PER_PART", 2)


def item(product_id: str, price: str = "1", **more: str) -> str:
    fields = {"id": product_id, "name": f"Product {product_id}", "price": price, **more}
    lines = [f"{name}: {value}\n" for name, value in fields.items()]
    return "- " + "  ".join(lines)


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_a_sample_is_read_as_a_small_file(block: int) -> None:
    raw = SAMPLE.read_bytes()
    assert large(raw, block=block) == small(raw)
    assert large(raw, media_base="https://cdn.example/") == small(
        raw, media_base="https://cdn.example/"
    )


ITEMS = st.one_of(
    st.builds(
        item,
        st.sampled_from(["a", "b", "c", "no", "012", "2026-01-01"]),
        st.sampled_from(["1", "1", "010", "x", "1:20"]),
        sku=st.sampled_from(["A", "B", "a", "no", "~"]),
    ),
    st.sampled_from(
        [
            "- text\n",
            "- {id: x, name: 'X\n",
            "- [a, b]\n",
            "-\n  id: d\n  name: D\n  price: 2\n",
            "# between\n",
            "---\n",
            "  stray: 1\n",
        ]
    ),
)


@given(items=st.lists(ITEMS, min_size=1, max_size=12), block=st.integers(1, 60))
def test_items_in_any_order_are_read_as_in_a_small_file(items: list[str], block: int) -> None:
    raw = "".join(["- {id: first, name: First, price: 1}\n", *items]).encode()
    assert large(raw, block=block) == small(raw)


def test_items_with_one_id_or_sku_are_in_one_part_and_the_first_valid_one_gets_it() -> None:
    items = [item(f"p{n}", str(n + 1)) for n in range(8)]
    items[0] = item("p0", "x", sku="SHARED")
    items[3] = item("p3", sku="SHARED")
    items[6] = item("p6", sku="SHARED")
    items[7] = item("p1")
    items.append(item("p9", sku="p2"))
    raw = "".join(items).encode()
    assert large(raw) == small(raw)
    assert [reason.partition(":")[0] for _, reason, _ in large(raw)[1]] == [
        "price",
        "SKU SHARED belongs to the product of line 11. Choose another.",
        "id",
        "SKU p2 belongs to the product of line 8. Choose another.",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [1, 2, 3, 64])
def test_lines_are_counted_at_every_line_end(end: str, block: int) -> None:
    raw = ("# one\n\n" + item("a") + item("b", "x")).replace("\n", end).encode()
    assert large(raw, block=block) == small(raw)
    assert [line for line, _, _ in large(raw)[1]] == [6]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file_empty"),
        (b"# nothing\n", "file_empty"),
        (b"products:\n- {id: a}\n", "not_a_list"),
        (b"Handle,Title,Price\n", "not_a_list"),
        (b'{"id": "a"}', "file_unknown"),
        (b"PK\x03\x04", "file_unknown"),
        (b"- {id: a, name: \xff}", "encoding_unsupported"),
    ],
)
def test_a_file_of_another_kind_is_rejected_as_a_small_one_is(raw: bytes, code: str) -> None:
    for read in (small, large):
        with pytest.raises(ShopError) as raised:
            read(raw)
        assert raised.value.code == code


@pytest.mark.parametrize("start", ["- id: x\n  name: ", "- "])
def test_an_endless_item_is_rejected_before_it_is_read_to_its_end(
    start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_list, "MAX_ITEM_CHARACTERS", 10_000)
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield start.encode()
        while True:
            read += 1
            yield b"  x\n" * 1_000

    with pytest.raises(ShopError) as raised:
        split_product_file(endless(), ImportOptions("USD", format="yaml"))
    assert raised.value.code == "line_too_long"
    assert "begins on line 1 " in raised.value.detail
    # The first blocks tell the type of the file.
    assert read < 40


@pytest.mark.parametrize(
    ("name", "limit", "text"),
    [
        ("MAX_PRODUCTS", 3, "- {{id: p{0}, name: P, price: 1}}\n"),
        ("MAX_UNPLACED_ROWS", 3, "- {{id: p{0}, name: P, price: x}}\n"),
        ("MAX_PRODUCTS_PER_PART", 3, "- {{id: p{0}, name: P, price: 1, sku: SAME}}\n"),
    ],
)
def test_a_file_above_a_limit_is_rejected_before_its_end(
    name: str, limit: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_planning, name, limit)
    large("".join(text.format(n) for n in range(limit)).encode())
    with pytest.raises(Unprocessable) as raised:
        large("".join(text.format(n) for n in range(limit + 1)).encode())
    assert raised.value.code == "too_many"
    assert str(limit) in raised.value.detail


@pytest.mark.slow
def test_the_whole_demo_store_is_split_once(monkeypatch: pytest.MonkeyPatch) -> None:
    if not DEMO_STORE.exists():
        pytest.skip(f"{DEMO_STORE} does not exist; it comes with the project's shared data only")
    monkeypatch.setattr(part_planning, "PRODUCTS_PER_PART", 200)
    entries, rejected, notices = large(DEMO_STORE.read_bytes())
    assert (len(entries), rejected) == (2465, [])
    assert notices == {
        "Fields ignored, because the shop has no such field: where_visible, image_license, link.",
        "Images are omitted: the file has names only. Send their base URL as media.",
    }
    assert {v.price.currency for e in entries.values() for v in e.draft.variants} == {"USD"}
