"""Quotas and cost of a number of orders per second, calculated from counted calls.

``python -m bench.capacity`` prints the tables of docs/capacity.md; ``--check`` fails if the page
differs, and ``--write`` updates it. Calls and units are counted by
tests/functions/orders/test_budgets.py. The manifests contain requests per order and seconds per
request. Everything else is a price or a default quota of AWS, named below with its page.
"""

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from functions.all import FEATURES
from functions.manifest import Endpoint, Reaction
from infra.stages import PROD
from shop.peak.model.traffic_peaks import MAX_TABLE_THROUGHPUT

PAGE = Path(__file__).resolve().parent.parent / "docs" / "capacity.md"
BEGIN, END = "<!-- begin: python -m bench.capacity -->", "<!-- end: python -m bench.capacity -->"
LINE_LENGTH = 100
RATES = (740, 10_000)
"""Orders per second: Shopify's peak of 2025, and the highest simulated rate of a hot SKU."""


@dataclass(frozen=True)
class Cost:
    """DynamoDB calls of one request, and its read and write units by table."""

    calls: int
    reads: Mapping[str, float] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)


REQUEST_COSTS: Mapping[str, Cost] = {
    "POST /catalog/search": Cost(2, {"catalog": 0.5, "inventory": 0.5}, {}),
    "POST /catalog/lookup": Cost(2, {"catalog": 0.5, "inventory": 0.5}, {}),
    "POST /catalog/product": Cost(2, {"catalog": 0.5, "inventory": 1.0}, {}),
    "POST /carts": Cost(2, {"catalog": 0.5}, {"sessions": 4}),
    "GET /carts/{id}": Cost(3, {"catalog": 0.5, "inventory": 1.0, "sessions": 1.0}, {}),
    "PUT /carts/{id}": Cost(2, {"catalog": 0.5, "sessions": 1.0}, {"sessions": 4}),
    "POST /checkout-sessions": Cost(3, {"catalog": 0.5, "inventory": 1.0}, {"sessions": 4}),
    "GET /checkout-sessions/{id}": Cost(1, {"sessions": 1.0}, {}),
    "PUT /checkout-sessions/{id}": Cost(3, {"catalog": 0.5, "sessions": 1.0}, {"sessions": 4}),
    "POST /checkout-sessions/{id}/complete": Cost(
        4, {"catalog": 1.0, "sessions": 1.0}, {"inventory": 4, "orders": 5, "sessions": 4}
    ),
}
BUDGETS: Mapping[str, int] = {
    "POST /catalog/search": 2,
    "POST /catalog/product": 1,
    "POST /carts": 2,
    "PUT /carts/{id}": 2,
    "POST /checkout-sessions": 3,
    "PUT /checkout-sessions/{id}": 3,
    "POST /checkout-sessions/{id}/complete": 4,
}
"""Maximum of DynamoDB calls per request."""

INDEX_ITEMS_PER_ORDER = 6
"""Items of the order index: an email address, three beginnings of the name Jane Doe, two SKUs."""
TRANSITIONS = 4
"""State transitions of an order workflow without failures (a contract test counts them)."""
EVENTS_UNTIL_PAID = ("OrderPlaced", "OrderConfirmed")
EVENTS_AFTER_PAYMENT = ("OrderShipped", "ShipmentUpdated", "OrderCompleted")
"""Events of one order. Tracking is published once, when the shipment is delivered."""
TRANSITIONS_UNTIL_PAID = 2
"""The workflow waits for the payment, and goes on to wait for the shipment."""
PUBLISHER_INVOCATIONS_PER_EVENT = 0.1
"""The publisher receives events in batches."""
ASYNC_SECONDS = 0.15
"""Duration of a Lambda invocation outside the shopper's requests."""
BUDGET_DOLLARS = 0.12
"""Maximum cost of 1,000 orders from cart to paid."""
LOG_KB_PER_ORDER = 12


def handlers_of(events: Iterable[str], *, email: bool) -> int:
    """Count the event handlers of these events: those that send email, or all others."""
    return sum(
        event in line.event_types and line.sends_email == email
        for feature in FEATURES
        for line in feature.functions
        if isinstance(line, Reaction)
        for event in events
    )


def background_invocations() -> float:
    """Return the Lambda invocations per order outside the shopper's requests, until delivery."""
    events = (*EVENTS_UNTIL_PAID, *EVENTS_AFTER_PAYMENT)
    handlers = handlers_of(events, email=False) + handlers_of(events, email=True)
    return TRANSITIONS + handlers + PUBLISHER_INVOCATIONS_PER_EVENT * len(events)


@dataclass(frozen=True)
class Quota:
    """A default quota of AWS, and the page that states it."""

    name: str
    default: float
    page: str


QUOTAS = {
    "requests": Quota("API Gateway, requests/s of an account", 10_000, "API Gateway quotas"),
    "environments": Quota("Lambda, concurrent environments", 1_000, "Lambda quotas"),
    "table": Quota(
        "DynamoDB, write units/s of a table", MAX_TABLE_THROUGHPUT.writes, "DynamoDB quotas"
    ),
    "start": Quota("Step Functions, StartExecution/s", 300, "Step Functions quotas"),
    "transitions": Quota("Step Functions, transitions/s", 5_000, "Step Functions quotas"),
    "events": Quota("EventBridge, PutEvents/s", 10_000, "EventBridge quotas"),
    "emails": Quota("SES, emails/s", 14, "SES quotas"),
}
ENVIRONMENTS_PER_SCALING = 1_000
"""Environments that Lambda adds to one function every ten seconds."""
PARTITION_WRITES = 1_000
"""Write units per second of one partition; a stream has one shard per partition."""
NEW_TABLE_WRITES = 4_000
"""Write units per second that a new on-demand table accepts at once."""

PRICES = {
    "HTTP API": 1.00e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB-second": 0.0000133334,
    "write unit": 0.625e-6,
    "read unit": 0.125e-6,
    "transition": 25e-6,
    "event": 1e-6,
    "log GB": 0.50,
    "email": 0.10e-3,
}
"""us-east-1, in dollars."""
MEMORY_GB = 0.5
WARM_GB_SECOND = 0.0000033334
"""Provisioned concurrency, arm64, per GB and second."""
PROVISIONED_MARGIN = 1.25


def shopper_requests() -> Mapping[str, tuple[float, float]]:
    """Return requests per order and seconds per request by route, in a traffic peak."""
    return {
        line.route: (line.peak.requests, line.peak.seconds)
        for feature in FEATURES
        for line in feature.functions
        if isinstance(line, Endpoint) and line.peak and line.route in REQUEST_COSTS
    }


def units_per_order() -> dict[str, tuple[float, float]]:
    """Return read and write units per order by table, from the first search to confirmation."""
    found: dict[str, tuple[float, float]] = {}
    for route, (requests, _) in shopper_requests().items():
        cost = REQUEST_COSTS[route]
        for table in {*cost.reads, *cost.writes}:
            reads, writes = found.get(table, (0.0, 0.0))
            found[table] = (
                reads + requests * cost.reads.get(table, 0),
                writes + requests * cost.writes.get(table, 0),
            )
    # Each transition of the workflow reads and writes the order.
    reads, writes = found.get("orders", (0.0, 0.0))
    found["orders"] = (reads + TRANSITIONS, writes + TRANSITIONS)
    found["order_index"] = (0.0, float(INDEX_ITEMS_PER_ORDER))
    return found


Row = tuple[str, str, str, str]
"""Service, requirement, default, and what to do."""


def required_quotas(rate: int) -> list[Row]:
    """Return the requirements of so many orders per second beside the default quotas."""
    requests = shopper_requests().values()
    busy = rate * sum(count * seconds for count, seconds in requests)
    table, units = max(
        ((name, writes) for name, (_, writes) in units_per_order().items()),
        key=lambda each: each[1],
    )
    events = len((*EVENTS_UNTIL_PAID, *EVENTS_AFTER_PAYMENT))
    requirements = {
        "requests": rate * sum(count for count, _ in requests),
        "environments": busy + rate * background_invocations() * ASYNC_SECONDS,
        "table": rate * units,
        "start": float(rate),
        "transitions": float(rate * TRANSITIONS),
        "events": float(rate * events),
        "emails": float(rate),
    }
    rows: list[Row] = []
    for name, required in requirements.items():
        quota = QUOTAS[name]
        title = f"{quota.name} ({table})" if name == "table" else quota.name
        rows.append(_row(title, required, quota.default))
        if name == "requests":
            rows.append(_row("Stage `prod`, admitted requests/s", required, PROD.rate))
    return [*rows, _scaling_row(rate), *_partition_rows(rate)]


def _row(title: str, required: float, default: float) -> Row:
    action = "enough" if required <= default else f"raise {ceil(required / default)} ×"
    return title, f"{ceil(required):,}", f"{default:,.0f}", action


def _scaling_row(rate: int) -> Row:
    busiest = max(rate * count * seconds for count, seconds in shopper_requests().values())
    return (
        "Lambda, seconds to scale the busiest function from zero",
        f"{ceil(busiest / ENVIRONMENTS_PER_SCALING * 10):,}",
        f"{ENVIRONMENTS_PER_SCALING:,} every 10 s",
        "provisioned before the start",
    )


def _partition_rows(rate: int) -> Iterator[Row]:
    for name, (_, units) in sorted(units_per_order().items()):
        writes = rate * units
        if not writes:
            continue
        action = "enough" if writes <= NEW_TABLE_WRITES else "warmed before the start"
        if writes > PROD.table_quota:
            times = ceil(writes / PROD.table_quota)
            action = f"raise the table's quota {times} ×, then warmed before the start"
        yield (
            f"DynamoDB, partitions of `{name}`",
            f"{ceil(writes / PARTITION_WRITES):,}",
            f"{NEW_TABLE_WRITES // PARTITION_WRITES} when new",
            action,
        )


BROWSING, BUYING, AFTER = "Browsing", "From cart to paid", "Emails and delivery"


def costs(part: str) -> list[tuple[str, float]]:
    """Return the cost of a part of 1,000 orders in dollars, by service; zero is left out."""
    requests, seconds, reads, writes = _request_totals(part)
    events: tuple[str, ...] = ()
    transitions, invocations, emails = 0, 0.0, 0
    if part == BUYING:
        writes += INDEX_ITEMS_PER_ORDER
        transitions, events = TRANSITIONS_UNTIL_PAID, EVENTS_UNTIL_PAID
        invocations = handlers_of(events, email=False)
    elif part == AFTER:
        transitions, events = TRANSITIONS - TRANSITIONS_UNTIL_PAID, EVENTS_AFTER_PAYMENT
        # All emails are counted here, also the confirmation of a paid order.
        emails = handlers_of((*EVENTS_UNTIL_PAID, *EVENTS_AFTER_PAYMENT), email=True)
        invocations = handlers_of(events, email=False) + emails
    invocations += transitions + PUBLISHER_INVOCATIONS_PER_EVENT * len(events)
    all_invocations = background_invocations() + sum(n for n, _ in shopper_requests().values())
    log_kb = LOG_KB_PER_ORDER * (requests + invocations) / all_invocations
    duration = seconds + invocations * ASYNC_SECONDS
    lines = [
        ("API Gateway", requests * PRICES["HTTP API"]),
        ("Lambda, requests", (requests + invocations) * PRICES["Lambda request"]),
        ("Lambda, time", duration * MEMORY_GB * PRICES["Lambda GB-second"]),
        ("DynamoDB, reads", (reads + transitions) * PRICES["read unit"]),
        ("DynamoDB, writes", (writes + transitions + emails) * PRICES["write unit"]),
        (f"Step Functions, {transitions} transitions", transitions * PRICES["transition"]),
        ("EventBridge", len(events) * PRICES["event"]),
        ("CloudWatch logs", log_kb / 1024**2 * PRICES["log GB"]),
        ("SES", emails * PRICES["email"]),
    ]
    return [(service, 1000 * dollars) for service, dollars in lines if dollars]


def _request_totals(part: str) -> tuple[float, float, float, float]:
    """Return requests, seconds, read and write units of a part of one order."""
    routes = {
        route: each
        for route, each in shopper_requests().items()
        if part == (BROWSING if route.startswith("POST /catalog") else BUYING)
    }
    return (
        sum(count for count, _ in routes.values()),
        sum(count * seconds for count, seconds in routes.values()),
        sum(n * sum(REQUEST_COSTS[route].reads.values()) for route, (n, _) in routes.items()),
        sum(n * sum(REQUEST_COSTS[route].writes.values()) for route, (n, _) in routes.items()),
    )


def cost_until_paid() -> tuple[float, float]:
    """Return the cost of 1,000 orders from cart to paid, and with all transitions of the workflow.

    The second figure includes the transitions after the payment.
    """
    dollars = sum(cost for _, cost in costs(BUYING))
    later = 1000 * (TRANSITIONS - TRANSITIONS_UNTIL_PAID) * PRICES["transition"]
    return dollars, dollars + later


def render_tables() -> str:
    """Return the generated block of the page, in lines of 100 characters."""
    lines = ["| request | DynamoDB calls | read units | write units | requests per order |"]
    lines.append("|---|---|---|---|---|")
    for route, cost in REQUEST_COSTS.items():
        requests = shopper_requests().get(route, (0.0, 0.0))[0]
        reads, writes = sum(cost.reads.values()), sum(cost.writes.values())
        lines.append(f"| `{route}` | {cost.calls} | {reads:g} | {writes} | {requests:g} |")
    for rate in RATES:
        lines += ["", f"**{rate:,} orders per second**", ""]
        lines += ["| quota | required | default | action |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in required_quotas(rate)]
    total = 0.0
    for part in (BROWSING, BUYING, AFTER):
        services = costs(part)
        dollars = sum(cost for _, cost in services)
        total += dollars
        lines += ["", f"**1,000 orders: {part.lower()}**", "", "| service | $ |", "|---|---|"]
        lines += [f"| {service} | {cost:.4f} |" for service, cost in services]
        lines.append(f"| **total** | **{dollars:.3f}** |")
    due, with_all_transitions = cost_until_paid()
    later = TRANSITIONS - TRANSITIONS_UNTIL_PAID
    lines += _paragraph(
        f"From cart to paid, 1,000 orders cost ${due:.3f} of a budget of ${BUDGET_DOLLARS:.2f}. "
        f"With the {later} transitions after the payment, they cost ${with_all_transitions:.3f}. "
        f"From the first search to delivery, they cost ${total:.3f}."
    )
    return "\n".join([*lines, *_paragraph(_provisioned_concurrency(RATES[0]))])


def _provisioned_concurrency(rate: int) -> str:
    busy = rate * sum(count * seconds for count, seconds in shopper_requests().values())
    environments = busy * PROVISIONED_MARGIN
    hourly = environments * MEMORY_GB * WARM_GB_SECOND * 3600
    return (
        f"Provisioned concurrency for {rate} orders per second, with a margin of a quarter, is "
        f"{ceil(environments):,} environments and costs ${hourly:.2f} per hour."
    )


def _paragraph(text: str) -> list[str]:
    return ["", *textwrap.wrap(text, LINE_LENGTH, break_on_hyphens=False)]


def main(argv: list[str] | None = None) -> int:
    """Print, check or write the tables; return 1 if the page differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if docs/capacity.md differs")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    arguments = parser.parse_args(argv)
    page = PAGE.read_text()
    before, begin, rest = page.partition(BEGIN)
    stored, end, after = rest.partition(END)
    if not begin or not end:
        print(f"docs/capacity.md lacks the lines {BEGIN} and {END}")
        return 1
    tables = render_tables()
    if arguments.write:
        PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")
        return 0
    if not arguments.check:
        print(tables)
    same = stored.strip() == tables
    print("docs/capacity.md is up to date" if same else "docs/capacity.md differs; use --write")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
