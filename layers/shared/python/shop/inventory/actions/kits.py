"""What staff do with kits: say what one takes, or that it is none any more."""

from collections.abc import Mapping

from shop.inventory.model.kits import MOST_PARTS, Kit
from shop.inventory.ports import Goods, Kits
from shop.kernel.errors import Invalid, NotFound, Problem, Stale


def find_kit(sku: str, *, kits: Kits, goods: Goods) -> tuple[Kit | None, int]:
    """What a kit takes and the version of that; ``None`` for a SKU that is none (yet).

    Raises NotFound for a SKU that no product sells.
    """
    kit, version = kits.kit(sku)
    if kit is None and goods.seller(sku) is None:
        raise NotFound(f"no product sells the SKU {sku}", code="sku_unknown", path="sku")
    return kit, version


def define_kit(
    sku: str, parts: Mapping[str, int], *, expected_version: int, kits: Kits, goods: Goods
) -> tuple[Kit | None, int]:
    """Sell a SKU as a kit of these parts from now on; with no parts, as itself again.

    What was sold before keeps the parts it was sold with. Raises Invalid for parts that are not
    sold, for the kit itself and for too many; Stale; Conflict for a SKU that has stock
    (``kit_has_stock``) or is a part itself (``sku_is_part``), and for a part that is a kit
    (``part_is_kit``).
    """
    kit = Kit(sku, parts) if parts else None
    if len(parts) > MOST_PARTS:
        raise Invalid(f"a kit has at most {MOST_PARTS} parts", path="$.parts")
    before, version = find_kit(sku, kits=kits, goods=goods)
    if version != expected_version:
        raise Stale(f"{sku} is at version {version}, not {expected_version}")
    if before is None and kit is None:
        raise Invalid(f"{sku} is no kit; say what one takes", code="missing", path="$.parts")
    unknown = [
        Problem("sku_unknown", f"no product sells the SKU {part}", f"$.parts[{n}].sku")
        for n, part in enumerate(parts)
        if goods.seller(part) is None
    ]
    if unknown:
        raise Invalid(unknown[0].detail, code="sku_unknown", problems=unknown)
    return kit, kits.define(sku, parts, before, version)
