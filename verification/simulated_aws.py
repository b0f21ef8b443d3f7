"""What AWS does between the doors, in one thread: queues, bus, workflow, mail, and the clock.

The doors are the shop's own and so is every call they make; DynamoDB is the emulator's. What only
carries (SQS, EventBridge, Step Functions, SES, Secrets Manager) is answered here, behind the same
:class:`~tests.kit.faults.FaultInjector`, so that its calls can be lost, doubled and cut like any other. Then
things happen in one order, which a seed decides, and what went wrong once can be run again.

AWS's promises are kept as they are given: a message, an event, a change of the stream and a step of
the workflow come back until they are done, at most :data:`PATIENCE` times, and may come twice.
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

from functions.event_handlers.manifest import FEATURE as REACTIONS
from functions.manifest import Compensation, Reaction, Step
from functions.workflows.manifest import FEATURE as WORKFLOW
from tests.kit.faults import Crash, Double, FaultInjector, faulty, undisturbed
from tests.kit.invariants import stream_of_orders
from tests.kit.shop import ENVIRONMENT, Context

PATIENCE = 4
"""How often something that failed is delivered again."""
SOON = 0.5
"""How often what follows from an act overtakes a call that stalls."""
TWICE = 0.2
"""How many of all deliveries come twice."""
A_MOMENT = timedelta(seconds=60)
"""How long AWS waits before it delivers again."""
WEBHOOK_SECRET = "ZG9vcmJ1c3Rlci1wcm9vZi13ZWJob29rLXNlY3JldA=="  # noqa: S105  a secret of the proof's own

STEPS: tuple[Step, ...] = tuple(f for f in WORKFLOW.functions if isinstance(f, Step))
UNDOS: Mapping[str, Compensation] = {
    f.module: f for f in WORKFLOW.functions if isinstance(f, Compensation)
}


class Clock(datetime):
    """``datetime`` for the doorframes: now is the real now, moved."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + cls.ahead


@dataclass
class Execution:
    """An order's workflow as Step Functions would run it. ``at`` counts the steps."""

    order_id: str
    at: int = 0
    token: str | None = None
    answer: tuple[str, str] | None = None
    """What the waiting step was told: the name of an error, or nothing, and its cause."""
    over: bool = False
    failed: str | None = None
    """Why it ended as an alarm, if it did."""

    @property
    def step(self) -> Step:
        return STEPS[self.at]

    @property
    def waits(self) -> bool:
        return not self.over and self.token is not None and self.answer is None


@dataclass
class SimulatedAws:
    """See the module. One for a process; the wire decides what is disturbed."""

    seed: int = 0
    letters: list[str] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    """What was not done however often it was delivered."""
    slept: list[str] = field(default_factory=list)
    """Workflows that waited until the deadline for a payment that was certain, or lost."""
    held: set[str] = field(default_factory=set)
    """Queues that deliver nothing for now."""
    _queues: dict[str, deque[dict[str, Any]]] = field(default_factory=dict)
    _bus: deque[dict[str, Any]] = field(default_factory=deque)
    _changes: deque[dict[str, Any]] = field(default_factory=deque)
    _later: deque[tuple[str, Callable[[], Any]]] = field(default_factory=deque)
    _stalled: bool = False
    _names: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._stream, self._where = stream_of_orders()

    # ------------------------------------------------------------------------ the services

    @property
    def doubles(self) -> dict[str, Double]:
        """The services that are answered here."""
        return {
            "AmazonSQS": self._sqs,
            "AWSEvents": self._events,
            "AWSStepFunctions": self._steps,
            "secretsmanager": self._secrets,
            "email": self._mail,
        }

    def _sqs(self, operation: str, said: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation == "SendMessage", operation
        name = said["QueueUrl"].rsplit("/", 1)[1]
        message = {"messageId": f"m{next(self._names)}", "body": said["MessageBody"]}
        self._queues.setdefault(name, deque()).append(message)
        return 200, {"MessageId": message["messageId"]}

    def _events(self, operation: str, said: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation == "PutEvents", operation
        self._bus += said["Entries"]
        return 200, {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in said["Entries"]]}

    def _steps(self, operation: str, said: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation == "StartExecution":
            name = said["name"]
            if name in self.executions:
                return 400, {"__type": "ExecutionAlreadyExists", "message": name}
            self.executions[name] = Execution(name)
            return 200, {"executionArn": f"arn:{name}", "startDate": 0}
        waiting = [e for e in self.executions.values() if e.token == said["taskToken"] and e.waits]
        if not waiting:
            return 400, {"__type": "TaskTimedOut", "message": "nobody waits for this token"}
        failed = operation == "SendTaskFailure"
        waiting[0].answer = (said["error"], said.get("cause", "")) if failed else ("", "")
        return 200, {}

    def _secrets(self, operation: str, said: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if said.get("VersionStage", "AWSCURRENT") != "AWSCURRENT":
            return 400, {"__type": "ResourceNotFoundException", "message": "no previous version"}
        if said["SecretId"] == ENVIRONMENT["SECRET_CARRIER_WEBHOOK"]:
            return 200, {"SecretString": json.dumps({"acme": WEBHOOK_SECRET})}
        return 200, {"SecretString": WEBHOOK_SECRET}

    def _mail(self, operation: str, said: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        assert operation.startswith("POST"), operation
        self.letters += said["Destination"]["ToAddresses"]
        return 200, {"MessageId": "letter"}

    # ------------------------------------------------------------------------ what comes by itself

    def come_to_rest(self, wire: FaultInjector) -> None:
        """Deliver everything that is under way, and what follows from it, until nothing is."""
        while due := self._due() or self._fetch():
            self._chance.choice(due)(wire)

    def meanwhile(self, do: Callable[[], Any]) -> None:
        """Somebody does something, once, while a call of somebody else's stalls.

        What they are refused is their own affair. What follows from it follows at once, or later:
        chance decides. But what then fails comes back later: no call stalls for so long.
        """
        ahead = Clock.ahead
        self._stalled = True
        try:
            with undisturbed(), suppress(Exception):
                do()
            if self._chance.random() < SOON:
                with undisturbed():
                    self.come_to_rest(FaultInjector())
        finally:
            self._stalled = False
            Clock.ahead = ahead

    def begin(self, tale: str) -> None:
        """Forget what was; from here on chance depends on the seed and this tale alone."""
        self._chance = random.Random(f"{self.seed} {tale}")
        _forget_locations()
        self.stuck.clear()
        self.slept.clear()
        self.executions.clear()
        self._later.clear()
        for module in _SIGNED:
            importlib.import_module(f"functions.{module}").secret._read_at = None
        Clock.ahead = timedelta()

    def deadline(self, wire: FaultInjector) -> None:
        """The payment window is over: what still waits for a payment times out and is undone."""
        Clock.ahead += timedelta(minutes=31)
        for execution in self.executions.values():
            if execution.at == 0 and execution.waits:
                execution.answer = ("States.Timeout", "")
        self.come_to_rest(wire)

    def overdue(self, order_id: str) -> None:
        """The workflow has waited for the order's shipment as long as it does."""
        execution = self.executions.get(order_id)
        if execution is not None and execution.waits and execution.step.name == "AwaitShipment":
            execution.answer = ("States.Timeout", "")

    def delivered(
        self, what: str, do: Callable[[], Any], wire: FaultInjector, *, patience: int = PATIENCE
    ) -> Any:
        """Do something until it is done, at most ``patience`` times again; perhaps once more.

        What fails, crashes included, comes back; returns what it returned, or ``None`` when it was
        never done, which is then found in :attr:`stuck`.
        """
        error: BaseException | None = None
        if self._stalled:
            patience = 0
        for attempt in range(1 + patience):
            if attempt:
                Clock.ahead += A_MOMENT
            try:
                done = do()
                if patience and self._chance.random() < TWICE:
                    do()
                return done
            except Crash as crash:
                error = crash
            except Exception as failure:  # noqa: BLE001  whatever a Lambda raises, it is run again
                error = failure
            finally:
                wire.arrive()
                wire.heal()
        if self._stalled:
            self._later.append((what, do))
        else:
            self.stuck.append(f"{what}: {error!r}")
        return None

    def _again(self, wire: FaultInjector) -> None:
        what, do = self._later.popleft()
        self.delivered(what, do, wire)

    def _due(self) -> list[Callable[[FaultInjector], None]]:
        """What could happen next."""
        due: list[Callable[[FaultInjector], None]] = []
        if self._changes:
            due.append(self._publish)
        if self._bus:
            due.append(self._react)
        for name, messages in self._queues.items():
            if messages and name not in self.held:
                due.append(partial(self._consume, name))
        if self._stalled:
            return due
        if self._later:
            due.append(self._again)
        runs = [e for e in self.executions.values() if not (e.over or e.waits)]
        return due + [partial(self._go_on, execution) for execution in runs]

    def _fetch(self) -> list[Callable[[FaultInjector], None]]:
        """Read what the stream has that we have not seen."""
        with undisturbed():
            page = self._stream.get_records(ShardIterator=self._where)
        self._where = page["NextShardIterator"]
        self._changes += page["Records"]
        return self._due()

    def _publish(self, wire: FaultInjector) -> None:
        batch = list(self._changes)
        self._changes.clear()
        door = _door("event_handlers.publish_events")

        def publish() -> None:
            answer = door({"Records": batch}, Context())
            assert not answer["batchItemFailures"], answer

        self.delivered("publish_events", publish, wire)

    def _react(self, wire: FaultInjector) -> None:
        entry = self._bus.popleft()
        event = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
        for reaction in REACTIONS.functions:
            if (
                not isinstance(reaction, Reaction)
                or entry["DetailType"] not in reaction.event_types
            ):
                continue
            if reaction.module == "event_handlers.publish_business_metrics":
                continue  # it prints figures and calls nobody
            door = _door(reaction.module)
            what = f"{reaction.module} of {event['detail']['id']}"
            self.delivered(what, partial(door, event, Context()), wire)

    def _consume(self, queue: str, wire: FaultInjector) -> None:
        message = self._queues[queue].popleft()
        door = _door(_CONSUMERS[queue])

        def consume() -> None:
            answer = door({"Records": [message]}, Context())
            if answer["batchItemFailures"]:
                raise NotDone(f"{queue}: {message['body']}")

        self.delivered(f"{queue} {message['body']}", consume, wire)

    # ------------------------------------------------------------------------ the workflow

    def _go_on(self, execution: Execution, wire: FaultInjector) -> None:
        """Take a workflow as far as it goes by itself."""
        while not execution.over and not execution.waits:
            if execution.answer is not None:
                error, _ = execution.answer
                execution.token = execution.answer = None
                if error:
                    self._undo(execution, error, wire)
                else:
                    self._next(execution)
            else:
                self._begin(execution, wire)

    def _begin(self, execution: Execution, wire: FaultInjector) -> None:
        step = execution.step
        error = ""
        for attempt in range(1 + PATIENCE):
            if attempt:
                Clock.ahead += A_MOMENT
            execution.token = f"token-{next(self._names)}" if step.waits_for_token else None
            told = {"order_id": execution.order_id, "token": execution.token or ""}
            try:
                _door(step.module)(told, Context())
            except Crash:
                error = "Lambda.Unknown"
            except Exception as failure:  # noqa: BLE001  whatever a Lambda raises, it is run again
                error = type(failure).__name__
            else:
                error = ""
            finally:
                wire.arrive()
                wire.heal()
            if execution.answer is not None:
                return  # it was answered before it failed: that counts
            if not error:
                if not step.waits_for_token:
                    self._next(execution)
                return
            execution.token = None
        self.stuck.append(f"{step.module}: {error}")
        self._undo(execution, error, wire)

    def _next(self, execution: Execution) -> None:
        execution.token = None
        if execution.at + 1 == len(STEPS):
            execution.over = True
        else:
            execution.at += 1

    def _undo(self, execution: Execution, error: str, wire: FaultInjector) -> None:
        """The way back: this step's undo, then those before it, not past a pivot."""
        at = execution.at
        while True:
            step = STEPS[at]
            if step.compensation is None and step.pivot:
                execution.over, execution.failed = True, error
                return
            if step.compensation is not None:
                told = {"order_id": execution.order_id, "failure": {"Error": error, "Cause": ""}}
                door = _door(UNDOS[step.compensation].module)
                answer = self.delivered(step.compensation, partial(door, told, Context()), wire)
                if answer is None:
                    execution.over, execution.failed = True, f"{step.compensation} failed"
                    return
                if answer["succeeded"]:
                    execution.at = at
                    self._next(execution)
                    return
                if answer["still_pending"]:
                    execution.at = at
                    return
            if step.pivot or at == 0:
                execution.over = True
                return
            at -= 1


class NotDone(Exception):
    """A queue's message was reported as failed."""


_SIGNED = (
    "sandbox.settle_payment",
    "sandbox.receive_payment_event",
    "webhooks.receive_carrier_event",
    "staff_orders.create_shipment",
)
"""Doors that keep a secret for a while: each dealing begins without, so its calls are the same."""
_CONSUMERS = {
    "settlements": "sandbox.settle_payment",
    "payments": "webhooks.apply_payment_event",
    "carriers": "webhooks.apply_carrier_event",
}
"""Who works off which queue, by the last part of its URL in the environment."""


def _forget_locations() -> None:
    """A process asks for the locations every ten seconds; here each dealing does, at its start."""
    from shop.inventory.store import locations_cache

    locations_cache().clear()


def _door(module: str) -> Callable[[Mapping[str, Any], Any], Any]:
    handler: Callable[[Mapping[str, Any], Any], Any] = importlib.import_module(
        f"functions.{module}"
    ).handler
    return handler


@contextmanager
def backstage(seed: int = 0) -> Iterator[SimulatedAws]:
    """Everything behind the doors, for as long as this is entered."""
    import shop.payments.gateway.sandbox as sandbox

    stage = SimulatedAws(seed)
    frames = ("http", "queue", "reaction", "schedule", "task")
    with ExitStack() as stack:
        stack.enter_context(faulty(stage.doubles))
        stack.enter_context(patch.object(sandbox, "SETTLE_AFTER_SECONDS", 0))
        for frame in frames:
            module = importlib.import_module(f"shop.entrypoints.{frame}")
            stack.enter_context(patch.object(module, "datetime", Clock))
        settle = importlib.import_module("functions.sandbox.settle_payment")
        stack.enter_context(patch.object(settle, "deliver", _delivered_in_process))
        yield stage


def _delivered_in_process(
    url: str, body: Mapping[str, Any], delivery: str, secret: Any, at: datetime
) -> None:
    """A webhook that takes the shortest way to the door it is meant for."""
    from shop.entrypoints.webhook import sign
    from shop.kernel.errors import Unavailable
    from tests.kit.shop import call

    text = json.dumps(body, separators=(",", ":"))
    headers = sign(secret.keys(at)[0], delivery, at, text.encode())
    answer = call(
        _door("sandbox.receive_payment_event"),
        "POST /webhooks/payments/sandbox",
        raw=text,
        headers=headers,
        key="",
    )
    if answer.status >= 300:
        raise Unavailable(f"the delivery was not taken: {answer.status}")
