"""Queues: encrypted, reached over TLS only, each with a dead-letter queue."""

from typing import Any

from infra.constructs.intrinsics import Value
from infra.constructs.stack import DeletionPolicy, Resource, ShopStack

MAX_RECEIVES = 5
"""Attempts at a message before it goes to the dead-letter queue."""

DAY = 24 * 60 * 60


class DeadLetterQueue:
    """A queue that retains failed messages for 14 days, the maximum of SQS."""

    def __init__(self, stack: ShopStack, path: str, name: str, key_arn: Value) -> None:
        self.name = name
        self._stack = stack
        self._path = f"{path}/Queue"
        self.queue = add_queue(
            stack,
            f"{self._path}/Resource",
            {
                "QueueName": stack.names.of(name),
                "KmsMasterKeyId": key_arn,
                "MessageRetentionPeriod": 14 * DAY,
            },
            deletion="Delete",
        )
        for finding in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            stack.suppress(self.queue, finding, "It is a dead-letter queue itself.")

    @property
    def arn(self) -> Value:
        return self.queue.arn

    def set_policy(self, *senders: tuple[str, Value]) -> None:
        """Require TLS, and allow each AWS service to send undelivered messages of its source."""
        statements = [
            {
                "Action": "sqs:SendMessage",
                "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Resource": self.queue.arn,
            }
            for service, source_arn in senders
        ]
        add_queue_policy(self._stack, f"{self._path}/Policy/Resource", self.queue, statements)


def add_queue(
    stack: ShopStack, path: str, properties: dict[str, Any], *, deletion: DeletionPolicy
) -> Resource:
    """Add a queue with what all queues have in common; :func:`add_queue_policy` completes it."""
    queue = stack.add(
        "AWS::SQS::Queue",
        path,
        {"KmsDataKeyReusePeriodSeconds": 3600, **properties},
        deletion=deletion,
    )
    suppress_tls_finding(stack, queue, "AwsSolutions-SQS4")
    return queue


def add_queue_policy(
    stack: ShopStack, path: str, queue: Resource, statements: list[dict[str, Any]]
) -> None:
    """Add the queue's policy: TLS only where there is TLS, then ``statements``."""
    if requires_tls(stack):
        statements = [deny_plain_http("sqs:*", queue.arn, {"AWS": "*"}), *statements]
    if statements:
        stack.add(
            "AWS::SQS::QueuePolicy",
            path,
            {"PolicyDocument": policy_document(statements), "Queues": [queue.ref]},
        )


def policy_document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Statement": statements, "Version": "2012-10-17"}


def deny_plain_http(action: str, resource: Any, principal: Any) -> dict[str, Any]:
    """Return the statement that denies requests without TLS."""
    return {
        "Action": action,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        "Effect": "Deny",
        "Principal": principal,
        "Resource": resource,
    }


def requires_tls(stack: ShopStack) -> bool:
    """Whether TLS is required: everywhere but on the emulator, which speaks plain HTTP."""
    return not stack.stage.is_emulated


def suppress_tls_finding(stack: ShopStack, resource: Resource, finding: str) -> None:
    """Accept, on the emulator alone, that TLS is not required."""
    if stack.stage.is_emulated:
        stack.suppress(resource, finding, "The emulator speaks plain HTTP, on the loopback only.")
