"""What is done with tax numbers: judge their form before anything is priced by them."""

from shop.kernel.errors import Invalid
from shop.pricing.ports import VatIds


def vat_id_of(number: str, *, vat_ids: VatIds) -> str:
    """The normal form of a VAT number a customer gave. Raises Invalid, ``vat_id_invalid``."""
    normal = vat_ids.normal(number)
    if normal is None:
        raise Invalid(f"{number!r} is not a VAT number", code="vat_id_invalid", path="$.vat_id")
    return normal
