"""Export jobs in DynamoDB."""

from pynamodb.exceptions import UpdateError

from shop.catalog.model.export_job import ExportJob
from shop.catalog.store.job_rows import CONDITION_FAILED, JOB, JobRow, add_row
from shop.kernel.errors import NotFound, Problem
from shop.serialization import from_json, to_json


class DynamoExportJobs:
    """See :class:`shop.catalog.ports.export_jobs.ExportJobs`."""

    def add(self, job: ExportJob, request_hash: str) -> ExportJob:
        row = JobRow(
            job.id,
            JOB,
            status=_state(job),
            doc=to_json(job),
            request_hash=request_hash,
            expires_at=int(job.expires_at.timestamp()),
        )
        return _job(add_row(row))

    def get(self, job_id: str) -> ExportJob:
        try:
            return _job(JobRow.get(job_id, JOB, consistent_read=True))
        except JobRow.DoesNotExist:
            raise NotFound(f"Export {job_id} does not exist. Check the id.") from None

    def save(self, job: ExportJob, *, before: ExportJob) -> bool:
        actions = [JobRow.status.set(_state(job)), JobRow.doc.set(to_json(job))]
        try:
            JobRow(job.id, JOB).update([*actions], JobRow.status == _state(before))
        except UpdateError as error:
            if error.cause_response_code != CONDITION_FAILED:
                raise
            return False
        return True


def _state(job: ExportJob) -> str:
    """Return a text that every change of a job changes."""
    return f"{job.status}#{job.rounds}#{job.upload}"


def _job(row: JobRow) -> ExportJob:
    problems: list[Problem] = []
    job = from_json(ExportJob, row.doc, "$", problems)
    if job is None:
        raise ValueError(f"Export {row.pk} cannot be read: {problems[0]}")
    return job
