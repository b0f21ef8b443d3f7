"""One entry of data per Lambda: the only place that declares its route, access and resources.

CDK derives routes, IAM permissions, environment and alarms from these entries. The OpenAPI document
and the contract tests read the same entries. They are pure data: importing a manifest imports no
Lambda, no AWS library and no module of the shop.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from functions.query_parameters import QueryParameter


class Table(StrEnum):
    """The shop's tables. ``TABLE_<NAME>`` holds a table's name in the environment of a Lambda."""

    CATALOG = "catalog"
    INVENTORY = "inventory"
    SESSIONS = "sessions"
    ORDERS = "orders"
    ORDER_INDEX = "order_index"
    """Orders by email address, name and SKU. Email addresses and names are keyed hashes."""
    PRICING = "pricing"
    TAX = "tax"
    CREDITS = "credits"
    CUSTOMERS = "customers"
    PEAK = "peak"
    """Kill switches, waiting rooms and provisioned capacity."""
    JOBS = "jobs"
    """Imports and exports of large files, with their progress."""
    SANDBOX_PAYMENTS = "sandbox_payments"


class Queue(StrEnum):
    """Queues, each with a dead-letter queue. ``QUEUE_<NAME>`` holds the URL for senders."""

    PAYMENT_EVENTS = "payment_events"
    CARRIER_EVENTS = "carrier_events"
    SANDBOX_SETTLEMENTS = "sandbox_settlements"


class Secret(StrEnum):
    """Secrets, read from Secrets Manager at run time. ``SECRET_<NAME>`` holds the ARN.

    The first deployment generates webhook secrets of 44 letters and digits: the base64 form of a
    Standard Webhooks key without its prefix ``whsec_``.
    """

    SANDBOX_WEBHOOK = "sandbox_webhook"
    CARRIER_WEBHOOK = "carrier_webhook"
    """Keys by carrier: ``{"ups": "whsec_…", "dhl": ["whsec_new…", "whsec_old…"]}``."""
    WAITING_ROOM = "waiting_room"
    """The key that signs tickets and admissions of waiting rooms."""
    ORDER_INDEX = "order_index"
    """The key of the hashes by which staff find orders by email address and name. After a
    replacement, the orders of the previous key are found, and those of older keys are not."""
    STRIPE_KEY = "stripe_key"
    STRIPE_WEBHOOK = "stripe_webhook"
    """Both Stripe secrets are random and thus invalid until the operator stores Stripe's values."""


class JobWorkflow(StrEnum):
    """Workflows of long work that staff start. ``WORKFLOW_<NAME>`` holds the ARN for starters."""

    IMPORT = "import"
    EXPORT = "export"


class Access(StrEnum):
    """The callers that may use an endpoint.

    API Gateway's authorizer enforces it. The endpoint decorator checks it again and fails closed.
    """

    PUBLIC = "public"
    """Anyone."""
    SHOPPER = "shopper"
    """Anyone. With a valid bearer token, the created objects belong to its customer."""
    CUSTOMER = "customer"
    """A signed-in customer."""
    STAFF = "staff"
    """A signed-in member of one of ``groups``."""
    WEBHOOK = "webhook"
    """Anyone with a valid signature of the raw body, which the handler verifies."""


class Switch(StrEnum):
    """Kill switches: parts of the shop that staff can disable without a deployment.

    A route names its switch. ``shop`` makes the shop read-only: it also applies to every route by
    which shoppers or staff change something, except those with ``Endpoint.always_on``.
    """

    SHOP = "shop"
    CATALOG = "catalog"
    """Search and lookup of products."""
    CART = "cart"
    CHECKOUT = "checkout"
    ORDERS = "orders"
    """Reads and changes of orders by customers."""
    WAITING_ROOM = "waiting_room"
    AGENTS = "agents"
    """The MCP endpoint for AI agents. The endpoints behind its tools have their own switches."""


PEAK_ORDERS_PER_SECOND = 1000
"""Orders per second for which routes are throttled. Shopify's peak in 2025 was 740."""


@dataclass(frozen=True)
class Peak:
    """The load of a route in a traffic peak: requests per order, and seconds per request.

    ``seconds`` is the duration in a warm Lambda. The product is the number of environments that one
    order per second keeps busy. Provisioned concurrency is calculated from it.
    """

    requests: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Function:
    """The declarations that all Lambdas share: module, permissions, timeout and memory.

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
    """May publish events to the shop's event bus (``BUS_NAME``)."""
    sends_email: bool = False
    """May send emails through SES (``MAIL_FROM``)."""
    mails_staff: bool = False
    """Gets the email address of the staff (``STAFF_MAIL``)."""
    starts_workflow: bool = False
    """May start an execution of the order workflow (``WORKFLOW_ARN``)."""
    resumes_workflow: bool = False
    """May complete a task token of the order workflow."""
    starts_job: JobWorkflow | None = None
    """May start an execution of this workflow."""
    reads_files: bool = False
    """May read the files of imports and exports (``FILES_BUCKET``), and sign links to them."""
    writes_files: bool = False
    """May also write these files."""
    invokes: tuple[str, ...] = ()
    """Modules of Lambdas that it may invoke. ``FUNCTION_<GROUP>_<FILE>`` holds a Lambda's name."""
    payments: bool = False
    """Calls the stage's payment provider; adds its settings, table, queue and secrets."""
    timeout: int = 10
    memory: int = 512


@dataclass(frozen=True, kw_only=True)
class Endpoint(Function):
    """A Lambda behind one route of the HTTP API."""

    route: str
    """``"POST /carts/{id}/cancel"``."""
    access: Access
    summary: str
    """Summary for the OpenAPI document, in one line."""
    groups: tuple[str, ...] = ()
    """Cognito groups, for ``access`` STAFF. A caller must be a member of one of them."""
    capability: str | None = None
    """The UCP capability of the response. Errors of such an endpoint are UCP messages."""
    requires_idempotency_key: bool = False
    """Rejects a request without ``Idempotency-Key``."""
    accepts_idempotency_key: bool = False
    """Accepts an ``Idempotency-Key``. The request itself names the created object, so a retry
    without a key is safe, too."""
    request: str | None = None
    """The pydantic class of the body, such as ``"shop.cart.schemas:CartRequest"``."""
    file_types: tuple[str, ...] = ()
    """Media types of a body that is a file."""
    bodiless: bool = False
    """Accepts a request without body; the fields then have their defaults."""
    query: tuple[QueryParameter, ...] = ()
    """The query parameters that the handler reads."""
    headers: tuple[str, ...] = ()
    """Optional headers that the handler reads, beside those that the other fields imply."""
    unpaged: str = ""
    """Why the response is a list without pages: the reason why it stays short."""
    versioned: bool = False
    """Changes a version that the client read: ``If-Match``, or ``version`` in the body."""
    response: str | None = None
    """The pydantic class of the response, or a UCP schema such as ``"ucp:shopping/cart.json"``."""
    body: str = ""
    """Description of the successful response's body, where no schema describes it."""
    media_type: str = "application/json"
    """Media type of the successful response."""
    status: int = 200
    """Status of the successful response."""
    etag: bool = False
    """The successful response has the object's version in ``ETag``, for ``If-Match``."""
    location: bool = False
    """The successful response has the address of the created object in ``Location``."""
    errors: tuple[int, ...] = ()
    """Statuses of errors beside those that the other declarations imply."""
    cached: bool = False
    """The response is equal for all callers, so the CDN caches it as its Cache-Control states."""
    throttle: int | None = None
    """Requests per second of all callers together; the burst is twice as large. ``None``: the
    default that :attr:`limit` calculates."""
    switch: Switch | None = None
    """The switch that disables the route. Each route by which shoppers change something has one."""
    always_on: bool = False
    """Works while the shop is read-only: for routes by which staff control switches and peaks."""
    peak: Peak | None = None
    """Its load in a traffic peak. ``None``: no capacity is provisioned for it."""

    @property
    def limit(self) -> int:
        """Return the requests per second that the route accepts; a stage may accept fewer.

        A route with a peak load accepts the load of :data:`PEAK_ORDERS_PER_SECOND`. Routes of staff
        accept less, so that a script of staff leaves capacity for shoppers.
        """
        if self.throttle is not None:
            return self.throttle
        if self.peak is not None:
            return max(100, int(self.peak.requests * PEAK_ORDERS_PER_SECOND))
        return {Access.STAFF: 50, Access.WEBHOOK: 1000}.get(self.access, 500)

    @property
    def shopper_facing(self) -> bool:
        """Whether shoppers and their agents call it. Its route then invokes an alias."""
        return self.access in (Access.PUBLIC, Access.SHOPPER, Access.CUSTOMER)

    @property
    def unsafe(self) -> bool:
        """Whether a request may change something: not a GET, and it writes, sends or pays."""
        return self.method != "GET" and bool(self.writes or self.payments or self.sends)

    @property
    def switches(self) -> tuple[Switch, ...]:
        """The switches that disable it: its own, and ``shop`` if a request may change something."""
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
    """The Lambda of the API's route ``$default``, for requests that match no endpoint's route.

    Its package contains ``routes.json``: all routes, with the stages that have them.
    """

    limit: int = 50
    """Requests per second; the burst is twice as large."""
    timeout: int = 5


@dataclass(frozen=True, kw_only=True)
class Consumer(Function):
    """A Lambda that processes the messages of a queue and reports each failed message."""

    queue: Queue
    batch: int = 10
    concurrency: int = 20
    """Maximum batches in progress, so that a long queue leaves capacity for shoppers."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class StreamReader(Function):
    """A Lambda that reads a table's stream in order per key. A failing batch is bisected."""

    table: Table
    batch: int = 100
    parallel: int = 4
    """Batches of one shard in progress at once; the changes of each key stay in order."""
    only_events: bool = False
    """Only changes with events invoke it: for a table whose counters change more often."""
    only: tuple[str, ...] = ()
    """Lambda filter patterns, as JSON. Only changes that match one of them invoke it."""
    window: int = 0
    """Batching window in seconds, so that several changes of one item are processed together."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Reaction(Function):
    """A Lambda that an event on the bus invokes. EventBridge may deliver an event twice."""

    event_types: tuple[str, ...]
    """Event types, such as ``"OrderConfirmed"``."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Step(Function):
    """A Lambda that is a task of the order workflow. The steps run in the order of the manifest.

    Its input is ``{"order_id": …}``, with ``"token"`` if it ``waits_for_token``. Such a step ends
    when another Lambda completes the token. Step Functions retries a failure a few times, each time
    with a new token.

    When a step fails permanently or its deadline passes, its compensation runs, then those of the
    earlier steps in reverse order, back to a ``pivot``. The input of each compensation is
    ``{"order_id": …, "failure": {"Error": …, "Cause": …}}``. The execution then ends as
    *succeeded*, because the order is in a consistent state.
    """

    name: str
    """Name of the state, such as ``"AwaitPayment"``."""
    waits_for_token: bool = False
    deadline: int | Literal["payment_window"] | None = None
    """Maximum seconds of the step with its retries, or the stage's payment window. ``None``: the
    Lambda's timeout. A step that waits for a token must have a deadline."""
    compensation: str | None = None
    """The module of the :class:`Compensation` that reverses the step."""
    business_errors: tuple[str, ...] = ()
    """Errors that are results (``"PaymentDeclined"``). Step Functions does not retry them."""
    pivot: bool = False
    """Earlier steps are never compensated after this one. Its own compensation is the last one, and
    staff handle the failure of a later step."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class Compensation(Function):
    """A Lambda that reverses a step of the order workflow.

    It may run twice, and for a step that never took effect. Its result decides what follows:

    - ``{"order_id": …, "succeeded": true}``: the step took effect after all (the payment was
      captured at the last moment, the parcel arrived). The workflow continues with the next step.
    - ``"still_pending": true``: the compensation ran too early, and the step waits once more.
    - ``"succeeded": false``: the compensations of the earlier steps follow, and the execution ends
      as *succeeded*. Cancelled orders are normal; only a failed compensation raises an alarm.
    """

    name: str
    """Name of the state, such as ``"CompensatePayment"``."""
    timeout: int = 30


@dataclass(frozen=True, kw_only=True)
class JobStep(Function):
    """A Lambda that is a task of a job's workflow; ``infra.constructs.job_workflows`` connects it.

    Its input has the ``job_id``. It may run twice, and again after a crash.
    """

    workflow: JobWorkflow
    name: str
    """Name of the state, such as ``"SplitFile"``."""
    scratch: int = 512
    """Megabytes of its temporary directory."""
    timeout: int = 300


@dataclass(frozen=True, kw_only=True)
class Schedule(Function):
    """A Lambda that EventBridge Scheduler invokes; ``rate`` is an expression of the scheduler."""

    rate: str
    event_types: tuple[str, ...] = ()
    """Event types that also invoke it, between two scheduled runs."""
    sends_order_digest: bool = False
    """Gets the minutes that one digest of new orders covers (``ORDER_DIGEST_MINUTES``)."""
    manages_schedules: bool = False
    """May create and delete one-off schedules that invoke it (``CLOCK_…``)."""
    warms_tables: tuple[Table, ...] = ()
    """Tables whose warm throughput it may raise."""
    keeps_warm: bool = False
    """May set provisioned concurrency of the shopper-facing Lambdas (``PEAK_FUNCTIONS``)."""
    timeout: int = 60


@dataclass(frozen=True)
class Feature:
    """A group of Lambdas that are deployed together: one folder, one manifest, one stack."""

    name: str
    functions: tuple[Function, ...]
    stages: frozenset[str] | None = field(default=None)
    """Stages that contain it; ``None`` means all."""
