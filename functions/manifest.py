"""One line of data per Lambda: the only place where a route, a right or a resource is named.

CDK reads these lines for routes, grants, environment and alarms; the OpenAPI document and the
contract tests read the same lines. They are pure data: importing a manifest imports no Lambda,
no AWS library and nothing of the shop.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from functions.query_parameters import QueryParameter


class Table(StrEnum):
    """The shop's tables. A Lambda learns a table's name from ``TABLE_<NAME>``."""

    CATALOG = "catalog"
    INVENTORY = "inventory"
    SESSIONS = "sessions"
    ORDERS = "orders"
    PRICING = "pricing"
    TAX = "tax"
    CREDITS = "credits"
    CUSTOMERS = "customers"
    PEAK = "peak"
    """What prepares the shop for a rush and slows it down: switches, waiting rooms, capacity."""
    SANDBOX_PAYMENTS = "sandbox_payments"


class Queue(StrEnum):
    """Queues, each with a dead-letter queue. Senders learn the URL from ``QUEUE_<NAME>``."""

    PAYMENT_EVENTS = "payment_events"
    CARRIER_EVENTS = "carrier_events"
    SANDBOX_SETTLEMENTS = "sandbox_settlements"


class Secret(StrEnum):
    """Secrets, read at run time from Secrets Manager; the ARN comes in ``SECRET_<NAME>``.

    The webhook secrets are 44 letters and digits, drawn at the first deployment: the base64 form
    of a Standard Webhooks key without its ``whsec_`` prefix.
    """

    SANDBOX_WEBHOOK = "sandbox_webhook"
    CARRIER_WEBHOOK = "carrier_webhook"
    """One for each carrier: ``{"ups": "whsec_…", "dhl": ["whsec_new…", "whsec_old…"]}``."""
    WAITING_ROOM = "waiting_room"
    """What tickets and admissions of waiting rooms are signed with."""
    STRIPE_KEY = "stripe_key"
    STRIPE_WEBHOOK = "stripe_webhook"
    """Stripe's two are drawn at random like the others, so that nothing works by accident, until
    the operator puts in what Stripe gave out."""


class Access(StrEnum):
    """Who may call. Enforced by the gateway's authorizer and again, fail closed, at the edge."""

    PUBLIC = "public"
    """Anyone."""
    SHOPPER = "shopper"
    """Anyone; a bearer token is verified when sent, and what is made then is its customer's."""
    CUSTOMER = "customer"
    """A signed-in customer."""
    STAFF = "staff"
    """A signed-in member of one of ``groups``."""
    WEBHOOK = "webhook"
    """Anyone with the right signature, which the function itself verifies on the raw body."""


class Switch(StrEnum):
    """What staff can switch off without a deployment. A route names the one it belongs to.

    The shop's own, ``shop``, makes everything read-only: it holds for every route on which shoppers
    or staff change something, whatever other switch it has, but for those by which staff see to the
    rush itself (``Endpoint.always_on``).
    """

    SHOP = "shop"
    CATALOG = "catalog"
    """Searching and looking products up."""
    CART = "cart"
    CHECKOUT = "checkout"
    ORDERS = "orders"
    """What customers see of, and do with, their orders."""
    WAITING_ROOM = "waiting_room"
    AGENTS = "agents"
    """The door for AI agents; what they ask for has switches of its own."""


PEAK_ORDERS_PER_SECOND = 1000
"""Orders a second that the routes' throttles let through; Shopify's peak of 2025 was 740."""


@dataclass(frozen=True)
class Peak:
    """What a rush asks of a route: ``requests`` an order, of ``seconds`` each in a warm Lambda.

    The product is the number of environments that an order a second keeps busy; provisioned
    concurrency follows from it.
    """

    requests: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Function:
    """What every Lambda declares: where it is and what it may touch.

    ``module`` is ``"<group>.<file>"`` below ``functions/``; its ``handler`` is the Lambda.
    ``reads`` grants Get, BatchGet and Query; ``writes`` grants these and Put, Update, Delete and
    ConditionCheck. Neither ever grants Scan. ``timeout`` is in seconds, ``memory`` in MB.
    """

    module: str
    reads: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    sends: tuple[Queue, ...] = ()
    secrets: tuple[Secret, ...] = ()
    publishes_events: bool = False
    """May put events on the shop's event bus (``BUS_NAME``)."""
    sends_email: bool = False
    """May send mail through SES (``MAIL_FROM``)."""
    mails_staff: bool = False
    """Learns where the shop's staff are written to (``STAFF_MAIL``)."""
    starts_workflow: bool = False
    """May start an execution of the order workflow (``WORKFLOW_ARN``)."""
    resumes_workflow: bool = False
    """May answer a task token of the order workflow."""
    invokes: tuple[str, ...] = ()
    """Modules of other Lambdas it may invoke (``FUNCTION_<GROUP>_<FILE>`` holds the name)."""
    payments: bool = False
    """Talks to the stage's payment provider; brings its settings, table, queue and secrets."""
    timeout: int = 10
    memory: int = 512


@dataclass(frozen=True, kw_only=True)
class Endpoint(Function):
    """A Lambda behind one route of the HTTP API."""

    route: str
    """``"POST /carts/{id}/cancel"``."""
    access: Access
    summary: str
    """One line for the OpenAPI document."""
    groups: tuple[str, ...] = ()
    """Cognito groups of which one is needed where ``access`` is STAFF."""
    capability: str | None = None
    """The UCP capability that the answer speaks for; its errors are answered as UCP messages."""
    requires_idempotency_key: bool = False
    """Needs an ``Idempotency-Key``."""
    accepts_idempotency_key: bool = False
    """Takes an ``Idempotency-Key`` and does without one: what it makes is named by the request."""
    request: str | None = None
    """``"shop.cart.schemas:CartRequest"``: the pydantic class of the body."""
    bodiless: bool = False
    """Does without a body too: then what its class says of a field left out is meant."""
    query: tuple[QueryParameter, ...] = ()
    """The query parameters that the handler reads."""
    versioned: bool = False
    """Changes a version that was read: ``If-Match`` or ``version`` in the body says which."""
    response: str | None = None
    """The pydantic class of the answer, or a UCP schema such as ``"ucp:shopping/cart.json"``."""
    body: str = ""
    """The body of the ordinary answer in words, where no schema describes it."""
    media_type: str = "application/json"
    """The type of the body of the ordinary answer."""
    status: int = 200
    """The status of the ordinary answer."""
    cached: bool = False
    """The answer is the same for everybody: the CDN keeps it as long as its Cache-Control says."""
    throttle: int | None = None
    """Requests a second that the route takes from everybody together, with a burst of twice as
    many; ``None``: :attr:`limit` says."""
    switch: Switch | None = None
    """The switch that closes the route. Every route on which shoppers change something has one."""
    always_on: bool = False
    """Staff's, and works while the shop is read-only: by it that is ended, or a rush seen to."""
    peak: Peak | None = None
    """How much of it a rush needs; ``None``: nothing is prepared for it."""

    @property
    def limit(self) -> int:
        """Requests a second that the route takes, where the stage takes as many at all.

        What a rush needs takes what :data:`RUSH` orders a second ask of it; staff and what nobody
        does often take less, so that no script of theirs crowds shoppers out.
        """
        if self.throttle is not None:
            return self.throttle
        if self.peak is not None:
            return max(100, int(self.peak.requests * PEAK_ORDERS_PER_SECOND))
        return {Access.STAFF: 50, Access.WEBHOOK: 1000}.get(self.access, 500)

    @property
    def shopper_facing(self) -> bool:
        """Whether shoppers and their agents call it: then it has an alias, behind its route."""
        return self.access in (Access.PUBLIC, Access.SHOPPER, Access.CUSTOMER)

    @property
    def unsafe(self) -> bool:
        """Whether a request may change something: its method says so, and it writes or pays."""
        return self.method != "GET" and bool(self.writes or self.payments or self.sends)

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The switches that close it: its own, and the shop's where somebody changes something."""
        own = (self.switch,) if self.switch else ()
        if not self.unsafe or self.always_on:
            return own
        if self.shopper_facing:
            return (*own, Switch.SHOP) if own else own
        return (*own, Switch.SHOP) if self.access is Access.STAFF else own

    @property
    def method(self) -> str:
        return self.route.split(" ", 1)[0]

    @property
    def path(self) -> str:
        return self.route.split(" ", 1)[1]


@dataclass(frozen=True, kw_only=True)
class DefaultRoute(Function):
    """The Lambda behind the API's route ``$default``, which takes what no endpoint's route takes.

    It learns all routes of its stage from ``ROUTES``, divided by commas.
    """

    limit: int = 50
    """Requests a second, with a burst of twice as many: nobody need be answered faster here."""
    timeout: int = 5


@dataclass(frozen=True, kw_only=True)
class Consumer(Function):
    """A Lambda that works off a queue; failures are reported item by item."""

    queue: Queue
    batch: int = 10
    concurrency: int = 20
    """Batches worked off at once, at most: what waits in the queue does not crowd out shoppers."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class StreamReader(Function):
    """A Lambda that reads a table's stream, in order per key, and bisects a failing batch."""

    table: Table
    batch: int = 100
    parallel: int = 4
    """Batches of one shard worked off at once; the order of each key's changes is kept."""
    only_events: bool = False
    """Only changes that carry events wake it: of a table that counts more often than it tells."""
    only: tuple[str, ...] = ()
    """Only changes that fit one of these wake it: Lambda's filter patterns, as JSON."""
    window: int = 0
    """Seconds for which changes are gathered, so that what changes fast is looked at once."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Reaction(Function):
    """A Lambda that an event on the bus wakes. It may be woken twice for one event."""

    event_types: tuple[str, ...]
    """Event types, such as ``"OrderConfirmed"``."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Step(Function):
    """A Lambda that is a task of the order workflow. The steps run in the order of the manifest.

    It is called with ``{"order_id": …}`` and, where it ``waits``, ``"token"``: the step is over
    when somebody answers that token, not when the Lambda returns. An accident is tried again, a few
    times, with a new token. When a step fails for good or its deadline passes, its own undo runs,
    then the undo of every step before it, last one first; each is called with
    ``{"order_id": …, "failure": {"Error": …, "Cause": …}}``, and the execution has succeeded: the
    order is where it should be. The way back does not lead past a ``pivot``.
    """

    name: str
    """The state's name, in the shopkeeper's words: ``"AwaitPayment"``."""
    waits_for_token: bool = False
    deadline: int | Literal["payment_window"] | None = None
    """Seconds the step may take in all, or the stage's payment window. ``None``: the Lambda's
    timeout; who waits must say one."""
    compensation: str | None = None
    """The module of the :class:`Undo` that takes the step back."""
    business_errors: tuple[str, ...] = ()
    """Errors that are an answer, not an accident (``"PaymentDeclined"``): not tried again."""
    pivot: bool = False
    """Nothing before this step is undone any more: its own undo is the end of the way back, and the
    failure of a later step is left to a person."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Compensation(Function):
    """A Lambda that reverses a step of the order workflow.

    It may run twice, and for a step that never took effect. Its result decides what follows:

    - ``{"order_id": …, "succeeded": true}``: the step took effect after all (the payment became
      certain at the last moment, the parcel did arrive). The workflow continues with the next step.
    - ``"still_pending": true``: it was too early, and the step waits once more.
    - ``"succeeded": false``: the compensations of the earlier steps follow, and the execution ends
      as *succeeded*. A cancelled order is normal trade; only a compensation that fails raises an
      alarm.
    """

    name: str
    """The state's name: ``"CompensatePayment"``."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Schedule(Function):
    """A Lambda that the clock wakes: ``rate`` is an EventBridge Scheduler expression."""

    rate: str
    event_types: tuple[str, ...] = ()
    """Event types that wake it as well, between two ticks."""
    manages_schedules: bool = False
    """May set and delete one-off schedules that wake it (``CLOCK_…``)."""
    warms_tables: tuple[Table, ...] = ()
    """Tables whose warm throughput it may raise."""
    keeps_warm: bool = False
    """May keep environments of the shopper-facing Lambdas warm (``PEAK_FUNCTIONS``)."""
    timeout: int = 60


@dataclass(frozen=True)
class Feature:
    """A group of Lambdas that is deployed together: one folder, one manifest, one stack."""

    name: str
    functions: tuple[Function, ...]
    stages: frozenset[str] | None = field(default=None)
    """Stages that have it; ``None`` means every one."""
