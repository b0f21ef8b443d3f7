"""Import jobs in DynamoDB: a row per job, and one per part that was begun."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from shop.catalog.model.import_job import ImportCounts, ImportJob, ImportStatus
from shop.catalog.store.job_rows import CONDITION_FAILED, JOB, JobRow, add_row
from shop.kernel.errors import NotFound, Problem
from shop.kernel.unit_of_work import ConditionFailed
from shop.serialization import from_json, to_json
from shop.storage.transactions import DynamoUnitOfWork

PART = "PART#"
_COUNTS = tuple(each.name for each in fields(ImportCounts))


class DynamoImportJobs:
    """See :class:`shop.catalog.ports.import_jobs.ImportJobs`."""

    def add(self, job: ImportJob, request_hash: str) -> ImportJob:
        row = JobRow(
            job.id,
            JOB,
            status=job.status.value,
            doc=_document(job),
            request_hash=request_hash,
            expires_at=_expiry(job),
        )
        return _job(add_row(row))

    def get(self, job_id: str) -> ImportJob:
        try:
            return _job(JobRow.get(job_id, JOB, consistent_read=True))
        except JobRow.DoesNotExist:
            raise NotFound(f"Import {job_id} does not exist. Check the id.") from None

    def save(self, job: ImportJob, *, expected: ImportStatus) -> bool:
        actions: list[Action] = [
            JobRow.status.set(job.status.value),
            JobRow.doc.set(_document(job)),
        ]
        try:
            JobRow(job.id, JOB).update(actions, JobRow.status == expected.value)
        except UpdateError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise
            return False
        return True

    def begin_part(self, job: ImportJob, part: int, at: datetime) -> frozenset[datetime] | None:
        row = JobRow(job.id, _part_key(part))
        instant = at.isoformat(timespec="microseconds")
        actions: list[Action] = [
            JobRow.attempts.add({instant}),
            JobRow.expires_at.set(_expiry(job)),
        ]
        try:
            row.update(actions, JobRow.done.does_not_exist())
        except UpdateError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise
            return None
        # The update returns the row as it is now.
        return frozenset(map(datetime.fromisoformat, (row.attempts or set()) - {instant}))

    def complete_part(self, job: ImportJob, part: int, counts: ImportCounts) -> None:
        row, head = JobRow(job.id, _part_key(part)), JobRow(job.id, JOB)
        added = {"parts_done": 1, "products_done": job.part_sizes[part], **asdict(counts)}
        progress = [getattr(JobRow, name).add(number) for name, number in added.items()]
        try:
            DynamoUnitOfWork().commit(
                lambda t: t.update(row, [JobRow.done.set(True)], JobRow.done.does_not_exist()),
                lambda t: t.update(head, progress),
            )
        except ConditionFailed:
            return  # another attempt completed it

    def completed_parts(self, job: ImportJob) -> frozenset[int]:
        rows = JobRow.query(job.id, JobRow.sk.startswith(PART), consistent_read=True)
        return frozenset(int(row.sk.removeprefix(PART)) for row in rows if row.done)


def _part_key(part: int) -> str:
    return f"{PART}{part:05}"


def _expiry(job: ImportJob) -> int:
    return int(job.expires_at.timestamp())


def _document(job: ImportJob) -> dict[str, Any]:
    """Return the job without what only the completion of a part changes."""
    bare = replace(job, parts_done=0, products_done=0, counts=ImportCounts())
    document: dict[str, Any] = to_json(bare)
    return document


def _job(row: JobRow) -> ImportJob:
    problems: list[Problem] = []
    job = from_json(ImportJob, row.doc, "$", problems)
    if job is None:
        raise ValueError(f"Import {row.pk} cannot be read: {problems[0]}")
    numbers: Mapping[str, int] = {
        name: int(getattr(row, name) or 0) for name in ("parts_done", "products_done", *_COUNTS)
    }
    return replace(
        job,
        status=ImportStatus(row.status),
        parts_done=numbers["parts_done"],
        products_done=numbers["products_done"],
        counts=ImportCounts(**{name: numbers[name] for name in _COUNTS}),
    )
