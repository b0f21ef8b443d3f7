"""Cancelled imports: each of them ends, whatever happened to its workflow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.import_jobs import start_import_job
from infra.constructs.job_workflows import MAX_HOURS
from shop.catalog.actions.import_jobs import cancel_import
from shop.catalog.model.import_job import MAY_BECOME, WORKFLOW_LIMIT, ImportJob, ImportStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.kernel.errors import Conflict
from tests.functions.import_jobs.test_import_jobs import (
    FILE,
    cancel,
    get,
    invoke,
    rejected,
    start,
    upload,
)
from tests.functions.import_jobs.test_import_jobs import _staff_route as _staff_route

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("cloud")


def stored(status: ImportStatus, **changes: Any) -> ImportJob:
    """Store a job in a status, as a crash left it."""
    jobs = DynamoImportJobs()
    started = None if status is ImportStatus.AWAITING_UPLOAD else NOW
    fields = {"options": ImportOptions("USD"), "started_at": started, **changes}
    job = ImportJob(id="imp_1", created_by="wanda", created_at=NOW, status=status, **fields)
    return jobs.add(job, "hash")


def test_import_whose_workflow_never_started_is_cancelled_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given an import that failed between its status and the start of its workflow
    def fail(job_id: str) -> None:
        raise RuntimeError("Step Functions does not respond.")

    monkeypatch.setattr(start_import_job.workflow, "start", fail)
    job_id = upload(FILE)
    assert start(job_id).status == 500
    assert get(job_id).json["status"] == "validating"
    # When staff cancel it, and again
    first, second = cancel(job_id), cancel(job_id)
    # Then it has ended, without a report
    assert (first.status, first.json["status"]) == (200, "cancelled")
    assert second.json == first.json
    assert first.json["finished_at"]
    assert get(job_id).json["rejected_count"] == 0
    assert rejected(job_id).json["rejected"] == []
    assert start(job_id).status == 409


@pytest.mark.parametrize("cancelled_before", [False, True])
def test_workflow_of_an_import_that_was_cancelled_first_changes_nothing(
    cancelled_before: bool,
) -> None:
    job_id = upload(FILE)
    start(job_id)
    if cancelled_before:
        cancel(job_id)
    split = invoke("import_jobs.split_import_file", {"job_id": job_id})
    if not cancelled_before:
        assert cancel(job_id).json["status"] == "cancelling"
    for part in split["parts"]:
        assert invoke("import_jobs.import_part", {"job_id": job_id, "part": part}) == {
            "imported": False
        }
    assert (split["parts"] == []) is cancelled_before
    for _ in range(2):
        finished = invoke("import_jobs.finish_import", {"job_id": job_id})
        assert finished["status"] == "cancelled"
    assert get(job_id).json["created"] == 0
    assert cancel(job_id).json["status"] == "cancelled"


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (ImportStatus.AWAITING_UPLOAD, {}),
        (ImportStatus.VALIDATING, {}),
        # As a former release left it: no workflow ever reads the file.
        (ImportStatus.CANCELLING, {}),
    ],
)
def test_import_without_parts_ends_at_once(status: ImportStatus, changes: Any) -> None:
    stored(status, **changes)
    jobs = DynamoImportJobs()
    first = cancel_import("imp_1", at=NOW, jobs=jobs)
    assert (first.status, first.finished_at) == (ImportStatus.CANCELLED, NOW)
    assert cancel_import("imp_1", at=NOW + timedelta(days=1), jobs=jobs) == first
    assert rejected("imp_1").status == get("imp_1").status == 200


@pytest.mark.parametrize("status", [ImportStatus.IMPORTING, ImportStatus.CANCELLING])
def test_import_whose_workflow_failed_ends_after_the_workflow_s_limit(status: ImportStatus) -> None:
    stored(status, rows=3, products=3, part_sizes=(3,))
    jobs = DynamoImportJobs()
    for hours in (1, MAX_HOURS):
        at = NOW + timedelta(hours=hours)
        assert cancel_import("imp_1", at=at, jobs=jobs).status is ImportStatus.CANCELLING
    late = NOW + WORKFLOW_LIMIT + timedelta(seconds=1)
    first = cancel_import("imp_1", at=late, jobs=jobs)
    assert first.status is ImportStatus.CANCELLED
    assert cancel_import("imp_1", at=late, jobs=jobs) == first
    assert rejected("imp_1").status == get("imp_1").status == 200


@pytest.mark.parametrize("status", [ImportStatus.COMPLETED, ImportStatus.FAILED])
def test_finished_import_stays_as_it_is(status: ImportStatus) -> None:
    stored(status, finished_at=NOW)
    with pytest.raises(Conflict) as error:
        cancel_import("imp_1", at=NOW, jobs=DynamoImportJobs())
    assert error.value.code == "job_finished"


def test_every_status_has_an_end_that_staff_can_reach() -> None:
    ends = {status for status, following in MAY_BECOME.items() if not following}
    assert ends == {ImportStatus.COMPLETED, ImportStatus.FAILED, ImportStatus.CANCELLED}
    for status in set(ImportStatus) - ends:
        assert ImportStatus.CANCELLED in MAY_BECOME[status]
    assert timedelta(hours=MAX_HOURS) < WORKFLOW_LIMIT
