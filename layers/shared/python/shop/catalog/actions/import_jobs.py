"""Import a large product file: upload, split, import part by part, report.

Every action may be repeated after a crash at any point, because its workflow retries it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from shop.catalog.actions.importing import FileImport, ParsedFile, import_file
from shop.catalog.model.import_job import ImportCounts, ImportJob, ImportStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.import_parts import SplitFile
from shop.catalog.model.import_report import (
    PartReport,
    ProductNotice,
    RejectedEntry,
    ReportBuilder,
    ReportSummary,
)
from shop.catalog.ports import OpeningStock, ProductCatalog
from shop.catalog.ports.import_jobs import ImportFiles, ImportJobs, ImportWorkflow
from shop.kernel.errors import Conflict, InvalidRequest, Problem, Unprocessable
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor

REJECTED_PER_PAGE = 200
"""Rejected entries on a page of the report."""
_PAGE = re.compile(r"[0-9]{1,6}")
NOT_IMPORTED = (
    "The shop failed while it imported this product, which may be stored or not. Import the file"
    " again: stored products are then unchanged."
)
VALIDATION_FAILED = Problem(
    "import_failed",
    "The shop failed while it read the file, and imported nothing. Import the file again.",
)

Split = Callable[[Iterable[bytes], ImportOptions], SplitFile]
ReadPart = Callable[[bytes, ImportOptions], ParsedFile]
PartProducts = Callable[[bytes], Iterable[tuple[str, int]]]


def start_import(
    job_id: str,
    *,
    at: datetime,
    jobs: ImportJobs,
    files: ImportFiles,
    workflow: ImportWorkflow,
) -> ImportJob:
    """Start the import of an uploaded file; a second call changes nothing.

    Raises :class:`Conflict` (``file_missing``, ``job_finished``).
    """
    job = jobs.get(job_id)
    if job.status is ImportStatus.AWAITING_UPLOAD:
        if files.upload_size(job) is None:
            raise Conflict(
                "The file is not uploaded. Send it to the upload target of this import first.",
                code="file_missing",
            )
        started = replace(job.moved_to(ImportStatus.VALIDATING), started_at=at)
        jobs.save(started, expected=ImportStatus.AWAITING_UPLOAD)
        job = jobs.get(job_id)
    if job.is_finished or job.status is ImportStatus.CANCELLING:
        job.moved_to(ImportStatus.VALIDATING)
    # Again after a crash between the two writes: the workflow starts once per job.
    workflow.start(job_id)
    return job


def cancel_import(job_id: str, *, at: datetime, jobs: ImportJobs) -> ImportJob:
    """Cancel an import: parts that are under way finish, and no other part begins.

    Before the first part, and if its workflow has failed, the job ends at once. A second call
    changes nothing. Raises :class:`Conflict` (``job_finished``).
    """
    while True:
        job = jobs.get(job_id)
        cancelled = job.cancelled(at)
        # The workflow may have moved the job since it was read.
        if cancelled == job or jobs.save(cancelled, expected=job.status):
            return cancelled


def split_upload(
    job_id: str, *, jobs: ImportJobs, files: ImportFiles, split: Split, at: datetime
) -> tuple[int, ...]:
    """Read the uploaded file once, store its parts, and return their numbers.

    A file that is wrong as a whole has no parts; the job is then failed, with the reason.
    """
    job = jobs.get(job_id)
    if job.status is ImportStatus.IMPORTING:
        return tuple(range(len(job.part_sizes)))
    if job.status is not ImportStatus.VALIDATING:
        return ()
    try:
        found = split(files.read_upload(job), job.options)
    except (InvalidRequest, Unprocessable) as error:
        failed = replace(job.moved_to(ImportStatus.FAILED), problem=error.problems[0])
        jobs.save(replace(failed, finished_at=at), expected=ImportStatus.VALIDATING)
        return ()
    files.put_report(job, None, PartReport(found.rejected, found.notices))
    for part in found.parts:
        files.put_part(job, part.number, part.data)
    importing = replace(
        job.moved_to(ImportStatus.IMPORTING),
        rows=found.rows,
        products=found.products,
        part_sizes=found.part_sizes,
        unplaced=len(found.rejected),
    )
    # Staff may have cancelled the import meanwhile.
    if not jobs.save(importing, expected=ImportStatus.VALIDATING):
        return ()
    return tuple(range(len(found.part_sizes)))


def import_part(
    job_id: str,
    part: int,
    *,
    at: datetime,
    jobs: ImportJobs,
    files: ImportFiles,
    read_part: ReadPart,
    catalog: ProductCatalog,
    stock: OpeningStock,
) -> bool:
    """Import one part of a file by the same action as a small file, and count it once.

    Returns whether it is imported: a cancelled job imports no further part.
    """
    job = jobs.get(job_id)
    if job.status is not ImportStatus.IMPORTING:
        return False
    earlier = jobs.begin_part(job, part, at)
    if earlier is None:
        return True
    parsed = read_part(files.get_part(job, part), job.options)
    imported = import_file(
        parsed, catalog=catalog, stock=stock, actor=job.created_by, at=at, earlier=earlier
    )
    report = _part_report(parsed, imported)
    files.put_report(job, part, report)
    products = imported.products
    jobs.complete_part(
        job,
        part,
        ImportCounts(
            created=len(products.created),
            changed=len(products.changed),
            unchanged=len(products.unchanged),
            rejected=len(report.rejected),
            stock_created=imported.stock_created,
            stock_unchanged=imported.stock_counted - imported.stock_created,
        ),
    )
    return True


def _part_report(parsed: ParsedFile, imported: FileImport) -> PartReport:
    accepted = imported.products.accepted_ids
    return PartReport(
        tuple(map(parsed.located, (*parsed.rejected, *imported.products.rejected))),
        tuple(parsed.notices),
        tuple(
            ProductNotice(entry.product_id, notice.lines, notice.text)
            for entry in parsed.entries
            if entry.product_id in accepted
            for notice in entry.notices
        ),
        imported.products.content,
    )


def finish_import(
    job_id: str,
    *,
    at: datetime,
    jobs: ImportJobs,
    files: ImportFiles,
    part_products: PartProducts,
) -> ImportJob:
    """Write the report of an import whose parts are all done, failed or cancelled."""
    job = jobs.get(job_id)
    if job.is_finished:
        return job
    if job.status is ImportStatus.VALIDATING:
        failed = replace(job.moved_to(ImportStatus.FAILED), problem=VALIDATION_FAILED)
        return _finished(replace(failed, finished_at=at), job.status, jobs)
    report = ReportBuilder()
    report.add(files.get_report(job, None) or PartReport())
    completed = jobs.completed_parts(job)
    lost: list[RejectedEntry] = []
    for part in range(len(job.part_sizes)):
        if part in completed:
            report.add(files.get_report(job, part) or PartReport())
        elif job.status is ImportStatus.IMPORTING:
            products = part_products(files.get_part(job, part))
            lost += [RejectedEntry(line, NOT_IMPORTED, handle) for handle, line in products]
    report.add(PartReport(tuple(lost)))
    pages = report.pages(REJECTED_PER_PAGE)
    files.put_summary(job, report.summary(), pages)
    is_cancelled = job.status is ImportStatus.CANCELLING
    status = ImportStatus.CANCELLED if is_cancelled else ImportStatus.COMPLETED
    finished = replace(
        job.moved_to(status), finished_at=at, failed=len(lost), report_pages=len(pages)
    )
    return _finished(finished, job.status, jobs)


def _finished(job: ImportJob, expected: ImportStatus, jobs: ImportJobs) -> ImportJob:
    if not jobs.save(job, expected=expected):
        raise Conflict(
            f"Import {job.id} changed while its report was written. The workflow repeats it.",
            code="contention",
        )
    return job


def read_summary(job: ImportJob, *, files: ImportFiles) -> ReportSummary:
    """Return the notices of a job's report, empty until it is finished."""
    return files.get_summary(job) if _has_report(job) else ReportSummary()


def list_rejected(job: ImportJob, cursor: str | None, *, files: ImportFiles) -> Page[RejectedEntry]:
    """Return a page of the rejected entries of a job, empty until it is finished.

    Raises :class:`InvalidRequest` (``cursor_invalid``).
    """
    after = decode_name_cursor(cursor, _PAGE)
    number = 0 if after is None else int(after) + 1
    if not _has_report(job) or number >= job.report_pages:
        return Page(())
    is_last = number + 1 == job.report_pages
    following = None if is_last else to_cursor({"after": str(number)})
    return Page(tuple(files.get_page(job, number)), following)


def _has_report(job: ImportJob) -> bool:
    was_read = job.started_at is not None and not job.has_no_report
    return job.is_finished and job.problem is None and was_read
