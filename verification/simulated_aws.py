"""AWS between the handlers, simulated in one thread: queues, event bus, workflow, email, clock.

The handlers and all their calls are the shop's own; DynamoDB is the emulator's. Services that only
transport (SQS, EventBridge, Step Functions, SES, Secrets Manager) are simulated here, behind the
same :class:`~tests.kit.faults.FaultInjector`, so their calls fail like all others. The seed
decides the order of everything, so every failure can be reproduced.

The simulation keeps AWS's guarantees: messages, events, stream records and workflow steps return
until they are processed, at most :data:`MAX_REDELIVERIES` times, and may arrive twice.
"""

import importlib
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any
from unittest.mock import patch

from functions.event_handlers.manifest import FEATURE as EVENT_HANDLERS
from functions.manifest import Reaction
from tests.kit.faults import Crash, Double, FaultInjector, fault_injection, without_faults
from tests.kit.shop import ENVIRONMENT, Context
from tests.kit.system_state import orders_stream
from verification.simulated_workflow import (
    TIMEOUT,
    Execution,
    WorkflowEngine,
    load_handler,
)

MAX_REDELIVERIES = 4
REDELIVERY_DELAY = timedelta(seconds=60)
OVERTAKES = 0.5
"""Probability that the consequences of a concurrent action overtake the call that stalls."""
DELIVERED_TWICE = 0.2
"""Share of deliveries that arrive twice."""
PAYMENT_WINDOW = timedelta(minutes=31)
"""A little more than the payment window that the shop grants."""
WEBHOOK_SECRET = "ZG9vcmJ1c3Rlci10ZXN0LXdlYmhvb2stc2VjcmV0LTAw"  # noqa: S105  a secret of this test only

CONSUMERS = {
    "settlements": "sandbox.settle_payment",
    "payments": "webhooks.apply_payment_event",
    "carriers": "webhooks.apply_carrier_event",
}
"""Consumer of each queue, by the last part of its URL in the environment."""
SECRET_CACHES = (
    "sandbox.settle_payment",
    "sandbox.receive_payment_event",
    "webhooks.receive_carrier_event",
    "staff_orders.create_shipment",
)
"""Modules that cache a secret. Each scenario starts without, so its calls are the same."""
CLOCKS = ("http", "sqs", "eventbridge", "scheduler", "step_functions")
"""Entrypoints that read the clock."""


class Clock(datetime):
    """``datetime`` for the entrypoints: the real time, moved by ``offset``."""

    offset = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + cls.offset


class MessageFailed(Exception):
    """A consumer reported a message as failed."""


@dataclass
class SimulatedAws:
    """The services of one process. See the module for what they guarantee."""

    seed: int = 0
    emails: list[str] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    """Work that failed at every delivery."""
    missed_wakeups: list[str] = field(default_factory=list)
    """Workflows that waited until the deadline for a payment that was already decided."""
    held_queues: set[str] = field(default_factory=set)
    """Queues that deliver nothing for now."""
    _queues: dict[str, deque[dict[str, Any]]] = field(default_factory=dict)
    _bus: deque[dict[str, Any]] = field(default_factory=deque)
    _records: deque[dict[str, Any]] = field(default_factory=deque)
    _postponed: deque[tuple[str, Callable[[], Any]]] = field(default_factory=deque)
    _call_stalls: bool = False
    _messages: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._stream, self._iterator = orders_stream()
        self._workflow = WorkflowEngine(
            self.deliver, self._wait, MAX_REDELIVERIES, failed_steps=self.undelivered
        )

    @property
    def executions(self) -> dict[str, Execution]:
        return self._workflow.executions

    # ---------------------------------------------------------------------- services

    @property
    def doubles(self) -> dict[str, Double]:
        """Simulated services, by the names that :func:`fault_injection` expects."""
        return {
            "AmazonSQS": self._sqs,
            "AWSEvents": self._events,
            "AWSStepFunctions": self._workflow.call,
            "secretsmanager": self._secrets,
            "email": self._ses,
        }

    def _sqs(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation == "SendMessage", operation
        queue = payload["QueueUrl"].rsplit("/", 1)[1]
        message = {"messageId": f"m{self._messages}", "body": payload["MessageBody"]}
        self._messages += 1
        self._queues.setdefault(queue, deque()).append(message)
        return 200, {"MessageId": message["messageId"]}

    def _events(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation == "PutEvents", operation
        self._bus += payload["Entries"]
        entries = [{"EventId": "e"} for _ in payload["Entries"]]
        return 200, {"FailedEntryCount": 0, "Entries": entries}

    def _secrets(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if payload.get("VersionStage", "AWSCURRENT") != "AWSCURRENT":
            return 400, {"__type": "ResourceNotFoundException", "message": "no previous version"}
        if payload["SecretId"] == ENVIRONMENT["SECRET_CARRIER_WEBHOOK"]:
            return 200, {"SecretString": json.dumps({"acme": WEBHOOK_SECRET})}
        return 200, {"SecretString": WEBHOOK_SECRET}

    def _ses(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation.startswith("POST"), operation
        self.emails += payload["Destination"]["ToAddresses"]
        return 200, {"MessageId": "email"}

    # ---------------------------------------------------------------------- a scenario's course

    def begin(self, name: str) -> None:
        """Reset all state. From here on, chance depends on the seed and this name only."""
        self._chance = random.Random(f"{self.seed} {name}")
        _forget_locations()
        self.undelivered.clear()
        self.missed_wakeups.clear()
        self.executions.clear()
        self._postponed.clear()
        for module in SECRET_CACHES:
            secret = importlib.import_module(f"functions.{module}").secret
            assert hasattr(secret, "_read_at"), f"{module} caches its secret in another way"
            secret._read_at = None
        Clock.offset = timedelta()

    def finish_work(self, injector: FaultInjector) -> None:
        """Deliver everything that is due, and its consequences, until nothing is due."""
        while due := self._due() or self._read_stream():
            self._chance.choice(due)(injector)

    def run_concurrently(self, action: Callable[[], Any]) -> None:
        """Run another actor's action once, without faults, while a call stalls.

        Its errors are that actor's own. Its consequences follow at once or later, by chance. One
        that fails at once is delivered later, because no call stalls for so long.
        """
        offset = Clock.offset
        self._call_stalls = True
        try:
            with without_faults(), suppress(Exception):
                action()
            if self._chance.random() < OVERTAKES:
                with without_faults():
                    self.finish_work(FaultInjector())
        finally:
            self._call_stalls = False
            Clock.offset = offset

    def pass_deadline(self, injector: FaultInjector) -> None:
        """End the payment window: workflows that still wait for a payment time out."""
        Clock.offset += PAYMENT_WINDOW
        for execution in self.executions.values():
            if execution.position == 0 and execution.waits:
                execution.outcome = TIMEOUT
        self.finish_work(injector)

    def time_out_shipment(self, order_id: str) -> None:
        """End the workflow's wait for the shipment of an order."""
        execution = self.executions.get(order_id)
        if execution is not None and execution.waits and execution.step.name == "AwaitShipment":
            execution.outcome = TIMEOUT

    def deliver(
        self,
        title: str,
        action: Callable[[], Any],
        injector: FaultInjector,
        *,
        redeliveries: int = MAX_REDELIVERIES,
    ) -> Any:
        """Run an action until it succeeds, and perhaps once more; return its result.

        Every failure, a crash included, is delivered again. After the last one, return ``None`` and
        note the action in :attr:`undelivered`.
        """
        error: BaseException | None = None
        if self._call_stalls:
            redeliveries = 0
        for attempt in range(1 + redeliveries):
            if attempt:
                self._wait()
            try:
                result = action()
                if redeliveries and self._chance.random() < DELIVERED_TWICE:
                    action()
                return result
            except Crash as crash:
                error = crash
            except Exception as failure:  # noqa: BLE001  whatever a Lambda raises, AWS delivers again
                error = failure
            finally:
                # The next delivery runs in another process with a working network.
                injector.deliver_late_calls()
                injector.reconnect()
        if self._call_stalls:
            self._postponed.append((title, action))
        else:
            self.undelivered.append(f"{title}: {error!r}")
        return None

    # ---------------------------------------------------------------------- what is due

    def _wait(self) -> None:
        Clock.offset += REDELIVERY_DELAY

    def _due(self) -> list[Callable[[FaultInjector], None]]:
        """List everything that can happen next."""
        due: list[Callable[[FaultInjector], None]] = []
        if self._records:
            due.append(self._publish)
        if self._bus:
            due.append(self._handle_event)
        for queue, messages in self._queues.items():
            if messages and queue not in self.held_queues:
                due.append(partial(self._consume, queue))
        # While a call stalls, neither redeliveries nor workflow steps have time to run.
        if self._call_stalls:
            return due
        if self._postponed:
            due.append(self._redeliver)
        return due + [partial(self._workflow.run, each) for each in self._workflow.runnable]

    def _redeliver(self, injector: FaultInjector) -> None:
        title, action = self._postponed.popleft()
        self.deliver(title, action, injector)

    def _read_stream(self) -> list[Callable[[FaultInjector], None]]:
        """Read new stream records, and list what is due then."""
        with without_faults():
            page = self._stream.get_records(ShardIterator=self._iterator)
        self._iterator = page["NextShardIterator"]
        self._records += page["Records"]
        return self._due()

    def _publish(self, injector: FaultInjector) -> None:
        batch = list(self._records)
        self._records.clear()
        handler = load_handler("event_handlers.publish_events")

        def publish() -> None:
            answer = handler({"Records": batch}, Context())
            assert not answer["batchItemFailures"], answer

        self.deliver("publish_events", publish, injector)

    def _handle_event(self, injector: FaultInjector) -> None:
        entry = self._bus.popleft()
        event = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
        for function in EVENT_HANDLERS.functions:
            if not isinstance(function, Reaction):
                continue
            if entry["DetailType"] not in function.event_types:
                continue
            if function.module == "event_handlers.publish_business_metrics":
                continue  # it prints metrics and makes no calls
            handler = load_handler(function.module)
            title = f"{function.module} of {event['detail']['id']}"
            self.deliver(title, partial(handler, event, Context()), injector)

    def _consume(self, queue: str, injector: FaultInjector) -> None:
        message = self._queues[queue].popleft()
        handler = load_handler(CONSUMERS[queue])

        def consume() -> None:
            answer = handler({"Records": [message]}, Context())
            if answer["batchItemFailures"]:
                raise MessageFailed(f"{queue}: {message['body']}")

        self.deliver(f"{queue} {message['body']}", consume, injector)


def _forget_locations() -> None:
    """Empty the cache of locations, so that each scenario starts with the same calls."""
    from shop.inventory.store import locations_cache

    locations_cache().clear()


@contextmanager
def simulated_aws(seed: int = 0) -> Iterator[SimulatedAws]:
    """Simulate AWS between the handlers for the duration of the context."""
    import shop.payments.gateway.sandbox as sandbox

    aws = SimulatedAws(seed)
    with ExitStack() as stack:
        stack.enter_context(fault_injection(aws.doubles))
        stack.enter_context(patch.object(sandbox, "SETTLE_AFTER_SECONDS", 0))
        for name in CLOCKS:
            module = importlib.import_module(f"shop.entrypoints.{name}")
            stack.enter_context(patch.object(module, "datetime", Clock))
        settle = importlib.import_module("functions.sandbox.settle_payment")
        stack.enter_context(patch.object(settle, "send_webhook", _deliver_in_process))
        yield aws


def _deliver_in_process(
    url: str, body: Mapping[str, Any], delivery: str, secret: Any, at: datetime
) -> None:
    """Call the webhook's handler directly. Raises Unavailable unless it answers with success."""
    from shop.entrypoints.webhook import sign
    from shop.kernel.errors import Unavailable
    from tests.kit.shop import call

    text = json.dumps(body, separators=(",", ":"))
    headers = sign(secret.keys(at)[0], delivery, at, text.encode())
    answer = call(
        load_handler("sandbox.receive_payment_event"),
        "POST /webhooks/payments/sandbox",
        raw=text,
        headers=headers,
        key="",
    )
    if answer.status >= 300:
        raise Unavailable(f"The webhook returned {answer.status}.")
