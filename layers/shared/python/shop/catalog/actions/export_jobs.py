"""Export a whole catalog into one file, which fits no response.

Every action may be repeated after a crash at any point, because its workflow retries it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from shop.catalog.actions.product_admin import list_products
from shop.catalog.model import Product, VariantStatus
from shop.catalog.model.export_job import (
    ExportedProduct,
    ExportJob,
    ExportStatus,
    OmittedProduct,
)
from shop.catalog.ports import ProductCatalog
from shop.catalog.ports.export_jobs import ExportFiles, ExportJobs
from shop.kernel.errors import Contention
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor

PIECE_BYTES = 8 * 1024 * 1024
"""Bytes of a piece of the file; the storage requires 5 MiB of all but the last one."""
PRODUCTS_PER_READ = 50
_ROUND = re.compile(r"[0-9]{1,6}")

ExportProduct = Callable[[Product, str, Mapping[str, int]], ExportedProduct]
UnitsOnHand = Callable[[Iterable[str]], Mapping[str, int]]
"""The units on hand by SKU; a SKU without stock is absent."""


def export_piece(
    job_id: str,
    *,
    header: str,
    export_product: ExportProduct,
    units_on_hand: UnitsOnHand,
    catalog: ProductCatalog,
    jobs: ExportJobs,
    files: ExportFiles,
) -> bool:
    """Write the next piece of the file; return whether all products are written.

    A repeated call writes the same piece again.
    """
    job = jobs.get(job_id)
    if job.status is not ExportStatus.EXPORTING or job.is_read:
        return True
    if not job.upload:
        begun = replace(job, upload=files.begin(job))
        _save(begun, job, jobs)
        job = begun
    rows = [] if job.rounds else [header]
    omitted: list[OmittedProduct] = []
    size, products, cursor = 0, 0, job.cursor
    while True:
        page = list_products(catalog=catalog, status=None, limit=PRODUCTS_PER_READ, cursor=cursor)
        stored = catalog.get_many(card.product_id for card in page.items)
        units = units_on_hand(active_skus(stored.values()))
        for card in page.items:
            if card.product_id not in stored:
                continue
            exported = export_product(stored[card.product_id], job.currency, units)
            if exported.rows is None:
                omitted.append(OmittedProduct(exported.product, exported.omitted or ""))
            else:
                rows.append(exported.rows)
                size += len(exported.rows)
                products += 1
        cursor = page.cursor
        if cursor is None or size >= PIECE_BYTES:
            break
    receipt = None
    if rows:
        receipt = files.put_piece(job, len(job.pieces) + 1, "".join(rows).encode())
    files.put_omitted(job, job.rounds, omitted)
    after = job.after_round(receipt, cursor=cursor, products=products, omitted=len(omitted))
    _save(after, job, jobs)
    return after.is_read


def active_skus(products: Iterable[Product]) -> list[str]:
    """Return the SKUs that an export has."""
    variants = (variant for product in products for variant in product.variants)
    return [v.sku for v in variants if v.status is VariantStatus.ACTIVE]


def finish_export(job_id: str, *, at: datetime, jobs: ExportJobs, files: ExportFiles) -> ExportJob:
    """Join the pieces of the file; a file without all its pieces fails the job."""
    job = jobs.get(job_id)
    if job.status is not ExportStatus.EXPORTING:
        return job
    if job.is_read:
        files.complete(job)
    status = ExportStatus.COMPLETED if job.is_read else ExportStatus.FAILED
    finished = replace(job, status=status, finished_at=at)
    _save(finished, job, jobs)
    return finished


def list_omitted(job: ExportJob, cursor: str | None, *, files: ExportFiles) -> Page[OmittedProduct]:
    """Return the omitted products of one step of a job; a page may be empty.

    Raises :class:`InvalidRequest` (``cursor_invalid``).
    """
    after = decode_name_cursor(cursor, _ROUND)
    number = 0 if after is None else int(after) + 1
    if number >= job.rounds:
        return Page(())
    following = to_cursor({"after": str(number)}) if number + 1 < job.rounds else None
    return Page(tuple(files.get_omitted(job, number)), following)


def _save(job: ExportJob, before: ExportJob, jobs: ExportJobs) -> None:
    if not jobs.save(job, before=before):
        raise Contention("Another step has written this export. The workflow repeats the step.")
