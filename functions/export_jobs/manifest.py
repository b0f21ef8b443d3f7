"""Exports of whole catalogs: a workflow that writes one file, and a link to it."""

from functions.manifest import Access, Endpoint, Feature, JobStep, JobWorkflow, Table
from functions.query_parameters import CURSOR

GROUPS = ("staff", "catalog")
_JOB_VIEW = "shop.catalog.schemas.export_jobs:ExportJobView"

FEATURE = Feature(
    "export_jobs",
    (
        Endpoint(
            route="POST /staff/export-jobs",
            module="export_jobs.create_export_job",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Export the whole catalog as one file in Shopify's CSV",
            requires_idempotency_key=True,
            request="shop.catalog.schemas.export_jobs:ExportJobBody",
            response=_JOB_VIEW,
            status=201,
            writes=(Table.JOBS,),
            starts_job=JobWorkflow.EXPORT,
        ),
        Endpoint(
            route="GET /staff/export-jobs/{id}",
            module="export_jobs.get_export_job",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get an export with its progress and, once it is completed, its download link",
            response=_JOB_VIEW,
            reads=(Table.JOBS,),
            reads_files=True,
        ),
        Endpoint(
            route="GET /staff/export-jobs/{id}/omitted",
            query=(CURSOR,),
            module="export_jobs.list_omitted_products",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the products that an export omitted, with the reasons",
            response="shop.catalog.schemas.export_jobs:OmittedListView",
            errors=(404,),
            reads=(Table.JOBS,),
            reads_files=True,
        ),
        JobStep(
            workflow=JobWorkflow.EXPORT,
            name="ExportPiece",
            module="export_jobs.export_piece",
            reads=(Table.CATALOG, Table.INVENTORY),
            writes=(Table.JOBS,),
            writes_files=True,
            memory=1024,
        ),
        JobStep(
            workflow=JobWorkflow.EXPORT,
            name="FinishExport",
            module="export_jobs.finish_export",
            writes=(Table.JOBS,),
            writes_files=True,
        ),
    ),
)
