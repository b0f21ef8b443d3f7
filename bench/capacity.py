"""What so many orders a second need of each service's quotas, from what was counted.

``python -m bench.capacity`` prints the tables of docs/capacity.md; ``--check`` fails where the page
says something else. Calls and units are counted by tests/functions/orders/test_budgets.py; requests
an order and seconds a request stand in the manifests. Everything else is a price or a quota of
AWS's, named below with its page.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from functions.all import FEATURES
from functions.manifest import Endpoint, Reaction
from infra.stages import PROD
from shop.peak.model.traffic_peaks import MAX_TABLE_THROUGHPUT

PAGE = Path(__file__).resolve().parent.parent / "docs" / "capacity.md"
BEGIN, END = "<!-- reckoned: python -m bench.capacity -->", "<!-- end of what is reckoned -->"
RATES = (740, 10_000)
"""Orders a second: Shopify's peak of 2025, and what a hot SKU was simulated far below."""


@dataclass(frozen=True)
class Cost:
    """DynamoDB calls of one request, and its read and write units by table."""

    calls: int
    reads: Mapping[str, float] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)


COUNTED: Mapping[str, Cost] = {
    "POST /catalog/search": Cost(1, {"catalog": 0.5}, {}),
    "POST /catalog/lookup": Cost(2, {"catalog": 0.5, "inventory": 0.5}, {}),
    "POST /catalog/product": Cost(2, {"catalog": 0.5, "inventory": 1.0}, {}),
    "POST /carts": Cost(2, {"catalog": 0.5}, {"sessions": 4}),
    "GET /carts/{id}": Cost(3, {"catalog": 0.5, "inventory": 1.0, "sessions": 1.0}, {}),
    "PUT /carts/{id}": Cost(2, {"catalog": 0.5, "sessions": 1.0}, {"sessions": 4}),
    "POST /checkout-sessions": Cost(3, {"catalog": 0.5, "inventory": 1.0}, {"sessions": 4}),
    "GET /checkout-sessions/{id}": Cost(1, {"sessions": 1.0}, {}),
    "PUT /checkout-sessions/{id}": Cost(3, {"catalog": 0.5, "sessions": 1.0}, {"sessions": 4}),
    "POST /checkout-sessions/{id}/complete": Cost(
        3, {"sessions": 1.0}, {"inventory": 4, "orders": 5, "sessions": 4}
    ),
}
BUDGETS: Mapping[str, int] = {
    "POST /catalog/search": 1,
    "POST /catalog/product": 1,
    "POST /carts": 2,
    "PUT /carts/{id}": 2,
    "POST /checkout-sessions": 3,
    "PUT /checkout-sessions/{id}": 3,
    "POST /checkout-sessions/{id}/complete": 3,
}
"""Calls of DynamoDB that a request may make."""

TRANSITIONS = 4
"""Of the order workflow, in an order without trouble (a contract test counts them)."""
UNTIL_PAID = ("OrderPlaced", "OrderConfirmed")
AFTERWARDS = ("OrderShipped", "ShipmentUpdated", "OrderCompleted")
"""What is told of an order on the bus; a parcel's journey once, when it arrives."""
STEPS_UNTIL_PAID = 2
"""Of the workflow: it waits for the payment, and goes on to wait for the shipment."""
PUBLISHED = 0.1
"""Invocations of the publisher for an event; it takes them in batches."""
ASYNC_SECONDS = 0.15
BUDGET = 0.12
"""Dollars that 1,000 orders may cost from cart to paid."""
LOGS_KB = 12
"""Kilobytes of log an order leaves."""


def woken(events: Iterable[str], *, mails: bool) -> int:
    """Lambdas that these events of an order wake: those that send mail, or the others."""
    return sum(
        event in line.event_types and line.sends_email == mails
        for feature in FEATURES
        for line in feature.functions
        if isinstance(line, Reaction)
        for event in events
    )


def behind() -> float:
    """Lambda invocations an order outside the shopper's way, from placed to delivered."""
    every = (*UNTIL_PAID, *AFTERWARDS)
    reactions = woken(every, mails=False) + woken(every, mails=True)
    return TRANSITIONS + reactions + PUBLISHED * len(every)


@dataclass(frozen=True)
class Quota:
    """What AWS grants by default, and the page that says so."""

    name: str
    default: float
    page: str


QUOTAS = {
    "requests": Quota("API Gateway, requests/s of an account", 10_000, "API Gateway quotas"),
    "environments": Quota("Lambda, environments at once", 1_000, "Lambda quotas"),
    "table": Quota(
        "DynamoDB, write units/s of a table", MAX_TABLE_THROUGHPUT.writes, "DynamoDB quotas"
    ),
    "start": Quota("Step Functions, StartExecution/s", 300, "Step Functions quotas"),
    "transitions": Quota("Step Functions, transitions/s", 5_000, "Step Functions quotas"),
    "events": Quota("EventBridge, PutEvents/s", 10_000, "EventBridge quotas"),
    "mails": Quota("SES, mails/s", 14, "SES quotas"),
}
SCALING = 1_000
"""Environments that Lambda adds to one function every ten seconds."""
PARTITION = 1_000
"""Write units a second of one partition; a stream has a shard for each."""
BORN = 4_000
"""Write units a second that a new on-demand table serves at once."""

PRICES = {
    "HTTP API": 1.00e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB-second": 0.0000133334,
    "write unit": 0.625e-6,
    "read unit": 0.125e-6,
    "transition": 25e-6,
    "event": 1e-6,
    "log GB": 0.50,
    "mail": 0.10e-3,
}
"""us-east-1, in dollars."""
MEMORY_GB = 0.5
WARM_GB_SECOND = 0.0000033334
"""Provisioned concurrency, arm64, for each GB and second that it is kept."""


def ways() -> Mapping[str, tuple[float, float]]:
    """Route → requests an order, seconds each: the way of a shopper to an order, in a rush."""
    return {
        line.route: (line.peak.requests, line.peak.seconds)
        for feature in FEATURES
        for line in feature.functions
        if isinstance(line, Endpoint) and line.peak and line.route in COUNTED
    }


def per_order() -> dict[str, tuple[float, float]]:
    """Table → read and write units an order, from the first search to its confirmation."""
    found: dict[str, tuple[float, float]] = {}
    for route, (requests, _) in ways().items():
        cost = COUNTED[route]
        for table in {*cost.reads, *cost.writes}:
            reads, writes = found.get(table, (0.0, 0.0))
            found[table] = (
                reads + requests * cost.reads.get(table, 0),
                writes + requests * cost.writes.get(table, 0),
            )
    reads, writes = found.get("orders", (0.0, 0.0))
    found["orders"] = (reads + TRANSITIONS, writes + TRANSITIONS)  # each step reads and writes it
    return found


def needs(rate: int) -> list[tuple[str, str, str, str]]:
    """Service, what so many orders a second need, what there is by default, what to do."""
    way = ways().values()
    requests = rate * sum(count for count, _ in way)
    busy = rate * sum(count * seconds for count, seconds in way)
    waiting = rate * behind() * ASYNC_SECONDS
    slowest = max(rate * count * seconds for count, seconds in way)
    table, units = max(
        ((name, writes) for name, (_, writes) in per_order().items()), key=lambda each: each[1]
    )
    rows = [
        ("requests", requests),
        ("environments", busy + waiting),
        ("table", rate * units),
        ("start", float(rate)),
        ("transitions", float(rate * TRANSITIONS)),
        ("events", float(rate * len((*UNTIL_PAID, *AFTERWARDS)))),
        ("mails", float(rate)),
    ]
    told = []
    for name, need in rows:
        quota = QUOTAS[name]
        what = f"{quota.name} ({table})" if name == "table" else quota.name
        do = "enough" if need <= quota.default else f"raise {ceil(need / quota.default)} ×"
        told.append((what, f"{ceil(need):,}", f"{quota.default:,.0f}", do))
        if name == "requests":
            do = "enough" if need <= PROD.rate else f"raise {ceil(need / PROD.rate)} ×"
            told.append(("Stage `prod`, requests/s let in", told[-1][1], f"{PROD.rate:,}", do))
    told.append(
        (
            "Lambda, seconds to scale the busiest function from nothing",
            f"{ceil(slowest / SCALING * 10):,}",
            f"{SCALING:,} every 10 s",
            "provisioned before the start",
        )
    )
    for name, (_, writes) in sorted(per_order().items()):
        if writes:
            partitions = ceil(rate * writes / PARTITION)
            warm = "enough" if rate * writes <= BORN else "warmed before the start"
            if rate * writes > PROD.table_quota:
                times = ceil(rate * writes / PROD.table_quota)
                warm = f"raise the table's quota {times} ×, then warmed before the start"
            told.append(
                (
                    f"DynamoDB, partitions of `{name}`",
                    f"{partitions:,}",
                    f"{BORN // PARTITION} when new",
                    warm,
                )
            )
    return told


BROWSING, BUYING, AFTER = "Browsing", "From cart to paid", "Mails and delivery"


def bill(part: str) -> list[tuple[str, float]]:
    """Dollars for a part of 1,000 orders, line by line; what costs nothing is left out."""
    routes = {
        route: each
        for route, each in ways().items()
        if part == (BROWSING if route.startswith("POST /catalog") else BUYING)
    }
    requests = sum(count for count, _ in routes.values())
    seconds = sum(count * each for count, each in routes.values())
    reads = sum(n * sum(COUNTED[route].reads.values()) for route, (n, _) in routes.items())
    writes = sum(n * sum(COUNTED[route].writes.values()) for route, (n, _) in routes.items())
    events: tuple[str, ...] = ()
    steps, invoked, mails = 0, 0.0, 0
    if part == BUYING:
        steps, events = STEPS_UNTIL_PAID, UNTIL_PAID
        invoked = woken(events, mails=False)
    elif part == AFTER:
        steps, events = TRANSITIONS - STEPS_UNTIL_PAID, AFTERWARDS
        mails = woken((*UNTIL_PAID, *AFTERWARDS), mails=True)
        invoked = woken(events, mails=False) + mails
    invoked += steps + PUBLISHED * len(events)
    logs = LOGS_KB * (requests + invoked) / (behind() + sum(n for n, _ in ways().values()))
    ran = seconds + invoked * ASYNC_SECONDS
    lines = [
        ("API Gateway", requests * PRICES["HTTP API"]),
        ("Lambda, requests", (requests + invoked) * PRICES["Lambda request"]),
        ("Lambda, time", ran * MEMORY_GB * PRICES["Lambda GB-second"]),
        ("DynamoDB, reads", (reads + steps) * PRICES["read unit"]),
        ("DynamoDB, writes", (writes + steps + mails) * PRICES["write unit"]),
        (f"Step Functions, {steps} transitions", steps * PRICES["transition"]),
        ("EventBridge", len(events) * PRICES["event"]),
        ("CloudWatch logs", logs / 1024**2 * PRICES["log GB"]),
        ("SES", mails * PRICES["mail"]),
    ]
    return [(what, 1000 * dollars) for what, dollars in lines if dollars]


def until_paid() -> tuple[float, float]:
    """What 1,000 orders cost from cart to paid: as it falls due, and with every transition of the
    workflow, those after the payment as well."""
    due = sum(dollars for _, dollars in bill(BUYING))
    return due, due + 1000 * (TRANSITIONS - STEPS_UNTIL_PAID) * PRICES["transition"]


def reckoned() -> str:
    """The tables, as the page has them."""
    out = ["| request | DynamoDB calls | read units | write units | requests an order |"]
    out.append("|---|---|---|---|---|")
    for route, cost in COUNTED.items():
        requests = ways().get(route, (0.0, 0.0))[0]
        reads, writes = sum(cost.reads.values()), sum(cost.writes.values())
        out.append(f"| `{route}` | {cost.calls} | {reads:g} | {writes} | {requests:g} |")
    for rate in RATES:
        out += ["", f"**{rate:,} orders a second**", ""]
        out += ["| what | needed | by default | to do |", "|---|---|---|---|"]
        out += [f"| {' | '.join(row)} |" for row in needs(rate)]
    together = 0.0
    for part in (BROWSING, BUYING, AFTER):
        lines = bill(part)
        whole = sum(dollars for _, dollars in lines)
        together += whole
        out += ["", f"**1,000 orders: {part.lower()}**", "", "| what | $ |", "|---|---|"]
        out += [f"| {what} | {dollars:.4f} |" for what, dollars in lines]
        out.append(f"| **together** | **{whole:.3f}** |")
    due, whole = until_paid()
    out += [
        "",
        (
            f"From cart to paid 1,000 orders cost ${due:.3f}, of a budget of ${BUDGET:.2f}; with "
            f"the {TRANSITIONS - STEPS_UNTIL_PAID} transitions after the payment ${whole:.3f}. "
            f"From the first search to delivery: ${together:.3f}."
        ),
    ]
    warm = 740 * sum(count * seconds for count, seconds in ways().values()) * 1.25
    hourly = warm * MEMORY_GB * WARM_GB_SECOND * 3600
    out += [
        "",
        (
            "Keeping the shopper's Lambdas warm for 740 orders a second, a quarter more than "
            f"needed: {ceil(warm):,} environments, ${hourly:.2f} an hour."
        ),
    ]
    return "\n".join(out)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail where docs/capacity.md differs")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    told = parser.parse_args(argv)
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    there, _, after = rest.partition(END)
    if told.write:
        PAGE.write_text(f"{before}{BEGIN}\n{reckoned()}\n{END}{after}")
        return 0
    if not told.check:
        print(reckoned())
    same = there.strip() == reckoned()
    print("docs/capacity.md says the same" if same else "docs/capacity.md says something else")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
