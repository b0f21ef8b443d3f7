"""One Lambda from one manifest line: code, environment, role, log group, dead letters, alarms."""

from dataclasses import dataclass

from aws_cdk import AssetHashType, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions.manifest import Endpoint, Function, Reaction, Schedule, StreamReader
from infra.constructs.alarms import Alarms, dead_letter_alarm, function_alarms
from infra.constructs.asset_packages import AssetPackage, AssetPackages
from infra.constructs.iam import SharedResources, Statement, lambda_environment, policy_statements
from infra.constructs.nag_suppressions import suppress_finding
from infra.constructs.queues import DeadLetterQueue
from infra.constructs.resource_names import ALIAS, ResourceNames

ASYNC = (Reaction, Schedule, StreamReader)
"""Lines whose failures nobody waits for: each has a dead-letter queue of its own."""


@dataclass(frozen=True)
class LambdaBuildContext:
    """What the Lambdas of one stack share. A ``Code`` belongs to one stack, so each has its own."""

    names: ResourceNames
    shared: SharedResources
    code: lambda_.Code
    layers: tuple[lambda_.ILayerVersion, ...]
    key: kms.IKey
    release: str


def lambda_build_context(
    scope: Stack, group: str, names: ResourceNames, shared: SharedResources, packages: AssetPackages
) -> LambdaBuildContext:
    """Set up one stack for Lambdas. Layers are per stack too: a shared layer's version would be an
    export that no deployment could change while another stack imports it."""
    layer_package = packages.shared()
    layers = [_layer(scope, "Shop", layer_package, "The shop: kernel, floors, edge")]
    if not names.stage.is_emulated:
        layers.append(
            _layer(scope, "Dependencies", packages.dependencies(), "Third-party packages")
        )
    return LambdaBuildContext(
        names=names,
        shared=shared,
        code=_code(packages.functions(group)),
        layers=tuple(layers),
        key=kms.Key.from_key_arn(scope, "Key", shared.key_arn),
        release=layer_package.hash[:12],
    )


class ShopFunction(Construct):
    """A Lambda, whole. Its id is the file's name, so the stack's tree reads like the folder."""

    def __init__(self, scope: Construct, entry: Function, context: LambdaBuildContext) -> None:
        super().__init__(scope, entry.module.partition(".")[2])
        names = context.names
        name = names.function(entry.module)
        self.entry = entry
        self.dead_letters: DeadLetterQueue | None = None
        if isinstance(entry, ASYNC):
            dead = names.dead_letters(entry.module)
            self.dead_letters = DeadLetterQueue(self, "DeadLetters", names, dead, context.key)
            dead_letter_alarm(Alarms(self.dead_letters, names, dead), names, dead)

        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=log_retention(names.stage.log_days),
            removal_policy=RemovalPolicy.RETAIN
            if names.stage.production
            else RemovalPolicy.DESTROY,
        )
        statements = policy_statements(
            entry,
            names,
            context.shared,
            self.dead_letters.queue.queue_arn if self.dead_letters else None,
        )
        self.role = _role(
            self, name, "default" if names.stage.is_emulated else names.schedule_group, statements
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=(entry.__doc__ or "").splitlines()[0],
            code=context.code,
            handler=f"{entry.module}.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            layers=list(context.layers),
            environment=lambda_environment(entry, names, context.shared, context.release),
            timeout=Duration.seconds(entry.timeout),
            memory_size=entry.memory,
            role=self.role.without_policy_updates(),
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
        )
        self.alias = self._alias() if _has_alias(entry) else None
        self._accepted()
        if self.dead_letters:
            self._async_retries(self.dead_letters)
        self.alarms = function_alarms(self, names, entry.module, entry.timeout)

    def dead_letter_queue(self) -> DeadLetterQueue:
        """Where this function's failures end. Raises :class:`LookupError` where somebody waits."""
        if self.dead_letters is None:
            raise LookupError(f"{self.entry.module} has no dead-letter queue")
        return self.dead_letters

    @property
    def callable(self) -> lambda_.IFunction:
        """What a route leads to: the version in use where there is one, else the function."""
        return self.alias or self.function

    def _alias(self) -> lambda_.Alias:
        """The version in use. Provisioned concurrency belongs to a version or an alias, never to
        the function; what is provisioned is set while the shop runs, and is not in the template."""
        return lambda_.Alias(self, "Live", alias_name=ALIAS, version=self.function.current_version)

    def _accepted(self) -> None:
        suppress_finding(
            self.function,
            "AwsSolutions-L1",
            "One Python: 3.13 is pinned for laptop, tests and Lambda, and moves in one go.",
        )
        suppress_finding(
            self.function,
            "Serverless-LambdaLatestVersion",
            "CloudFormation replaces code and configuration together and rolls both back. Only "
            "what a rush keeps warm has an alias, since provisioned concurrency needs one.",
        )
        suppress_finding(
            self.function,
            "Serverless-LambdaDLQ",
            "It has an on-failure destination, which tells more than a dead-letter queue setting."
            if self.dead_letters
            else "Its caller waits for the answer, or its queue has the dead letters.",
        )

    def _async_retries(self, dead_letters: DeadLetterQueue) -> None:
        """Two more attempts, an hour at most, then the dead-letter queue."""
        if isinstance(self.entry, StreamReader):
            return  # the stream's own mapping retries and gives up
        lambda_.CfnEventInvokeConfig(
            self,
            "Async",
            function_name=self.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=3600,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                    destination=dead_letters.queue.queue_arn
                )
            ),
        )


def _has_alias(entry: Function) -> bool:
    return isinstance(entry, Endpoint) and entry.shopper_facing


def _role(scope: Construct, name: str, group: str, statements: list[Statement]) -> iam.Role:
    role = iam.Role(
        scope,
        "Role",
        description=f"What {name} may do, and nothing else",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={
            "rights": iam.PolicyDocument(statements=[_to_iam_statement(r) for r in statements])
        },
    )
    suppress_finding(role, "AwsSolutions-IAM5[Resource::*]", _NO_RESOURCE)
    suppress_finding(role, "Serverless-LambdaStarPermissions", _NO_RESOURCE)
    suppress_finding(
        role,
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:"
        f"<AWS::AccountId>:schedule/{group}/*]",
        "One-off schedules are named for promotions that nobody knows yet; their group is theirs.",
    )
    suppress_finding(
        role,
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:"
        f"log-group:/aws/lambda/{name}:*]",
        "Lambda names the log streams of its own group; nobody knows them beforehand.",
    )
    return role


_NO_RESOURCE = (
    "X-Ray, listing streams and answering a task token have no resources that a policy could name."
)


def _to_iam_statement(statement: Statement) -> iam.PolicyStatement:
    """A right as IAM writes it."""
    equal: dict[str, object] = {}
    if statement.through:
        equal["kms:ViaService"] = [via(service) for service in statement.through]
    if statement.passed_to:
        equal["iam:PassedToService"] = statement.passed_to
    conditions = {"StringEquals": equal} if equal else {}
    return iam.PolicyStatement(
        sid=statement.sid,
        actions=list(statement.actions),
        resources=list(statement.resources),
        conditions=conditions,
    )


def via(service: str) -> str:
    return Fn.sub(f"{service}.${{AWS::Region}}.${{AWS::URLSuffix}}")


def log_retention(days: int) -> logs.RetentionDays:
    return {
        1: logs.RetentionDays.ONE_DAY,
        14: logs.RetentionDays.TWO_WEEKS,
        90: logs.RetentionDays.THREE_MONTHS,
    }[days]


def _code(package: AssetPackage) -> lambda_.AssetCode:
    return lambda_.Code.from_asset(
        str(package.path), asset_hash=package.hash, asset_hash_type=AssetHashType.CUSTOM
    )


def _layer(scope: Construct, name: str, package: AssetPackage, what: str) -> lambda_.LayerVersion:
    return lambda_.LayerVersion(
        scope,
        name,
        code=_code(package),
        description=what,
        compatible_architectures=[lambda_.Architecture.ARM_64],
        compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
    )
