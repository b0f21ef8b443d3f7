"""Ports of exports of whole catalogs: jobs, files and the workflow."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from shop.catalog.model.export_job import DownloadLink, ExportJob, OmittedProduct


class ExportJobs(Protocol):
    """Exports of catalogs."""

    def add(self, job: ExportJob, request_hash: str) -> ExportJob:
        """Store a new job; return the stored one if the id exists.

        Raises ``IdempotencyKeyReused`` if the stored one has another hash.
        """

    def get(self, job_id: str) -> ExportJob:
        """Return a job as last written. Raises ``NotFound``."""

    def save(self, job: ExportJob, *, before: ExportJob) -> bool:
        """Store a job; ``False`` if it is no longer as ``before``."""


class ExportFiles(Protocol):
    """The files of exports, which are written in pieces."""

    def begin(self, job: ExportJob) -> str:
        """Begin a file and return its id while it is written."""

    def put_piece(self, job: ExportJob, number: int, data: bytes) -> str:
        """Store a piece, from 1, and return its receipt; a second call replaces the first one.

        All pieces but the last one must have 5 MiB.
        """

    def complete(self, job: ExportJob) -> None:
        """Join the pieces; a second call changes nothing."""

    def download_link(self, job: ExportJob, *, at: datetime) -> DownloadLink: ...

    def put_omitted(
        self, job: ExportJob, number: int, omitted: Sequence[OmittedProduct]
    ) -> None: ...

    def get_omitted(self, job: ExportJob, number: int) -> Sequence[OmittedProduct]: ...


class ExportWorkflow(Protocol):
    """The workflow that writes the file of an export."""

    def start(self, job_id: str) -> None:
        """Start it; a second call for the same job changes nothing."""
