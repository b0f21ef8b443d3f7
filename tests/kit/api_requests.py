"""A valid request of every route, in an order in which each finds what it needs.

``$name`` stands for a value that an earlier response contained.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from functions.discovery import get_openapi, get_reference
from infra.openapi_page import write_reference
from shop.catalog.gateway.import_files import S3ImportFiles
from shop.catalog.model.import_job import ImportJob
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.store.import_jobs import DynamoImportJobs
from shop.inventory.store import counter_level_cache, level_cache, locations_cache
from shop.orders.actions.delivery import complete_order
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.shipping.store import shipping_table_cache
from shop.storage.kill_switches import switch_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.http_api import HttpApi, put_all_secrets
from tests.kit.order_fixtures import order_fixture, order_placed_today
from tests.kit.products import mug, publish_with_stock
from tests.kit.shop import (
    ENVIRONMENT,
    ApiResponse,
    aws_client,
    create_queues,
    create_tables,
    mock_aws,
)
from tests.kit.valid_request import ValidRequest
from tests.kit.valid_settings_requests import (
    CATALOG,
    CSV,
    JOBS,
    PRICING,
    SETTINGS,
    STOCK,
    UPLOADED_IMPORT,
)
from tests.kit.valid_shopping_requests import CREDITS, ORDERS, OTHERS, PEAK, PURCHASE

REQUESTS = (
    *CATALOG,
    *JOBS,
    *STOCK,
    *PRICING,
    *SETTINGS,
    *CREDITS,
    *PURCHASE,
    *ORDERS,
    *PEAK,
    *OTHERS,
)


def prepare_shop() -> None:
    """Put what no route creates into the empty shop: goods on sale, orders of today, a file."""
    publish_with_stock(mug(), pieces=1_000)
    create_job_services()
    upload_import(CSV)
    fixture = order_fixture()
    for order_id in ("ord_1", "ord_2"):
        fixture.place_allocated(order_placed_today(order_id))
    fixture.ship(fixture.place_allocated(order_placed_today("ord_3")))
    fixture.track("delivered")
    complete_order("ord_3", at=fixture.now, orders=fixture.orders)


def create_job_services() -> None:
    """Create the bucket of the files of jobs, and the workflows that process them."""
    aws_client("s3").create_bucket(Bucket=ENVIRONMENT["FILES_BUCKET"])
    for setting in ("WORKFLOW_EXPORT", "WORKFLOW_IMPORT"):
        aws_client("stepfunctions").create_state_machine(
            name=ENVIRONMENT[setting].rpartition(":")[2],
            definition="{}",
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )


def upload_import(text: str) -> None:
    """Create an import with its file, which clients send to the bucket and not to the API."""
    job = ImportJob(
        id=UPLOADED_IMPORT,
        created_by="wanda",
        created_at=datetime.now(UTC),
        options=ImportOptions("USD"),
    )
    DynamoImportJobs().add(job, "fingerprint")
    form = S3ImportFiles().upload_target(job, at=job.created_at)
    aws_client("s3").put_object(
        Bucket=ENVIRONMENT["FILES_BUCKET"], Key=form.fields["key"], Body=text.encode()
    )


def clear_caches() -> None:
    """Let the next request read what another Lambda wrote a moment ago."""
    rule_set_cache(tax_table_cache()).clear()
    switch_cache().clear()
    level_cache().clear()
    counter_level_cache().clear()
    locations_cache().clear()
    waiting_rooms().clear()
    shipping_table_cache().forget()


@contextmanager
def prepared_shop() -> Iterator[HttpApi]:
    """Yield the API over moto, with the tables, queues, secrets and goods of a shop."""
    with mock_aws(), TemporaryDirectory() as directory:
        create_tables()
        create_queues()
        put_all_secrets()
        clear_caches()
        prepare_shop()
        write_reference(Path(directory))
        get_openapi.document_of_stage.cache_clear()
        get_reference.read.cache_clear()
        with (
            patch.object(get_openapi, "FILES", Path(directory)),
            patch.object(get_reference, "FILES", Path(directory)),
        ):
            yield HttpApi()
        get_openapi.document_of_stage.cache_clear()
        get_reference.read.cache_clear()
    clear_caches()


def send_all(api: HttpApi) -> Iterator[tuple[ValidRequest, ApiResponse, Mapping[str, Any]]]:
    """Send every request; yield it with its response and the values saved so far."""
    values: dict[str, Any] = {}
    for request in REQUESTS:
        response = send(api, request, values)
        for name, where in request.save.items():
            values[name] = _saved(response, where)
        yield request, response, values
        clear_caches()


def send(api: HttpApi, request: ValidRequest, values: Mapping[str, Any]) -> ApiResponse:
    """Send one request with the saved values in place of their names."""
    body = request.body
    content = body if isinstance(body, str) else json.dumps(_filled(body, values))
    return api.send(
        request.method,
        path_of(request, values),
        query=urlencode(request.query),
        headers={
            "content-type": "application/json",
            "accept": "application/json",
            "idempotency-key": str(uuid.uuid4()),
            **_filled(request.headers, values),
        },
        body=b"" if body is None else content.encode(),
    )


def path_of(request: ValidRequest, values: Mapping[str, Any]) -> str:
    return request.route.partition(" ")[2].format(**path_values(request, values))


def path_values(request: ValidRequest, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the path parameters of a request."""
    filled: dict[str, str] = _filled(request.path, values)
    return filled


def _saved(response: ApiResponse, where: str) -> Any:
    if where in response.headers:
        return response.headers[where]
    value = response.json
    for name in where.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    # The page of a challenge ends with the reference of its payment.
    return value.rpartition("/")[2] if where == "continue_url" and value else value


def _filled(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, Mapping):
        return {name: _filled(value, values) for name, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, values) for item in node]
    if isinstance(node, str) and re.fullmatch(r"\$\w+", node):
        return values[node[1:]]
    return node
