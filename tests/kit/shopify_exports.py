"""Whole product exports of invented shops in Shopify's format, the same ones in every run.

A test imports such a file and compares the catalog with the goods from which it was written. The
file is written without the shop's own exporter.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product as combinations
from random import Random
from typing import Literal

from shop.catalog.model.import_options import ImportOptions


@dataclass
class GoodsVariant:
    """A variant as the invented shop has it; prices are in minor units of two digits."""

    values: tuple[str, ...] = ()
    sku: str = ""
    price: int = 1000
    list_price: int | None = None
    cost: int | None = None
    grams: str = ""
    is_taxed: bool = True
    units: int | None = 0
    is_tracked: bool = True
    barcode: str = ""
    image: str = ""


@dataclass
class Goods:
    """A product of an invented shop. ``images`` are URL, position and alternative text."""

    handle: str
    title: str
    html: str = ""
    vendor: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()
    status: str = "active"
    options: tuple[str, ...] = ()
    variants: list[GoodsVariant] = field(default_factory=lambda: [GoodsVariant()])
    images: list[tuple[str, int, str]] = field(default_factory=list)
    metafields: tuple[str, ...] = ()


@dataclass
class ShopExport:
    """The file of a shop, the options of its import, and the goods that it should sell."""

    raw: bytes
    options: ImportOptions
    goods: list[Goods]

    @property
    def rows(self) -> int:
        return sum(max(len(g.variants), len(g.images)) for g in self.goods)


OLD_COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published"),
    *(f"Option{n} {part}" for n in (1, 2, 3) for part in ("Name", "Value")),
    *("Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty"),
    *("Variant Inventory Policy", "Variant Fulfillment Service", "Variant Price"),
    *("Variant Compare At Price", "Variant Requires Shipping", "Variant Taxable"),
    *("Variant Barcode", "Image Src", "Image Position", "Image Alt Text", "Gift Card"),
    *("Variant Image", "Variant Weight Unit", "Cost per item", "Status"),
)
_NEW_NAMES = {
    "Handle": "URL handle",
    "Body (HTML)": "Description",
    "Published": "Published on online store",
    "Variant SKU": "SKU",
    "Variant Grams": "Weight value (grams)",
    "Variant Inventory Tracker": "Inventory tracker",
    "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock",
    "Variant Fulfillment Service": "Fulfillment service",
    "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price",
    "Variant Requires Shipping": "Requires shipping",
    "Variant Taxable": "Charge tax",
    "Variant Barcode": "Barcode",
    "Image Src": "Product image URL",
    "Variant Image": "Variant image URL",
    "Variant Weight Unit": "Weight unit for display",
}


@dataclass
class FileForm:
    """How a program writes the file."""

    delimiter: str = ","
    decimal: str = "point"
    line_end: str = "\n"
    encoding: str = "utf-8"
    new_names: bool = False
    metafields: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL
    """0 for cells that need it, 1 for all."""


def write_export(goods: Iterable[Goods], form: FileForm | None = None) -> bytes:
    """Return the file of these goods: a row per variant, and per image beyond the variants."""
    form = form or FileForm()
    market_columns = [f"Price / {market}" for market in form.markets]
    columns = [*OLD_COLUMNS, *form.metafields, *market_columns]
    file = io.StringIO(newline="")
    writer = csv.writer(
        file, delimiter=form.delimiter, lineterminator=form.line_end, quoting=form.quoting
    )
    writer.writerow(_NEW_NAMES.get(c, c) if form.new_names else c for c in columns)
    for own in goods:
        for n in range(max(len(own.variants), len(own.images))):
            row = {"Handle": own.handle} | (_head(own, form) if n == 0 else {})
            if n < len(own.variants):
                row |= _variant(own, own.variants[n], form)
                row |= dict.fromkeys(market_columns, _amount(own.variants[n].price + 100, form))
            if n < len(own.images):
                url, position, alt = own.images[n]
                row |= {"Image Src": url, "Image Position": str(position), "Image Alt Text": alt}
            writer.writerow(row.get(column, "") for column in columns)
    return file.getvalue().encode(form.encoding)


def _head(own: Goods, form: FileForm) -> dict[str, str]:
    return {
        "Title": own.title,
        "Body (HTML)": own.html,
        "Vendor": own.vendor,
        "Type": own.type,
        "Tags": ", ".join(own.tags),
        "Published": "FALSE" if own.status == "draft" else "TRUE",
        "Status": own.status,
        "Gift Card": "FALSE",
        **{f"Option{n} Name": name for n, name in enumerate(own.options or ("Title",), 1)},
        **dict(zip(form.metafields, own.metafields, strict=False)),
    }


def _variant(own: Goods, variant: GoodsVariant, form: FileForm) -> dict[str, str]:
    values = variant.values if own.options else ("Default Title",)
    amounts = {
        "Variant Price": variant.price,
        "Variant Compare At Price": variant.list_price,
        "Cost per item": variant.cost,
    }
    return {
        "Variant SKU": variant.sku,
        "Variant Grams": variant.grams.replace(".", "," if form.decimal == "comma" else "."),
        "Variant Inventory Tracker": "shopify" if variant.is_tracked else "",
        "Variant Inventory Qty": "" if variant.units is None else str(variant.units),
        "Variant Inventory Policy": "deny",
        "Variant Fulfillment Service": "manual",
        "Variant Requires Shipping": "TRUE",
        "Variant Taxable": "TRUE" if variant.is_taxed else "FALSE",
        "Variant Barcode": variant.barcode,
        "Variant Image": variant.image,
        "Variant Weight Unit": "g",
        **{name: "" if n is None else _amount(n, form) for name, n in amounts.items()},
        **{f"Option{n} Value": value for n, value in enumerate(values, 1)},
    }


def _amount(minor: int, form: FileForm) -> str:
    return f"{minor // 100}{',' if form.decimal == 'comma' else '.'}{minor % 100:02}"


# ------------------------------------------------------------------------------------- shops

GERMAN_WORDS = (
    *("Teekanne", "Gießkanne", "Bücherregal", "Türschild", "Schlüsselbrett", "Fußmatte"),
    *("Küchentuch", "Brotdose", "Nähkästchen", "Öllampe", "Übertopf", "Kräutermühle"),
)
GERMAN_PLACES = ("Elbe", "Saale", "Görlitz", "Rügen", "Lüneburg", "Süd-Tirol", "Straßburg")
CALIFORNIAN_WORDS = (
    *("Surf Tee", "Canyon Hoodie", "Redwood Mug", "Mission Tote", "Dune Cap", "Sequoia Poster"),
    *("Coastline Blanket", "Bay Bridge Print", "Poppy Candle", "Trail Bottle", "Board Bag 9'6\""),
)
CALIFORNIAN_PLACES = ("Big Sur", "Ojai", "Truckee", "Half Moon Bay", "Joshua Tree")


def german_shop() -> ShopExport:
    """150 products for the spreadsheets of Germany: semicolons, decimal commas, CR LF, a mark."""
    random, goods = Random(49), []
    for n in range(150):
        name = f"{GERMAN_WORDS[n % 12]} „{GERMAN_PLACES[n % 7]}“ {n}"
        options = ((), ("Größe",), ("Größe", "Farbe"))[n % 3]
        values = [("klein", "mittel", "groß"), ("weiß", "grün")][: len(options)]
        variants = [
            _invented(random, f"DE-{n:03}-{m}", choice, is_taxed=n % 10 != 3)
            for m, choice in enumerate(combinations(*values))
        ]
        goods.append(
            Goods(
                handle=f"{'KANNE' if n % 2 else 'kanne'}-{n}",
                title=name,
                html=(
                    f"<p>{name}; spülmaschinenfest, „gut &amp; günstig“.</p>\n<table><tr><th>Maß"
                    f"</th><th>cm</th></tr><tr><td>Höhe</td><td>{n},5</td></tr></table>"
                ),
                vendor="Töpferei Müller & Söhne",
                type="Haushalt > Küche" if n % 2 else "Haushalt",
                tags=("Geschenk", "für Zuhause", "5 %") if n % 4 else (),
                status=("active", "active", "active", "draft", "archived")[n % 5],
                options=options,
                variants=variants,
                images=_images(random, f"https://cdn.shop.example/de/{n}", n % 4, "Bild „außen“"),
                metafields=("blau; grün", "90 Tage"),
            )
        )
    form = FileForm(
        delimiter=";",
        decimal="comma",
        line_end="\r\n",
        encoding="utf-8-sig",
        new_names=True,
        metafields=(
            "Farbe (product.metafields.shopify.color-pattern)",
            "Garantie (product.metafields.custom.warranty)",
        ),
    )
    return ShopExport(write_export(goods, form), ImportOptions("EUR", decimal="comma"), goods)


def californian_shop() -> ShopExport:
    """160 products with old column names: pounds as grams, prices per market, 40 metafields."""
    random, goods = Random(1), []
    sizes, colors = ("XS", "S", "M", "L", "XL"), ("Fog", "Poppy", "Deep Sea")
    for n in range(160):
        options = (("Size", "Color"), (), ("Color",))[n % 3]
        values = [own for name, own in (("Size", sizes), ("Color", colors)) if name in options]
        goods.append(
            Goods(
                handle=f"{CALIFORNIAN_WORDS[n % 11].lower().replace(' ', '-')}-{n}".replace(
                    "'", ""
                ).replace('"', ""),
                title=f"{CALIFORNIAN_WORDS[n % 11]}, {CALIFORNIAN_PLACES[n % 5]} No. {n}",
                html=f'<div>Made in <em>California</em>, 5" x 7".<br>{n}<ul><li>A</li></ul></div>',
                vendor="Golden Coast Co.",
                type="Apparel > Tops" if n % 3 == 0 else "Home",
                tags=("new", "best-seller") if n % 2 else ("sale",),
                status="draft" if n % 20 == 7 else "active",
                options=options,
                variants=[
                    _invented(
                        random,
                        f"CA-{n:03}-{'-'.join(choice).replace(' ', '')}",
                        choice,
                        is_taxed=n % 8 != 5,
                        grams=("226.796185", "453.59237", "0", "1000")[n % 4],
                    )
                    for choice in combinations(*values)
                ],
                images=_images(random, f"https://cdn.shop.example/ca/{n}", n % 5, 'A 5" print'),
            )
        )
    form = FileForm(
        metafields=tuple(f"Field {n} (product.metafields.custom.f{n})" for n in range(40)),
        markets=("Canada", "Europe"),
    )
    return ShopExport(write_export(goods, form), ImportOptions("USD"), goods)


ODD_TEXTS = (
    *('say "hi", ok; \t end', "two\nlines\r\nand more", "line\u2028and\u2029part"),
    *(
        "🦄👩\u200d👩\u200d👧 family 🇩🇪",
        "כוס חרס עברית",
        "قميص \u200fعربي",
        "Zürich/Bern & Co.",
        "=SUM(A1)",
    ),
    *(
        "'+1 quoted",
        "@handle",
        "-5 % off",
        "a,b;c|d",
        "ﬁne ﬂour ½ ㎏",
        "e\u0301 and é",
        "<3 & 5 < 6",
    ),
)


def odd_shop() -> ShopExport:
    """100 products of what is rare: scripts, quotes, line ends, 100 variants, no SKUs."""
    random, goods = Random(7), []
    for n in range(90):
        text = ODD_TEXTS[n % len(ODD_TEXTS)]
        line = " ".join(text.splitlines())
        values = (("+1.00", "-1.00", "±0"), ("Red/White", "Red & White", "🦄"))[n % 2]
        goods.append(
            Goods(
                handle=("größe", "青花-茶杯", "item", "ΟΔΟΣ", "İstanbul")[n % 5] + f"-{n}",
                title=f"{line} {n}",
                html=f"<p>{text.replace('<', '&lt;').replace('&', '&amp;')}</p>" if n % 3 else "",
                vendor=line[:50] if n % 4 else "",
                tags=tuple(t for t in (line.replace(",", " ")[:40].strip(), "x") if n % 5),
                options=("Power",) if n % 3 else (),
                variants=[
                    _invented(random, "" if n % 2 else f"odd {n}/{m}", (value,))
                    for m, value in enumerate(values)
                ]
                if n % 3
                else [_invented(random, "" if n % 2 else f"'0{n}", (), units=None)],
                images=_images(random, f"https://cdn.shop.example/odd/{n}", n % 3, text[:80]),
            )
        )
    hundred = [
        GoodsVariant((f"{a} mm", f"{b}°", c), price=random.randrange(1, 10**6), units=a)
        for a, b, c in combinations(range(10), range(5), ("links", "rechts"))
    ]
    goods.append(Goods("screw", "Screw", options=("A", "B", "C"), variants=hundred))
    goods.append(
        Goods("edition", "Edition", options=("Title",), variants=[GoodsVariant(("2nd",), "ED2")])
    )
    raw = write_export(goods, FileForm(line_end="\r", quoting=csv.QUOTE_ALL))
    return ShopExport(raw, ImportOptions("EUR"), goods)


def _invented(
    random: Random,
    sku: str,
    values: Sequence[str],
    *,
    is_taxed: bool = True,
    grams: str | None = None,
    units: int | None = 0,
) -> GoodsVariant:
    price = random.randrange(99, 30_000)
    return GoodsVariant(
        values=tuple(values),
        sku=sku,
        price=price,
        list_price=random.choice([None, price + 500]),
        cost=random.choice([None, price // 2]),
        grams=random.choice(["0", "850.5", "1200", ""]) if grams is None else grams,
        is_taxed=is_taxed,
        units=None if units is None else random.randrange(50),
        is_tracked=random.random() > 0.1,
        barcode=random.choice(["", "4006381333931"]),
    )


def _images(random: Random, base: str, count: int, alt: str) -> list[tuple[str, int, str]]:
    """Return images in the order of the rows; their positions are another order."""
    positions = random.sample(range(1, count + 1), count)
    return [(f"{base}-{position}.jpg", position, f"{alt} {position}") for position in positions]
