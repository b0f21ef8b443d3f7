"""Queues: encrypted, over TLS only, and none without a place for what it gives up on."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from infra.constructs.nag_suppressions import suppress_finding
from infra.constructs.resource_names import ResourceNames

MAX_RECEIVES = 5
"""Attempts at a message before it goes to the dead-letter queue."""


class DeadLetterQueue(Construct):
    """Where messages end that nobody could work off. Kept 14 days, which is SQS's longest."""

    def __init__(
        self, scope: Construct, construct_id: str, names: ResourceNames, name: str, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=names.of(name),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=requires_tls(names),
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )

        for finding in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            suppress_finding(self.queue, finding, "It is where dead letters end.")
        suppress_tls_finding(self.queue, "AwsSolutions-SQS4", names)

    def allow_sends_from(self, service: str, source_arn: str) -> None:
        """Let an AWS service put in what it could not deliver for ``source_arn``."""
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal(service)],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": source_arn}},
            )
        )


def requires_tls(names: ResourceNames) -> bool:
    """Whether TLS is demanded: everywhere but on an emulator, which has none."""
    return not names.stage.is_emulated


def suppress_tls_finding(what: IConstruct, finding: str, names: ResourceNames) -> None:
    """Accept, on an emulator alone, that TLS is not demanded."""
    if names.stage.is_emulated:
        suppress_finding(what, finding, "The emulator speaks plain HTTP, and on the loopback only.")
