"""Define kits and read them."""

from collections.abc import Mapping

from shop.inventory.actions.stock_movements import unknown_sku
from shop.inventory.model.kits import MAX_KIT_PARTS, Kit
from shop.inventory.ports import KitRepository, SkuDirectory
from shop.kernel.errors import InvalidRequest, Problem, VersionConflict


def get_kit(sku: str, *, kits: KitRepository, skus: SkuDirectory) -> tuple[Kit | None, int]:
    """Return a kit and its version; ``None`` for a SKU that is not a kit.

    Raises NotFound for a SKU that no product sells.
    """
    kit, version = kits.get(sku)
    if kit is None and skus.product_id_for(sku) is None:
        raise unknown_sku(sku)
    return kit, version


def set_kit(
    sku: str,
    parts: Mapping[str, int],
    *,
    expected_version: int,
    kits: KitRepository,
    skus: SkuDirectory,
) -> tuple[Kit | None, int]:
    """Sell a SKU as a kit of these parts; without parts, as a single article again.

    Existing orders keep the parts they were sold with. Raises:

    - InvalidRequest for parts that no product sells, for a kit that contains itself, and for too
      many parts;
    - VersionConflict;
    - Conflict for a SKU that has stock (``kit_has_stock``) or is a part (``sku_is_part``), and for
      a part that is a kit (``part_is_kit``).
    """
    kit = Kit(sku, parts) if parts else None
    if len(parts) > MAX_KIT_PARTS:
        raise InvalidRequest(
            f"A kit may have at most {MAX_KIT_PARTS} parts, not {len(parts)}.",
            code="too_many",
            path="$.parts",
        )
    before, version = get_kit(sku, kits=kits, skus=skus)
    if version != expected_version:
        raise VersionConflict(
            f"The kit {sku} is at version {version}, not {expected_version}. "
            "Read it again and repeat the change."
        )
    if before is None and kit is None:
        raise InvalidRequest(
            f"{sku} is not a kit yet. Send at least one part.", code="missing", path="$.parts"
        )
    unknown = [
        Problem(
            "sku_unknown",
            f"No product sells the SKU {part}. Check its spelling.",
            f"$.parts[{index}].sku",
        )
        for index, part in enumerate(parts)
        if skus.product_id_for(part) is None
    ]
    if unknown:
        raise InvalidRequest(unknown[0].detail, code="sku_unknown", problems=unknown)
    return kit, kits.save(sku, parts, before, version)
