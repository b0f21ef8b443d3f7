"""What staff do with kits: say what one takes, or that it is none any more."""

from collections.abc import Mapping

from shop.inventory.model.kits import MAX_KIT_PARTS, Kit
from shop.inventory.ports import KitRepository, SkuDirectory
from shop.kernel.errors import InvalidRequest, NotFound, Problem, VersionConflict


def get_kit(sku: str, *, kits: KitRepository, skus: SkuDirectory) -> tuple[Kit | None, int]:
    """What a kit takes and the version of that; ``None`` for a SKU that is none (yet).

    Raises NotFound for a SKU that no product sells.
    """
    kit, version = kits.get(sku)
    if kit is None and skus.product_id_for(sku) is None:
        raise NotFound(f"no product sells the SKU {sku}", code="sku_unknown", path="sku")
    return kit, version


def set_kit(
    sku: str,
    parts: Mapping[str, int],
    *,
    expected_version: int,
    kits: KitRepository,
    skus: SkuDirectory,
) -> tuple[Kit | None, int]:
    """Sell a SKU as a kit of these parts from now on; with no parts, as itself again.

    What was sold before keeps the parts it was sold with. Raises Invalid for parts that are not
    sold, for the kit itself and for too many; Stale; Conflict for a SKU that has stock
    (``kit_has_stock``) or is a part itself (``sku_is_part``), and for a part that is a kit
    (``part_is_kit``).
    """
    kit = Kit(sku, parts) if parts else None
    if len(parts) > MAX_KIT_PARTS:
        raise InvalidRequest(f"a kit has at most {MAX_KIT_PARTS} parts", path="$.parts")
    before, version = get_kit(sku, kits=kits, skus=skus)
    if version != expected_version:
        raise VersionConflict(f"{sku} is at version {version}, not {expected_version}")
    if before is None and kit is None:
        raise InvalidRequest(f"{sku} is no kit; say what one takes", code="missing", path="$.parts")
    unknown = [
        Problem("sku_unknown", f"no product sells the SKU {part}", f"$.parts[{n}].sku")
        for n, part in enumerate(parts)
        if skus.product_id_for(part) is None
    ]
    if unknown:
        raise InvalidRequest(unknown[0].detail, code="sku_unknown", problems=unknown)
    return kit, kits.save(sku, parts, before, version)
