"""The export of a whole catalog: its endpoints, and its workflow over its Lambdas."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.export_jobs import (
    create_export_job,
    export_piece,
    get_export_job,
    list_omitted_products,
)
from functions.manifest import JobWorkflow
from functions.staff_catalog import import_products as import_small_file
from shop.catalog.actions import export_jobs as actions
from shop.catalog.actions.import_jobs import finish_import, import_part, split_upload
from shop.catalog.actions.importing import import_content
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.model import Product
from shop.catalog.model.export_job import ExportJob
from shop.catalog.model.import_job import WORKFLOW_LIMIT, ImportJob, ImportStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parts import part_products, read_part
from shop.catalog.schemas.shopify import read_csv
from shop.catalog.schemas.shopify_parts import split_shopify_file
from shop.catalog.store import DynamoProductCatalog
from shop.catalog.store.export_jobs import DynamoExportJobs
from shop.catalog.store.import_jobs import DynamoImportJobs
from tests.doubles.catalog import MemoryProductCatalog
from tests.doubles.inventory import MemoryStockRepository
from tests.kit.order_fixtures import signed_in
from tests.kit.products import FIXED_NOW
from tests.kit.shop import ENVIRONMENT, ApiResponse, Context, aws_client, call
from tests.kit.state_machine import StateFailed, run_job

WANDA = signed_in("wanda", "catalog")
BUCKET = ENVIRONMENT["FILES_BUCKET"]
MANY = 3_000


@pytest.fixture(autouse=True)
def _staff_route(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
    monkeypatch.setattr("moto.settings.S3_UPLOAD_PART_MIN_SIZE", 1, raising=False)
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1, raising=False)
    aws_client("s3").create_bucket(Bucket=BUCKET)
    aws_client("stepfunctions").create_state_machine(
        name=ENVIRONMENT["WORKFLOW_EXPORT"].rpartition(":")[2],
        definition="{}",
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )


def create(currency: str = "USD", **more: Any) -> ApiResponse:
    more.setdefault("claims", WANDA)
    body = {"currency": currency}
    return call(create_export_job.handler, "POST /staff/export-jobs", body, **more)


def get(job_id: str) -> ApiResponse:
    route = "GET /staff/export-jobs/{id}"
    return call(get_export_job.handler, route, claims=WANDA, id=job_id)


def omitted(job_id: str) -> list[tuple[str, str]]:
    found, query = [], ""
    while True:
        response = call(
            list_omitted_products.handler,
            "GET /staff/export-jobs/{id}/omitted",
            claims=WANDA,
            query=query,
            id=job_id,
        )
        assert response.status == 200, response.text
        found += [(row["product"], row["reason"]) for row in response.json["omitted"]]
        if "cursor" not in response.json:
            return found
        query = f"cursor={response.json['cursor']}"


def invoke(module: str, payload: Mapping[str, Any]) -> Any:
    return import_module(f"functions.{module}").handler(dict(payload), Context())


def run(invoke: Callable[[str, Mapping[str, Any]], Any] = invoke) -> Any:
    created = create()
    assert (created.status, created.json["status"]) == (201, "exporting"), created.text
    run_job(JobWorkflow.EXPORT, created.json["id"], invoke)
    return get(created.json["id"]).json


def download(job: Any) -> str:
    """Return the file that the download link names."""
    url = urlsplit(job["download"]["url"])
    assert "X-Amz-Signature" in parse_qs(url.query)
    key = url.path.partition("exports/")
    answer = aws_client("s3").get_object(Bucket=BUCKET, Key="".join(key[1:]))
    return str(answer["Body"].read().decode())


def save(*products: Product) -> None:
    assert DynamoProductCatalog().save_many(products) == {}


def mugs(count: int, *, currency: str = "USD", status: str = "active") -> list[Product]:
    """Return products with two variants, as an import of a file creates them."""
    text = "Handle,Title,Vendor,Tags,Status,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
    for n in range(count):
        handle = f"{currency}-{status}-{n:04}".lower()
        text += f'{handle},Mug {n},Acme,"a, b",{status},Size,S,{handle}-S,{n + 1}.50\n'
        text += f"{handle},,,,,,L,{handle}-L,{n + 2}\n"
    options = ImportOptions(currency)
    parsed = read_csv(text, options, max_products=count)
    return [import_content(entry, None, at=FIXED_NOW) for entry in parsed.entries]


def imported(text: str) -> Any:
    response = call(
        import_small_file.handler,
        "POST /staff/imports",
        raw=text,
        headers={"content-type": "text/csv"},
        query="currency=USD",
        claims=WANDA,
    )
    assert response.status == 200, response.text
    return response.json


def test_an_export_is_one_file_whose_import_changes_nothing() -> None:
    goods = (*mugs(3), *mugs(1, status="draft"))
    save(*goods)
    before = DynamoProductCatalog().get_many(p.id for p in goods)

    job = run()

    assert (job["status"], job["products"], job["omitted_count"]) == ("completed", 4, 0)
    text = download(job)
    assert [line.partition(",")[0] for line in text.splitlines()].count("Handle") == 1
    report = imported(text)
    assert (report["unchanged"], report["created"], report["changed"]) == (4, 0, 0)
    assert DynamoProductCatalog().get_many(before) == before


def test_a_large_catalog_is_written_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PRODUCTS_PER_READ", 2)
    monkeypatch.setattr(actions, "PIECE_BYTES", 1)
    save(*mugs(5))
    steps: list[str] = []

    def counted(module: str, payload: Mapping[str, Any]) -> Any:
        steps.append(module.rpartition(".")[2])
        return invoke(module, payload)

    job = run(counted)
    assert steps.count("export_piece") >= 3
    assert steps[-1] == "finish_export"
    assert (job["status"], job["products"]) == ("completed", 5)
    assert imported(download(job))["unchanged"] == 5


def test_products_that_the_format_cannot_hold_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PRODUCTS_PER_READ", 2)
    monkeypatch.setattr(actions, "PIECE_BYTES", 1)
    save(*mugs(3), *mugs(3, currency="EUR"))
    job = run()
    assert (job["products"], job["omitted_count"]) == (3, 3)
    reason = "Its prices are in EUR. Export that currency."
    assert sorted(omitted(job["id"])) == [(f"eur-active-{n:04}", reason) for n in range(3)]


def test_an_empty_catalog_is_a_file_with_column_names_only() -> None:
    job = run()
    assert (job["status"], job["products"], omitted(job["id"])) == ("completed", 0, [])
    assert download(job).startswith("Handle,Title,")


@pytest.mark.parametrize("module", ["export_piece", "finish_export"])
def test_a_step_whose_answer_is_lost_is_repeated_without_effect(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "PRODUCTS_PER_READ", 2)
    monkeypatch.setattr(actions, "PIECE_BYTES", 1)
    save(*mugs(5))
    calls: list[str] = []

    def losing(name: str, payload: Mapping[str, Any]) -> Any:
        result = invoke(name, payload)
        calls.append(name)
        if name.endswith(module) and len(calls) % 2:
            raise TimeoutError
        return result

    job = run(losing)
    assert (job["status"], job["products"]) == ("completed", 5)
    assert imported(download(job))["unchanged"] == 5


@pytest.mark.parametrize("method", ["begin", "put_piece", "put_omitted", "complete"])
@pytest.mark.parametrize("after", [False, True])
def test_a_step_that_crashes_is_repeated(
    method: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(*mugs(3))
    owner = import_module("functions.export_jobs.finish_export").files
    owner = owner if method == "complete" else export_piece.files
    original = getattr(owner, method)
    calls: list[int] = []

    def crashing(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            return original(*args, **kwargs)
        if after:
            original(*args, **kwargs)
        raise ConnectionError("the Lambda ended")

    monkeypatch.setattr(owner, method, crashing)
    job = run()
    assert (job["status"], job["products"], len(calls)) == ("completed", 3, 2)
    assert imported(download(job))["unchanged"] == 3


def test_a_piece_that_always_fails_fails_the_export() -> None:
    def broken(module: str, payload: Mapping[str, Any]) -> Any:
        if module.endswith("export_piece"):
            raise ConnectionError("no answer")
        return invoke(module, payload)

    job = run(broken)
    assert job["status"] == "failed"
    assert "download" not in job


def test_a_file_that_cannot_be_joined_fails_the_execution() -> None:
    def broken(module: str, payload: Mapping[str, Any]) -> Any:
        if module.endswith("finish_export"):
            raise ConnectionError("no answer")
        return invoke(module, payload)

    with pytest.raises(StateFailed):
        run(broken)


def test_a_repeated_creation_starts_one_export() -> None:
    key = "key-1-aaaaaaaaaaaa"
    first, again = create(key=key), create(key=key)
    assert first.json["id"] == again.json["id"]
    machine = ENVIRONMENT["WORKFLOW_EXPORT"]
    executions = aws_client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [each["name"] for each in executions] == [first.json["id"]]
    other = create("EUR", key=key)
    assert (other.status, other.json["errors"][0]["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(minutes=1), "exporting"),
        (WORKFLOW_LIMIT - timedelta(minutes=1), "exporting"),
        (WORKFLOW_LIMIT + timedelta(minutes=1), "failed"),
        (timedelta(days=20), "failed"),
    ],
)
def test_an_export_whose_workflow_never_started_fails_in_the_end(
    age: timedelta, status: str
) -> None:
    # Given a job whose creation was interrupted before its workflow started
    created = datetime.now(UTC) - age
    job = ExportJob(id="exp_lost", created_by="wanda", created_at=created, currency="USD")
    DynamoExportJobs().add(job, "fingerprint")

    # Then it is failed when no workflow can run any more
    seen = get("exp_lost").json
    assert seen["status"] == status
    assert ("finished_at" in seen) == (status == "failed")


def test_a_repeated_creation_starts_no_workflow_of_a_failed_export() -> None:
    key = "key-1-aaaaaaaaaaaa"
    made = create(key=key).json
    machine = ENVIRONMENT["WORKFLOW_EXPORT"]
    client = aws_client("stepfunctions")
    (execution,) = client.list_executions(stateMachineArn=machine)["executions"]
    client.stop_execution(executionArn=execution["executionArn"])
    jobs = DynamoExportJobs()
    job = jobs.get(made["id"])
    assert jobs.save(replace(job, created_at=job.created_at - timedelta(hours=8)), before=job)
    assert create(key=key).json["status"] == "failed"


def test_an_unknown_export_returns_404() -> None:
    assert get("exp_unknown").status == 404


@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane", "ops"), 403)])
def test_only_staff_of_the_catalog_may_export(claims: Any, status: int) -> None:
    assert create(claims=claims).status == status


def test_a_catalog_of_thousands_comes_back_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given several thousand products
    goods = mugs(MANY)
    catalog = MemoryProductCatalog(*goods)
    ids = [product.id for product in goods]
    # The double sorts the whole catalog for every page.
    monkeypatch.setattr(actions, "PRODUCTS_PER_READ", 1_000)
    before = catalog.get_many(ids)
    monkeypatch.setattr(export_piece, "catalog", catalog)

    # When the catalog is exported, and the file is imported as a large one
    exported = run()
    jobs, files = DynamoImportJobs(), S3ImportFiles()
    job = ImportJob(
        id="imp_round_trip", created_by="wanda", created_at=FIXED_NOW, options=ImportOptions("USD")
    )
    jobs.add(job, "hash")
    key = f"imports/{job.id}/upload.csv"
    aws_client("s3").put_object(Bucket=BUCKET, Key=key, Body=download(exported).encode())
    assert jobs.save(
        replace(job, status=ImportStatus.VALIDATING, started_at=FIXED_NOW),
        expected=ImportStatus.AWAITING_UPLOAD,
    )
    parts = split_upload(job.id, jobs=jobs, files=files, split=split_shopify_file, at=FIXED_NOW)
    stock = MemoryStockRepository()
    for part in parts:
        import_part(
            job.id,
            part,
            at=FIXED_NOW,
            jobs=jobs,
            files=files,
            read_part=read_part,
            catalog=catalog,
            stock=stock,
        )
    done = finish_import(job.id, at=FIXED_NOW, jobs=jobs, files=files, part_products=part_products)

    # Then no product changed
    assert exported["products"] == MANY
    assert len(parts) == MANY // 200
    assert (done.status, done.counts.unchanged) == (ImportStatus.COMPLETED, MANY)
    assert (done.counts.created, done.counts.changed, done.counts.rejected) == (0, 0, 0)
    assert catalog.get_many(ids) == before
