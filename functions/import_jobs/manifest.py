"""Imports of large product files: upload, and a workflow with progress."""

from functions.manifest import Access, Endpoint, Feature, JobStep, JobWorkflow, Table
from functions.query_parameters import CURSOR

GROUPS = ("staff", "catalog")
_JOB_VIEW = "shop.catalog.schemas.import_jobs:ImportJobView"

FEATURE = Feature(
    "import_jobs",
    (
        Endpoint(
            route="POST /staff/import-jobs",
            module="import_jobs.create_import_job",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Create an import of a large file (Shopify's CSV, or YAML), to upload it",
            requires_idempotency_key=True,
            request="shop.catalog.schemas.import_jobs:ImportJobBody",
            response="shop.catalog.schemas.import_jobs:ImportJobCreatedView",
            status=201,
            writes=(Table.JOBS,),
            writes_files=True,
        ),
        Endpoint(
            route="GET /staff/import-jobs/{id}",
            module="import_jobs.get_import_job",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Get an import with its progress and, once it is finished, its report",
            response="shop.catalog.schemas.import_jobs:ImportJobReportView",
            reads=(Table.JOBS,),
            reads_files=True,
        ),
        Endpoint(
            route="GET /staff/import-jobs/{id}/rejected",
            query=(CURSOR,),
            module="import_jobs.list_rejected_entries",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the rejected products and rows of a finished import, by line",
            response="shop.catalog.schemas.import_jobs:RejectedListView",
            errors=(404,),
            reads=(Table.JOBS,),
            reads_files=True,
        ),
        Endpoint(
            route="POST /staff/import-jobs/{id}/start",
            module="import_jobs.start_import_job",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Start an import whose file is uploaded",
            response=_JOB_VIEW,
            errors=(404, 409),
            writes=(Table.JOBS,),
            reads_files=True,
            starts_job=JobWorkflow.IMPORT,
        ),
        Endpoint(
            route="POST /staff/import-jobs/{id}/cancel",
            module="import_jobs.cancel_import_job",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Cancel an import; what it imported so far stays",
            response=_JOB_VIEW,
            errors=(404, 409),
            writes=(Table.JOBS,),
        ),
        JobStep(
            workflow=JobWorkflow.IMPORT,
            name="SplitFile",
            module="import_jobs.split_import_file",
            writes=(Table.JOBS,),
            writes_files=True,
            timeout=900,
            memory=2048,
            scratch=2048,
        ),
        JobStep(
            workflow=JobWorkflow.IMPORT,
            name="ImportPart",
            module="import_jobs.import_part",
            reads=(Table.TAX,),
            writes=(Table.JOBS, Table.CATALOG, Table.INVENTORY),
            writes_files=True,
            memory=1024,
        ),
        JobStep(
            workflow=JobWorkflow.IMPORT,
            name="FinishImport",
            module="import_jobs.finish_import",
            writes=(Table.JOBS,),
            writes_files=True,
            memory=1024,
        ),
    ),
)
