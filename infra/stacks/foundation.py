"""The foundation: the key, the tables, the queues, the bus, the user pool, the secrets, the mail.

What holds data is here and nowhere else, so that every other stack may be thrown away and rebuilt.
"""

from collections.abc import Iterable
from string import punctuation

from aws_cdk import CfnOutput, Duration, Fn, RemovalPolicy
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from functions.manifest import Consumer, Endpoint, Feature, Queue, Secret, Table
from infra.parts.accept import accept
from infra.parts.alarms import Alarms, queue_alarms
from infra.parts.manifests import lines
from infra.parts.names import Names
from infra.parts.queues import RECEIVES, DeadLetterQueue, accept_loopback, tls
from infra.parts.rights import PRETENCE, STRIPE, Users
from infra.parts.stack import ShopStack
from infra.parts.tables import SHAPES, Shape

CARRIER = "parcelpost"
"""The one carrier a new shop knows; the operator writes those it ships with into the secret."""

OPERATIONS = ("GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
"""What the stores do most: DynamoDB counts its own errors by table and operation."""


class Foundation(ShopStack):
    """Everything that has a state."""

    def __init__(self, scope: Construct, names: Names, features: Iterable[Feature]) -> None:
        super().__init__(
            scope, names, "foundation", "key, tables, queues, bus, users, secrets", protected=True
        )
        self._lines = lines(features)
        self._keep = RemovalPolicy.RETAIN if self.stage.production else RemovalPolicy.DESTROY

        self.key = self._key()
        self.alarms = self._alarm_topic()
        self.tables = {t: self._table(t, SHAPES[t]) for t in Table if self._exists(t)}
        self.queues = {q: self._queue(q) for q in Queue if self._exists(q)}
        self.bus = self._bus()
        self.secrets = {s: self._secret(s) for s in Secret if self._exists(s)}
        self.customers = self._customers()
        self.staff = self._staff()
        self._mail()

    def _exists(self, what: Table | Queue | Secret) -> bool:
        if what in STRIPE:
            return not self.stage.sandbox
        return self.stage.sandbox or what not in PRETENCE

    # ------------------------------------------------------------------ the key and the topic

    def _key(self) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=self.names.of("shop"),
            description=f"The shop's data at rest, stage {self.stage.name}",
            enable_key_rotation=True,
            removal_policy=self._keep,
        )
        for service in ("events.amazonaws.com", "cloudwatch.amazonaws.com"):
            key.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="For" + service.partition(".")[0].capitalize(),
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    principals=[iam.ServicePrincipal(service)],
                    resources=["*"],  # in a key's policy: this key
                    conditions={"StringEquals": {"aws:SourceAccount": self.account}},
                )
            )
        return key

    def _alarm_topic(self) -> sns.Topic:
        topic = sns.Topic(
            self,
            "AlarmTopic",
            topic_name=self.names.of("alarms"),
            master_key=self.key,
            enforce_ssl=tls(self.names),
        )
        accept_loopback(topic, "AwsSolutions-SNS3", self.names)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        mail = self.stage.alarm_mail
        if mail:
            sns.Subscription(
                self,
                "AlarmMail",
                topic=topic,
                protocol=sns.SubscriptionProtocol.EMAIL,
                endpoint=mail,
            )
        return topic

    # ------------------------------------------------------------------ tables

    def _table(self, table: Table, shape: Shape) -> dynamodb.Table:
        made = dynamodb.Table(
            self,
            _title(table),
            table_name=self.names.table(table),
            partition_key=_string(shape.hash),
            sort_key=_string(shape.range) if shape.range else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self.stage.production,
            removal_policy=self._keep,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if shape.streams else None,
            time_to_live_attribute=shape.expires,
        )
        for name, index in shape.indexes.items():
            made.add_global_secondary_index(
                index_name=name,
                partition_key=_string(index.hash),
                sort_key=_string(index.range),
                projection_type=dynamodb.ProjectionType.INCLUDE,
                non_key_attributes=list(index.carries),
            )
        self._table_alarms(made, table, shape)
        return made

    def _table_alarms(self, made: dynamodb.Table, table: Table, shape: Shape) -> None:
        name = self.names.table(table)
        alarms = Alarms(made, self.names, table.value.replace("_", "-"))
        places = {"": {"TableName": name}} | {
            _title(index): {"TableName": name, "GlobalSecondaryIndexName": index}
            for index in shape.indexes
        }
        for place, dimensions in places.items():
            for kind in ("Read", "Write"):
                alarms.on(
                    f"{place}{kind}Throttles",
                    ("AWS/DynamoDB", f"{kind}ThrottleEvents"),
                    dimensions,
                    above=0,
                    meaning=f"{name} refused {kind.lower()}s: a hot key, or too fast a growth.",
                )
        for operation in OPERATIONS:
            alarms.on(
                f"{operation}Errors",
                ("AWS/DynamoDB", "SystemErrors"),
                {"TableName": name, "Operation": operation},
                above=0,
                meaning=f"DynamoDB itself failed on {operation} of {name}.",
            )

    # ------------------------------------------------------------------ queues and the bus

    def _queue(self, queue: Queue) -> sqs.Queue:
        name = queue.value.replace("_", "-")
        dead = DeadLetterQueue(self, f"{_title(queue)}Dead", self.names, f"{name}-dead", self.key)
        made = sqs.Queue(
            self,
            _title(queue),
            queue_name=self.names.queue(queue),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=tls(self.names),
            visibility_timeout=Duration.seconds(6 * self._consumer_timeout(queue)),
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=RECEIVES, queue=dead.queue),
            removal_policy=self._keep,
        )
        accept_loopback(made, "AwsSolutions-SQS4", self.names)
        queue_alarms(made, self.names, name, dead.name)
        return made

    def _consumer_timeout(self, queue: Queue) -> int:
        """Seconds. A message is hidden for six times that, so that retries inside Lambda fit."""
        timeouts = [x.timeout for x in self._lines if isinstance(x, Consumer) and x.queue is queue]
        return max(timeouts, default=Consumer.timeout)

    def _bus(self) -> events.EventBus:
        bus = events.EventBus(self, "Bus", event_bus_name=self.names.bus)
        if self.stage.production:
            bus.archive(
                "Archive",
                archive_name=self.names.of("events"),
                description="Everything that happened, for a replay",
                retention=Duration.days(30),
                event_pattern=events.EventPattern(account=[self.account]),
            )
        return bus

    # ------------------------------------------------------------------ secrets

    def _secret(self, secret: Secret) -> str:
        """The secret's ARN."""
        made = secretsmanager.Secret(
            self,
            _title(secret) + "Secret",
            secret_name=self.names.secret(secret),
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=44,
                exclude_punctuation=True,
                exclude_characters=punctuation,
                secret_string_template="{}" if secret is Secret.CARRIER_WEBHOOK else None,
                generate_string_key=CARRIER if secret is Secret.CARRIER_WEBHOOK else None,
            ),
            removal_policy=self._keep,
        )
        accept(
            made,
            "AwsSolutions-SMG4",
            "Shared with a carrier or payment provider: a new value has to be agreed with them, so "
            "rotation is a deliberate act with two values valid meanwhile, not a timer.",
        )
        plain = made.node.default_child
        if not isinstance(plain, secretsmanager.CfnSecret):
            raise TypeError("a secret is made of something else")
        return plain.attr_id  # its ARN on AWS and on the emulator, whose Ref gives the name

    # ------------------------------------------------------------------ users

    def _customers(self) -> Users:
        pool = self._pool("Customers", self_sign_up=True, mfa=cognito.Mfa.OPTIONAL)
        accept(
            pool,
            "AwsSolutions-COG2",
            "A second factor is the customer's choice; forced on every buyer it would lose buyers.",
        )
        return self._people("Customer", pool, Duration.days(30))

    def _staff(self) -> Users:
        """A pool of their own: nobody signs up into it, and production demands a second factor."""
        production = self.stage.production
        pool = self._pool(
            "Staff",
            self_sign_up=False,
            mfa=cognito.Mfa.REQUIRED if production else cognito.Mfa.OPTIONAL,
        )
        if not production:
            accept(pool, "AwsSolutions-COG2", "Optional where nothing is sold; required in prod.")
        for group in sorted({g for x in self._lines if isinstance(x, Endpoint) for g in x.groups}):
            cognito.CfnUserPoolGroup(
                self,
                f"Group{_title(group.replace('-', '_'))}",
                user_pool_id=pool.user_pool_id,
                group_name=group,
            )
        return self._people("Staff", pool, Duration.hours(12))

    def _pool(self, name: str, *, self_sign_up: bool, mfa: cognito.Mfa) -> cognito.UserPool:
        pool = cognito.UserPool(
            self,
            f"{name}Pool",  # the table of customers is the construct "Customers"
            user_pool_name=self.names.of(name.lower()),
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            self_sign_up_enabled=self_sign_up,
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=mfa,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=self.stage.production,
            removal_policy=self._keep,
        )
        accept(
            pool,
            "AwsSolutions-COG8",
            "Threat protection is billed per user and month; the sign-in throttle, the web "
            "firewall and verified addresses stand without it. The plan is one word here.",
        )
        return pool

    def _people(self, who: str, pool: cognito.UserPool, stays: Duration) -> Users:
        """The pool's one app, without a secret: browsers and telephones cannot keep one."""
        client = pool.add_client(
            "Client",
            user_pool_client_name=self.names.of(who.lower()),
            generate_secret=False,
            auth_flows=cognito.AuthFlow(user_srp=True, user_password=self.stage.passwords),
            disable_o_auth=True,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.minutes(60),
            id_token_validity=Duration.minutes(60),
            refresh_token_validity=stays,
        ).user_pool_client_id
        CfnOutput(self, f"{who}PoolId", value=pool.user_pool_id)
        CfnOutput(self, f"{who}ClientId", value=client)
        values = {"Pool": pool.user_pool_id}
        cognito_url = "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}"
        keys_url = self.stage.emulator or cognito_url
        return Users(
            issuer=Fn.sub(cognito_url + "/${Pool}", values),
            keys=Fn.sub(keys_url + "/${Pool}/.well-known/jwks.json", values),
            client=client,
        )

    # ------------------------------------------------------------------ mail

    def _mail(self) -> None:
        sender = self.stage.mail_from.partition("@")[2]
        configuration = ses.ConfigurationSet(
            self,
            "MailSettings",
            configuration_set_name=self.names.of("mail"),
            tls_policy=ses.ConfigurationSetTlsPolicy.REQUIRE,
            reputation_metrics=True,
        )
        ses.EmailIdentity(
            self,
            "MailIdentity",
            identity=ses.Identity.domain(sender),
            configuration_set=configuration,
        )


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
