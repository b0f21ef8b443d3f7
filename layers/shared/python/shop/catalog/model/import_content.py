"""What an import left in the shop: its products by status, and their variants by tax class."""

from collections import Counter
from collections.abc import Iterable, Mapping

from shop.catalog.model.product import Product, VariantStatus
from shop.kernel.errors import counted
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import fold

MAX_CATEGORIES_NAMED = 10
"""Categories that the notice on reduced rates names; it counts the others."""
STANDARD_CLASS = "standard"
"""The tax class of goods for which a file states none."""
UNTAXED_CLASS = "zero"

_OFTEN_REDUCED = frozenset(
    map(
        fold,
        (
            *("book", "books", "print books", "e-books", "audiobooks", "sheet music"),
            *("magazines & newspapers", "magazines", "newspapers"),
            *("food", "food items", "groceries", "coffee", "tea", "tea & infusions", "baby food"),
            *("medicine & drugs", "feminine sanitary supplies", "plants", "pet food"),
            *("Buch", "Bücher", "Zeitschriften", "Lebensmittel", "Kaffee", "Tee", "Pflanzen"),
            *("livre", "livres", "alimentation", "libro", "libros", "libri", "alimentos"),
        ),
    )
)
"""Parts of category paths whose goods have a reduced rate in several countries (EU VAT Directive,
annex III). A hint for people: no class is derived from it."""


Counts = tuple[tuple[str, int], ...]
"""Numbers by name, sorted by name."""


@frozen(slots=False, kw_only=True)
class ImportContent:
    """Numbers of the products of a file that are in the shop after its import.

    ``statuses`` are numbers of products by status. ``products`` and ``variants`` are numbers by tax
    class; a product of two classes counts in both. ``reducible`` are the products by category that
    have the standard class, and whose category often has a reduced rate.
    """

    statuses: Counts = ()
    products: Counts = ()
    variants: Counts = ()
    reducible: Counts = ()

    @classmethod
    def of(cls, products: Iterable[Product]) -> "ImportContent":
        statuses, with_class = Counter[str](), Counter[str]()
        variants, reducible = Counter[str](), Counter[str]()
        for product in products:
            active = (v for v in product.variants if v.status is VariantStatus.ACTIVE)
            classes = [v.tax_class for v in active]
            statuses[product.status.value] += 1
            variants.update(classes)
            with_class.update(set(classes))
            if STANDARD_CLASS in classes:
                paths = {_often_reduced(category.value) for category in product.categories}
                reducible.update(filter(None, paths))
        return cls(
            statuses=_counts(statuses),
            products=_counts(with_class),
            variants=_counts(variants),
            reducible=_counts(reducible),
        )

    def plus(self, other: "ImportContent") -> "ImportContent":
        return ImportContent(
            statuses=_sum(self.statuses, other.statuses),
            products=_sum(self.products, other.products),
            variants=_sum(self.variants, other.variants),
            reducible=_sum(self.reducible, other.reducible),
        )

    @property
    def notices(self) -> tuple[str, ...]:
        """The notice on goods that may have a reduced rate, if there are any."""
        if not self.reducible:
            return ()
        ordered = sorted(self.reducible, key=lambda item: (-item[1], item[0]))
        names = [f"{path} ({counted(n, 'product')})" for path, n in ordered[:MAX_CATEGORIES_NAMED]]
        more = len(ordered) - len(names)
        text = ", ".join(names) + (f" and {more} more" if more else "")
        notice = (
            "Goods of these categories often have a reduced tax rate, and are in the class"
            f" {STANDARD_CLASS}: {text}. Check their rates. Set another class by POST"
            " /staff/products/tax-class, or in a column Tax Class of the file."
        )
        return (notice,)


def _often_reduced(path: str) -> str | None:
    """Return the part of a category path whose goods often have a reduced rate, if there is one."""
    parts = [part.strip() for part in path.split(">")]
    ends = (n for n, part in enumerate(parts, 1) if fold(part) in _OFTEN_REDUCED)
    end = next(ends, None)
    return " > ".join(parts[:end]) if end is not None else None


def _counts(numbers: Mapping[str, int]) -> Counts:
    return tuple(sorted(numbers.items()))


def _sum(one: Counts, other: Counts) -> Counts:
    return _counts(Counter(dict(one)) + Counter(dict(other)))
