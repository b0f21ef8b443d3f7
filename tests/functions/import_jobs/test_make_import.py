"""`make import` says the same about a file, whether it is one request or a job."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from functions.import_jobs import (
    create_import_job,
    get_import_job,
    list_rejected_entries,
    start_import_job,
)
from functions.manifest import JobWorkflow
from functions.staff_catalog import import_products
from local import importer
from local.http_actors import HttpClient, HttpResponse
from shop.catalog.schemas import part_planning
from tests.functions.import_jobs.test_import_jobs import BUCKET, WANDA, invoke
from tests.kit.shop import ENVIRONMENT, aws_client, call
from tests.kit.state_machine import run_job

DATA = Path(__file__).parents[2] / "data"
HANDLERS: dict[str, Any] = {
    "POST /staff/imports": import_products,
    "POST /staff/import-jobs": create_import_job,
    "POST /staff/import-jobs/{id}/start": start_import_job,
    "GET /staff/import-jobs/{id}": get_import_job,
    "GET /staff/import-jobs/{id}/rejected": list_rejected_entries,
}


@pytest.fixture(autouse=True)
def _staff_route(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
    monkeypatch.setattr(part_planning, "PRODUCTS_PER_PART", 2)
    monkeypatch.setattr(importer, "POLL_SECONDS", 0)
    monkeypatch.setattr(importer, "send_form", _put)
    aws_client("s3").create_bucket(Bucket=BUCKET)
    aws_client("stepfunctions").create_state_machine(
        name=ENVIRONMENT["WORKFLOW_IMPORT"].rpartition(":")[2],
        definition="{}",
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )


def _put(target: Any, data: bytes) -> None:
    aws_client("s3").put_object(Bucket=BUCKET, Key=target["fields"]["key"], Body=data)


class Staff(HttpClient):
    """A client of the handlers; a started job runs to its end."""

    def __init__(self) -> None:
        super().__init__("http://shop.test")

    def request(self, route: str, body: Any = None, **options: Any) -> HttpResponse:
        path, _, query = route.partition("?")
        parts = path.split("/")
        names: dict[str, Any] = {"id": parts[3]} if len(parts) > 3 else {}
        pattern = path.replace(f"/{parts[3]}", "/{id}") if names else path
        if raw := options.get("raw"):
            options = {
                "raw": raw.decode(),
                "headers": {"content-type": options["headers"]["Content-Type"]},
            }
        else:
            options = {}
        response = call(
            HANDLERS[pattern].handler, pattern, body, claims=WANDA, query=query, **names, **options
        )
        if pattern.endswith("/start"):
            run_job(JobWorkflow.IMPORT, names["id"], invoke)
        return HttpResponse(response.status, {}, response.text)


def output(send: Any, text: str, kind: str) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=300)
    try:
        send(text, kind, {"currency": "USD"}, Staff(), console)
    except RuntimeError as failure:
        console.print(str(failure), soft_wrap=True)
    lines = [
        re.sub(r"[0-9.]+ s$", "", line.strip()).strip() for line in out.getvalue().splitlines()
    ]
    return [line for line in lines if "━" not in line]


def damaged() -> str:
    """Return the damaged export up to its malformed quote, which rejects a whole job."""
    return (DATA / "shopify-damaged.csv").read_text("utf-8").split("\nopen-quote")[0] + "\n"


YAML = (
    "- {id: a, name: A, price: x}\n- {id: b, name: B, price: 1, unknown: 1, image: b.jpg}\n"
    "- {id: b, name: C, price: 1}\n- {id: d, name: D, price: 2, current_stock: -1}\n- 'open\n"
)
FILES = [
    (damaged(), "text/csv"),
    ((DATA / "shopify-old-columns.csv").read_text("utf-8"), "text/csv"),
    (YAML, "application/yaml"),
    ("Handle;Titel;Preis\na;A;1\n", "text/csv"),
    ("Handle,Title,Price\n", "text/csv"),
    ("products: []\n", "application/yaml"),
    ("{}", "text/csv"),
]


@pytest.mark.parametrize(("text", "kind"), FILES)
def test_a_job_reports_a_file_as_one_request_does(text: str, kind: str) -> None:
    importer_output = output(importer.upload, text, kind)
    # The same products again are unchanged in both
    once_more = output(importer.upload, text, kind)
    job = output(importer.upload_whole, text, kind)
    assert importer_output
    assert [line.replace(" or a YAML list of products", "") for line in once_more] == job
