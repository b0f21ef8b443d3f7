"""PUT /staff/local-tax-rates/{state}: import the sales tax below a state, by ZIP code."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.errors import InvalidRequest
from shop.kernel.optimistic_locking import require_version
from shop.kernel.text_files import decode_text
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.actions import import_local_rates
from shop.tax.schemas import LocalTaxRatesView, first_day_from_query
from shop.tax.store.cache import tax_table_cache
from shop.tax.store.local_rates import DynamoLocalRateRepository

MAX_FILE_BYTES = 4_000_000
"""Bytes: a Lambda accepts 6 MB, and base64 turns 3 bytes into 4."""

repository = DynamoLocalRateRepository()
rule_source = rule_set_cache(tax_table_cache())


@endpoint(body_limit=MAX_FILE_BYTES)
def handler(request: Request[None]) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("text/csv", "application/csv"):
        raise InvalidRequest(
            "Send text/csv with the rates of one state.",
            code="content_type_unsupported",
            path="Content-Type",
        )
    rates = import_local_rates(
        request.path["state"],
        decode_text(request.raw_body),
        first_day_from_query(request.query),
        expected_version=require_version(request.headers.get("if-match"), None, minimum=0),
        actor=request.caller.username or "?",
        repository=repository,
        today=rule_source.rules(request.received_at).market_of("US").day(request.received_at),
        at=request.received_at,
    )
    return Response(LocalTaxRatesView.of(rates), headers={"ETag": f'"{rates.version}"'})
