"""The import of a large file: its endpoints, and its workflow over its Lambdas."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from functions.import_jobs import (
    cancel_import_job,
    create_import_job,
    get_import_job,
    import_part,
    list_rejected_entries,
    start_import_job,
)
from functions.manifest import JobWorkflow
from functions.staff_catalog import import_products
from shop.catalog.actions.import_jobs import REJECTED_PER_PAGE
from shop.catalog.gateway.job_files import JobFiles
from shop.catalog.schemas import part_planning
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import DynamoStockRepository
from tests.kit.order_fixtures import signed_in
from tests.kit.shop import ENVIRONMENT, ApiResponse, Context, aws_client, call
from tests.kit.state_machine import StateFailed, run_job

HEADER = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty\n"
WANDA = signed_in("wanda", "catalog")
BUCKET = ENVIRONMENT["FILES_BUCKET"]


@pytest.fixture(autouse=True)
def _staff_route(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
    monkeypatch.setattr(part_planning, "PRODUCTS_PER_PART", 2)
    aws_client("s3").create_bucket(Bucket=BUCKET)
    aws_client("stepfunctions").create_state_machine(
        name=ENVIRONMENT["WORKFLOW_IMPORT"].rpartition(":")[2],
        definition="{}",
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )


def create(body: Any = None, **more: Any) -> ApiResponse:
    body = {"currency": "USD"} if body is None else body
    more.setdefault("claims", WANDA)
    return call(create_import_job.handler, "POST /staff/import-jobs", body, **more)


def get(job_id: str) -> ApiResponse:
    return call(get_import_job.handler, "GET /staff/import-jobs/{id}", claims=WANDA, id=job_id)


def rejected(job_id: str, cursor: str = "") -> ApiResponse:
    query = f"cursor={cursor}" if cursor else ""
    route = "GET /staff/import-jobs/{id}/rejected"
    return call(list_rejected_entries.handler, route, claims=WANDA, id=job_id, query=query)


def start(job_id: str) -> ApiResponse:
    route = "POST /staff/import-jobs/{id}/start"
    return call(start_import_job.handler, route, claims=WANDA, id=job_id)


def cancel(job_id: str) -> ApiResponse:
    route = "POST /staff/import-jobs/{id}/cancel"
    return call(cancel_import_job.handler, route, claims=WANDA, id=job_id)


def upload(text: str, **options: str) -> str:
    """Create an import and put its file where its form would; return its id."""
    created = create({"currency": "USD", **options})
    assert created.status == 201, created.text
    key = created.json["upload"]["fields"]["key"]
    aws_client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    return str(created.json["id"])


def invoke(module: str, payload: Mapping[str, Any]) -> Any:
    return import_module(f"functions.{module}").handler(dict(payload), Context())


def run(job_id: str, invoke: Callable[[str, Mapping[str, Any]], Any] = invoke) -> Any:
    """Start an import, let its workflow run to its end, and return its report's first page."""
    started = start(job_id)
    assert started.status == 200, started.text
    run_job(JobWorkflow.IMPORT, job_id, invoke)
    return {**get(job_id).json, **rejected(job_id).json}


def products(count: int, first: int = 0) -> str:
    return "".join(f"p{n},P {n},,,SKU-{n},{n + 1},{n}\n" for n in range(first, first + count))


FILE = HEADER + products(3) + "bad,Bad,,,BAD,x,1\n" + products(3, 3) + ",,,,NONE,1,1\n"
COUNTS = ("created", "changed", "unchanged", "rejected_count", "failed_count")
STOCK = ("stock_created", "stock_unchanged")


def counts(job: Any, names: tuple[str, ...] = COUNTS) -> tuple[int, ...]:
    return tuple(job[name] for name in names)


# ------------------------------------------------------------------------------------ upload


def test_the_upload_target_bounds_key_size_and_type() -> None:
    response = create()
    assert response.status == 201, response.text
    job = response.json
    assert (job["status"], job["products"]) == ("awaiting_upload", 0)
    target = job["upload"]
    assert target["max_bytes"] == 256 * 1024 * 1024
    policy = json.loads(base64.b64decode(target["fields"]["policy"]))
    conditions = policy["conditions"]
    assert {"Content-Type": "text/csv"} in conditions
    assert ["content-length-range", 1, 256 * 1024 * 1024] in conditions
    assert {"bucket": BUCKET} in conditions
    assert {"key": f"imports/{job['id']}/upload.csv"} in conditions
    assert target["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_a_repeated_creation_returns_the_same_import() -> None:
    first, again = create(key="key-1-aaaaaaaaaaaa"), create(key="key-1-aaaaaaaaaaaa")
    assert (first.status, again.status) == (201, 201)
    assert first.json["id"] == again.json["id"]
    other = create({"currency": "EUR"}, key="key-1-aaaaaaaaaaaa")
    assert (other.status, other.json["errors"][0]["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "$.currency", "missing"),
        ({"currency": "usd"}, "$.currency", "currency_unknown"),
        ({"currency": "USD", "decimal": "dot"}, "$.decimal", "value_unknown"),
        ({"currency": "USD", "encoding": "latin-1"}, "$.encoding", "value_unknown"),
        ({"currency": "USD", "format": "xlsx"}, "$.format", "value_unknown"),
        ({"currency": "USD", "media": "pictures"}, "$.media", "url_invalid"),
        ({"currency": "USD", "first_line": 2}, "$.first_line", "unknown_field"),
    ],
)
def test_an_invalid_option_is_rejected(body: Any, path: str, code: str) -> None:
    response = create(body)
    assert response.status == 400
    (error,) = response.json["errors"]
    assert (error["path"], error["code"]) == (path, code)


@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane", "ops"), 403)])
def test_only_staff_of_the_catalog_may_import(claims: Any, status: int) -> None:
    assert create(claims=claims).status == status


def test_an_import_without_its_file_does_not_start() -> None:
    response = start(create().json["id"])
    assert (response.status, response.json["errors"][0]["code"]) == (409, "file_missing")


@pytest.mark.parametrize("action", [get, rejected, start, cancel])
def test_an_unknown_import_returns_404(action: Callable[[str], ApiResponse]) -> None:
    assert action("imp_unknown").status == 404


# ------------------------------------------------------------------------------------ import


def test_a_file_is_imported_in_parts_as_a_small_file_is() -> None:
    job = run(upload(FILE))

    assert (job["status"], job["rows"], job["products"]) == ("completed", 8, 7)
    assert counts(job) == (5, 0, 0, 2, 0)
    assert counts(job, STOCK) == (5, 0)
    assert job["products_done"] == 7
    assert [(row["line"], row.get("product")) for row in job["rejected"]] == [(5, "bad"), (9, "p5")]
    assert DynamoProductCatalog().get("p4").variants[0].price.minor == 500
    assert DynamoStockRepository().level("SKU-4").available == 4
    small = call(
        import_products.handler,
        "POST /staff/imports",
        raw=FILE,
        headers={"content-type": "text/csv"},
        query="currency=USD",
        claims=WANDA,
    ).json
    assert small["rejected"] == job["rejected"]
    assert (small["statuses"], small["tax_classes"]) == (job["statuses"], job["tax_classes"])
    assert (small["unchanged"], small["stock_unchanged"]) == (5, 5)


YAML = (
    "".join(
        f"- id: p{n}\n  name: No {n}\n  price: {n + 1}\n  current_stock: 01{n}\n" for n in range(5)
    )
    + "- id: bad\n  name: no\n  price: 1:20\n- id: p1\n  name: Again\n  price: 1\n"
)


def test_a_yaml_file_is_imported_in_parts_as_a_small_one_is() -> None:
    job = run(upload(YAML, format="yaml"))

    assert (job["status"], job["format"]) == ("completed", "yaml")
    assert (job["rows"], job["products"], job["products_done"]) == (7, 7, 7)
    assert (counts(job), counts(job, STOCK)) == ((5, 0, 0, 2, 0), (5, 0))
    assert [(row["line"], row.get("product")) for row in job["rejected"]] == [
        (21, "bad"),
        (24, "p1"),
    ]
    assert DynamoStockRepository().level("p4").available == 14
    small = call(
        import_products.handler,
        "POST /staff/imports",
        raw=YAML,
        headers={"content-type": "application/yaml"},
        query="currency=USD",
        claims=WANDA,
    ).json
    assert small["rejected"] == job["rejected"]
    assert (small["statuses"], small["tax_classes"]) == (job["statuses"], job["tax_classes"])
    assert (small["unchanged"], small["stock_unchanged"]) == (5, 5)


def test_the_upload_of_a_yaml_file_has_its_own_type_and_key() -> None:
    job = create({"currency": "USD", "format": "yaml"}).json
    target = job["upload"]
    conditions = json.loads(base64.b64decode(target["fields"]["policy"]))["conditions"]
    assert {"Content-Type": "application/yaml"} in conditions
    assert {"key": f"imports/{job['id']}/upload.yaml"} in conditions


def test_a_yaml_file_of_another_kind_fails_and_imports_nothing() -> None:
    job = run(upload("products:\n" + YAML, format="yaml"))
    assert (job["status"], job["problem"]["code"]) == ("failed", "not_a_list")
    assert counts(job) == (0, 0, 0, 0, 0)


def test_the_same_file_again_changes_nothing() -> None:
    run(upload(FILE))
    before = DynamoProductCatalog().get_many([f"p{n}" for n in range(5)])
    job = run(upload(FILE))
    assert counts(job) == (0, 0, 5, 2, 0)
    assert counts(job, STOCK) == (0, 5)
    assert DynamoProductCatalog().get_many(before) == before


def test_options_apply_to_all_parts() -> None:
    text = (HEADER + products(3)).replace(",", ";").replace(";1;", ";1,5;")
    job = run(upload(text, currency="EUR", decimal="comma"))
    assert (job["created"], job["rejected"]) == (3, [])
    price = DynamoProductCatalog().get("p0").variants[0].price
    assert (price.minor, price.currency) == (150, "EUR")


def test_progress_is_shown_while_the_import_runs() -> None:
    job_id = upload(HEADER + products(5))
    seen = []

    def watched(module: str, payload: Mapping[str, Any]) -> Any:
        result = invoke(module, payload)
        job = get(job_id).json
        seen.append((job["status"], job["products"], job["products_done"], job["created"]))
        return result

    run(job_id, watched)
    assert seen == [
        ("importing", 5, 0, 0),
        ("importing", 5, 2, 2),
        ("importing", 5, 4, 4),
        ("importing", 5, 5, 5),
        ("completed", 5, 5, 5),
    ]


def test_the_report_is_paged_by_line() -> None:
    rows = "".join(f"bad-{n},Bad,,,B{n},x,1\n" for n in range(REJECTED_PER_PAGE + 1))
    first = run(upload(HEADER + rows))
    assert len(first["rejected"]) == REJECTED_PER_PAGE
    second = rejected(first["id"], first["cursor"]).json
    assert "cursor" not in second
    lines = [row["line"] for row in (*first["rejected"], *second["rejected"])]
    assert lines == list(range(2, REJECTED_PER_PAGE + 3))
    assert first["rejected_count"] == REJECTED_PER_PAGE + 1
    invalid = rejected(first["id"], "nonsense")
    assert (invalid.status, invalid.json["errors"][0]["code"]) == (400, "cursor_invalid")


def test_notices_are_folded_by_their_text() -> None:
    header = HEADER.replace("\n", ",Cost per item,Colour\n")
    rows = "".join(f"p{n},P,,,S{n},1,1,{n + 1},red\n" for n in range(25))
    job = run(upload(header + rows))
    assert job["notices"] == ["Columns ignored, because the shop has no such field: colour."]
    (notice,) = job["product_notices"]
    assert notice["notice"] == "The cost per item is not imported: the shop has no such field."
    assert (notice["products"], len(notice["examples"])) == (25, 20)
    assert notice["examples"][0] == {
        "lines": [2],
        "notice": notice["notice"],
        "product": "p0",
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEADER + products(3) + 'q,"Q,,,Q,1,1\n', "csv_malformed"),
        (HEADER, "file_empty"),
        ("Handle,Price\ntee,1\n", "columns_missing"),
        ("<html>", "file_unknown"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_changes_nothing(text: str, code: str) -> None:
    job = run(upload(text))
    assert (job["status"], job["problem"]["code"]) == ("failed", code)
    assert (job["rejected"], job["created"]) == ([], 0)
    assert DynamoProductCatalog().get_many(["p0"]) == {}


# ------------------------------------------------------------------------------------ crashes


def crash_once(monkeypatch: pytest.MonkeyPatch, target: Any, method: str, *, after: bool) -> None:
    """Let the first call of a method fail, before or after it took effect."""
    original = getattr(target, method)
    calls = []

    def crashing(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            return original(*args, **kwargs)
        if after:
            original(*args, **kwargs)
        raise ConnectionError("the Lambda ended")

    monkeypatch.setattr(target, method, crashing)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("owner", "method"),
    [
        ("catalog", "save_many"),
        ("stock", "create_levels"),
        ("files", "put_report"),
        ("jobs", "complete_part"),
    ],
)
def test_a_part_that_crashes_is_imported_and_counted_once(
    owner: str, method: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a product that the file changes, and stock that exists
    run(upload(HEADER + "p0,Before,,,SKU-0,9,7\n"))
    job_id = upload(FILE)

    # When the first part crashes, and the workflow retries it
    crash_once(monkeypatch, getattr(import_part, owner), method, after=after)
    job = run(job_id)

    # Then every product, its stock and its count are those of one import
    assert counts(job) == (4, 1, 0, 2, 0)
    assert counts(job, STOCK) == (4, 1)
    assert job["products_done"] == 7
    stored = DynamoProductCatalog().get_many([f"p{n}" for n in range(5)])
    assert [stored[f"p{n}"].version for n in range(5)] == [2, 1, 1, 1, 1]
    levels = [DynamoStockRepository().level(f"SKU-{n}") for n in range(5)]
    assert [level.on_hand for level in levels] == [7, 1, 2, 3, 4]


def test_a_change_of_staff_between_two_attempts_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = upload(HEADER + products(2))
    original = import_part.stock.create_levels
    calls = []

    def edited_meanwhile(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            catalog = DynamoProductCatalog()
            product = catalog.get("p0")
            catalog.save(replace(product, title="By staff"), expected_version=product.version)
            raise ConnectionError("the Lambda ended")
        return original(*args, **kwargs)

    monkeypatch.setattr(import_part.stock, "create_levels", edited_meanwhile)
    job = run(job_id)
    assert counts(job) == (2, 0, 0, 0, 0)
    assert DynamoProductCatalog().get("p0").title == "By staff"


def test_a_part_that_always_fails_is_reported_and_the_others_are_imported() -> None:
    def broken(module: str, payload: Mapping[str, Any]) -> Any:
        if payload.get("part") == 1:
            raise ConnectionError("no answer")
        return invoke(module, payload)

    job = run(upload(HEADER + products(6)), broken)
    assert (job["status"], *counts(job)) == ("completed", 4, 0, 0, 2, 2)
    assert [(row["line"], row["product"]) for row in job["rejected"]] == [(4, "p2"), (5, "p3")]
    assert job["rejected"][0]["reason"].startswith("The shop failed while it imported")
    again = run(upload(HEADER + products(6)))
    assert counts(again) == (2, 0, 4, 0, 0)


def test_a_file_that_cannot_be_split_fails_and_imports_nothing() -> None:
    def broken(module: str, payload: Mapping[str, Any]) -> Any:
        if module.endswith("split_import_file"):
            raise MemoryError
        return invoke(module, payload)

    job = run(upload(FILE), broken)
    assert (job["status"], job["problem"]["code"]) == ("failed", "import_failed")
    assert job["created"] == 0


@pytest.mark.parametrize("module", ["split_import_file", "import_part", "finish_import"])
def test_a_step_whose_answer_is_lost_is_repeated_without_effect(module: str) -> None:
    lost: list[Any] = []

    def losing(name: str, payload: Mapping[str, Any]) -> Any:
        result = invoke(name, payload)
        if name.endswith(module) and payload not in lost:
            lost.append(payload)
            raise TimeoutError
        return result

    job = run(upload(FILE), losing)
    assert lost
    assert (job["status"], *counts(job)) == ("completed", 5, 0, 0, 2, 0)
    assert counts(job, STOCK) == (5, 0)


def test_a_report_that_cannot_be_written_fails_the_execution() -> None:
    def broken(module: str, payload: Mapping[str, Any]) -> Any:
        if module.endswith("finish_import"):
            raise ConnectionError("no answer")
        return invoke(module, payload)

    with pytest.raises(StateFailed):
        run(upload(FILE), broken)


# ------------------------------------------------------------------------------------ start, cancel


def test_an_import_starts_once() -> None:
    job_id = upload(FILE)
    assert [start(job_id).json["status"] for _ in range(2)] == ["validating"] * 2
    machine = ENVIRONMENT["WORKFLOW_IMPORT"]
    (execution,) = aws_client("stepfunctions").list_executions(stateMachineArn=machine)[
        "executions"
    ]
    assert execution["name"] == job_id
    run_job(JobWorkflow.IMPORT, job_id, invoke)
    again = start(job_id)
    assert (again.status, again.json["errors"][0]["code"]) == (409, "job_finished")


def test_an_import_is_cancelled_before_its_upload() -> None:
    job_id = create().json["id"]
    assert [cancel(job_id).json["status"] for _ in range(2)] == ["cancelled"] * 2
    assert start(job_id).status == 409
    assert rejected(job_id).json["rejected"] == []


@pytest.mark.parametrize(("after", "created"), [("start", 0), ("split", 0), ("part", 2)])
def test_a_cancelled_import_begins_no_further_part(after: str, created: int) -> None:
    job_id = upload(FILE)

    def cancelling(module: str, payload: Mapping[str, Any]) -> Any:
        result = invoke(module, payload)
        if after in module and get(job_id).json["status"] == "importing":
            assert cancel(job_id).json["status"] == "cancelling"
        return result

    if after == "start":
        start(job_id)
        assert cancel(job_id).json["status"] == "cancelled"
        assert start(job_id).status == 409
        run_job(JobWorkflow.IMPORT, job_id, invoke)
        job = get(job_id).json
    else:
        job = run(job_id, cancelling)
    assert (job["status"], job["created"]) == ("cancelled", created)
    assert job["failed_count"] == 0
    assert cancel(job_id).status == 200


def test_a_finished_import_cannot_be_cancelled() -> None:
    job = run(upload(FILE))
    response = cancel(job["id"])
    assert (response.status, response.json["errors"][0]["code"]) == (409, "job_finished")


def test_a_report_whose_files_were_removed_returns_404() -> None:
    job = run(upload(FILE))
    files = JobFiles()
    for item in aws_client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]:
        files.client.delete_object(Bucket=BUCKET, Key=item["Key"])
    for response in (get(job["id"]), rejected(job["id"])):
        assert (response.status, response.json["errors"][0]["code"]) == (404, "report_expired")


def test_a_job_rejects_unknown_tax_classes_and_counts_the_others() -> None:
    text = "Handle,Title,Price,Tax Class,Barcode\n" + "".join(
        f"p{n},P {n},1,{'cheap' if n == 3 else 'Reduced'},40063813\n" for n in range(5)
    )
    job = run(upload(text))
    (rejected,) = job["rejected"]
    assert (rejected["product"], rejected["row"], rejected["column"]) == ("p3", 5, "D")
    assert rejected["reason"].startswith("tax class: Must be one of reduced, standard")
    assert job["tax_classes"] == [{"tax_class": "reduced", "products": 4, "variants": 4}]
    assert job["statuses"] == [{"status": "published", "products": 4}]
    (barcodes,) = job["notices"]
    assert "variants: 40063813 (lines 2, 3, 4, 5, 6). A barcode names one article" in barcodes
