"""The foundation: the key, tables, queues, the event bus, user pools, secrets and mail.

All resources with data are here, so that every other stack can be deleted and rebuilt.
"""

from collections.abc import Iterable
from string import punctuation
from typing import Any

from functions.manifest import Consumer, Endpoint, Feature, Queue, Secret, Table
from infra.constructs.alarms import Alarms, queue_alarms
from infra.constructs.files_bucket import add_files_bucket
from infra.constructs.iam import SANDBOX_RESOURCES, STRIPE, UserPool
from infra.constructs.intrinsics import ACCOUNT, Intrinsic, sub
from infra.constructs.manifest_validation import manifest_entries
from infra.constructs.queues import (
    DAY,
    MAX_RECEIVES,
    DeadLetterQueue,
    add_queue,
    add_queue_policy,
    deny_plain_http,
    policy_document,
    requires_tls,
    suppress_tls_finding,
)
from infra.constructs.resource_names import ResourceNames
from infra.constructs.stack import Resource, ShopApp, ShopStack
from infra.constructs.tables import TABLE_SCHEMAS, TableSchema
from infra.constructs.user_pools import add_app_client, add_user_pool

CARRIER = "parcelpost"
"""The one carrier of a new shop; the operator adds further carriers to the secret."""

MONITORED_OPERATIONS = ("GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
"""The stores' most frequent calls: DynamoDB counts its own errors by table and operation."""

ACCOUNT_ROOT = {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}


class FoundationStack(ShopStack):
    """All resources that store data."""

    def __init__(self, scope: ShopApp, names: ResourceNames, features: Iterable[Feature]) -> None:
        super().__init__(
            scope, names, "foundation", "key, tables, queues, bus, users, secrets", protected=True
        )
        self._entries = manifest_entries(features)
        self._key = self._add_key()
        self.key_arn = self._key.shared_att("Arn")
        self._alarm_topic()
        self.stream_arns: dict[Table, str] = {}
        for table in Table:
            if self._exists(table):
                self._table(table, TABLE_SCHEMAS[table])
        for queue in Queue:
            if self._exists(queue):
                self._queue(queue)
        add_files_bucket(self, self._key)
        self._bus()
        self.secret_arns = {s: self._secret(s) for s in Secret if self._exists(s)}
        self.customers = self._customers()
        self.staff = self._staff()
        self._mail()

    def _exists(self, resource: Table | Queue | Secret) -> bool:
        if resource in STRIPE:
            return not self.stage.sandbox
        return self.stage.sandbox or resource not in SANDBOX_RESOURCES

    # ------------------------------------------------------------------ the key and the topic

    def _add_key(self) -> Resource:
        key = self.add(
            "AWS::KMS::Key",
            "Key/Resource",
            {
                "Description": f"The shop's data at rest, stage {self.stage.name}",
                "EnableKeyRotation": True,
                "KeyPolicy": policy_document(_key_statements()),
            },
            deletion=self.data_policy,
        )
        self.add(
            "AWS::KMS::Alias",
            "Key/Alias/Resource",
            {"AliasName": f"alias/{self.names.of('shop')}", "TargetKeyId": key.arn},
        )
        return key

    def _alarm_topic(self) -> None:
        topic = self.add(
            "AWS::SNS::Topic",
            "AlarmTopic/Resource",
            {"TopicName": self.names.of("alarms"), "KmsMasterKeyId": self._key.arn},
        )
        suppress_tls_finding(self, topic, "AwsSolutions-SNS3")
        statements: list[dict[str, Any]] = [
            {
                "Sid": "Alarms",
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic.ref,
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            }
        ]
        if requires_tls(self):
            deny = deny_plain_http("sns:Publish", topic.ref, "*")
            statements.insert(0, {"Sid": "AllowPublishThroughSSLOnly", **deny})
        self.add(
            "AWS::SNS::TopicPolicy",
            "AlarmTopic/Policy/Resource",
            {"PolicyDocument": policy_document(statements), "Topics": [topic.ref]},
        )
        if self.stage.alarm_mail:
            subscription = self.add(
                "AWS::SNS::Subscription",
                "AlarmMail/Resource",
                {"TopicArn": topic.ref, "Protocol": "email", "Endpoint": self.stage.alarm_mail},
            )
            self.suppress(
                subscription,
                "Serverless-SNSRedrivePolicy",
                "SNS repeats an email for hours. An alarm on a dead-letter queue for it would go "
                "to the same address.",
            )

    # ------------------------------------------------------------------ tables

    def _table(self, table: Table, schema: TableSchema) -> None:
        name = _title(table)
        resource = self.add(
            "AWS::DynamoDB::Table",
            f"{name}/Resource",
            {
                "TableName": self.names.table(table),
                **schema.properties(),
                "BillingMode": "PAY_PER_REQUEST",
                "SSESpecification": {
                    "SSEEnabled": True,
                    "SSEType": "KMS",
                    "KMSMasterKeyId": self._key.arn,
                },
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "DeletionProtectionEnabled": self.stage.production,
            },
            deletion=self.data_policy,
        )
        if schema.streams:
            self.stream_arns[table] = resource.shared_att("StreamArn")
        self._table_alarms(name, table, schema)

    def _table_alarms(self, path: str, table: Table, schema: TableSchema) -> None:
        name = self.names.table(table)
        alarms = Alarms(self, path, table.value.replace("_", "-"))
        places = {"": {"TableName": name}} | {
            _title(index): {"TableName": name, "GlobalSecondaryIndexName": index}
            for index in schema.indexes
        }
        for place, dimensions in places.items():
            for kind in ("Read", "Write"):
                alarms.on(
                    f"{place}{kind}Throttles",
                    ("AWS/DynamoDB", f"{kind}ThrottleEvents"),
                    dimensions,
                    above=0,
                    meaning=f"{name} throttled {kind.lower()}s: a hot key, or a sudden load.",
                )
        for operation in MONITORED_OPERATIONS:
            alarms.on(
                f"{operation}Errors",
                ("AWS/DynamoDB", "SystemErrors"),
                {"TableName": name, "Operation": operation},
                above=0,
                meaning=f"DynamoDB itself failed on {operation} of {name}.",
            )

    # ------------------------------------------------------------------ queues and the bus

    def _queue(self, queue: Queue) -> None:
        name, path = queue.value.replace("_", "-"), _title(queue)
        dead = DeadLetterQueue(self, f"{path}Dead", f"{name}-dead", self._key.arn)
        dead.set_policy()
        resource = add_queue(
            self,
            f"{path}/Resource",
            {
                "QueueName": self.names.queue(queue),
                "KmsMasterKeyId": self._key.arn,
                "MessageRetentionPeriod": 4 * DAY,
                "RedrivePolicy": {
                    "deadLetterTargetArn": dead.arn,
                    "maxReceiveCount": MAX_RECEIVES,
                },
                # As AWS recommends, so that Lambda's retries fit.
                "VisibilityTimeout": 6 * self._consumer_timeout(queue),
            },
            deletion=self.data_policy,
        )
        add_queue_policy(self, f"{path}/Policy/Resource", resource, [])
        queue_alarms(self, path, name, dead.name)

    def _consumer_timeout(self, queue: Queue) -> int:
        """Return the seconds after which the queue's consumer times out."""
        timeouts = [
            x.timeout for x in self._entries if isinstance(x, Consumer) and x.queue is queue
        ]
        return max(timeouts, default=Consumer.timeout)

    def _bus(self) -> None:
        bus = self.add("AWS::Events::EventBus", "Bus/Resource", {"Name": self.names.bus})
        if self.stage.production:
            self.add(
                "AWS::Events::Archive",
                "Bus/Archive/Archive",
                {
                    "ArchiveName": self.names.of("events"),
                    "Description": "All events, for a replay",
                    "EventPattern": {"account": [ACCOUNT]},
                    "RetentionDays": 30,
                    "SourceArn": bus.arn,
                },
            )

    # ------------------------------------------------------------------ secrets

    def _secret(self, secret: Secret) -> str:
        """Add a secret and return its ARN."""
        generate: dict[str, Any] = {
            "PasswordLength": 44,
            "ExcludePunctuation": True,
            "ExcludeCharacters": punctuation,
        }
        if secret is Secret.CARRIER_WEBHOOK:
            generate |= {"SecretStringTemplate": "{}", "GenerateStringKey": CARRIER}
        resource = self.add(
            "AWS::SecretsManager::Secret",
            f"{_title(secret)}Secret/Resource",
            {
                "Name": self.names.secret(secret),
                "KmsKeyId": self._key.arn,
                "GenerateSecretString": generate,
            },
            deletion=self.data_policy,
        )
        self.suppress(
            resource,
            "AwsSolutions-SMG4",
            "Shared with a carrier or payment provider, who must receive each new value. Staff "
            "rotate it by hand, and both values are valid meanwhile.",
        )
        # Its Id is the ARN on AWS and on the emulator, whose Ref returns the name.
        return resource.shared_att("Id")

    # ------------------------------------------------------------------ users

    def _customers(self) -> UserPool:
        pool = add_user_pool(self, "Customers", self_sign_up=True, mfa="OPTIONAL")
        self.suppress(
            pool,
            "AwsSolutions-COG2",
            "A second factor is the customer's choice; required of all, it would lose customers.",
        )
        return add_app_client(self, "Customers", pool, "Customer", refresh_days=30)

    def _staff(self) -> UserPool:
        """Add the staff's own pool: no self sign-up, and a second factor in production."""
        production = self.stage.production
        pool = add_user_pool(
            self,
            "Staff",
            self_sign_up=False,
            mfa="ON" if production else "OPTIONAL",
            readable_usernames=True,
        )
        if not production:
            self.suppress(
                pool, "AwsSolutions-COG2", "Optional where nothing is sold; required in prod."
            )
        groups = {g for x in self._entries if isinstance(x, Endpoint) for g in x.groups}
        for group in sorted(groups):
            self.add(
                "AWS::Cognito::UserPoolGroup",
                f"Group{_title(group.replace('-', '_'))}",
                {"UserPoolId": pool.ref, "GroupName": group},
            )
        return add_app_client(self, "Staff", pool, "Staff", refresh_days=0.5)

    # ------------------------------------------------------------------ mail

    def _mail(self) -> None:
        settings = self.add(
            "AWS::SES::ConfigurationSet",
            "MailSettings/Resource",
            {
                "Name": self.names.of("mail"),
                "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
                "ReputationOptions": {"ReputationMetricsEnabled": True},
            },
        )
        self.add(
            "AWS::SES::EmailIdentity",
            "MailIdentity/Resource",
            {
                "EmailIdentity": self.stage.mail_from.partition("@")[2],
                "ConfigurationSetAttributes": {"ConfigurationSetName": settings.ref},
            },
        )


def _key_statements() -> list[dict[str, Any]]:
    """Return the key's policy: the account, the services that publish, and Secrets Manager."""
    through: Intrinsic = {
        "StringEquals": {"kms:ViaService": sub("secretsmanager.${AWS::Region}.amazonaws.com")}
    }
    root: list[tuple[Any, Intrinsic | None]] = [
        ("kms:*", None),
        (["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"], through),
        (["kms:CreateGrant", "kms:DescribeKey"], through),
    ]
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    return [
        *(
            {
                "Effect": "Allow",
                "Principal": ACCOUNT_ROOT,
                "Action": actions,
                "Resource": "*",  # in a key's policy: this key
                **({"Condition": only} if only else {}),
            }
            for actions, only in root
        ),
        *(
            {
                "Sid": f"For{service.capitalize()}",
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": condition,
            }
            for service in ("events", "cloudwatch")
        ),
    ]


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
