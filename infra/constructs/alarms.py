"""Alarms: one small set for each kind of resource, and a topic that tells somebody."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.resource_names import ResourceNames


class Alarms(Construct):
    """The alarms of one thing. Silence counts as health: a shop may sleep."""

    def __init__(self, scope: Construct, names: ResourceNames, subject: str) -> None:
        super().__init__(scope, "Alarms")
        self._names = names
        self._subject = subject

    def on(
        self,
        name: str,
        metric: tuple[str, str],
        dimensions: dict[str, str],
        *,
        above: float,
        statistic: str = "Sum",
        minutes: int = 5,
        periods: int = 1,
        meaning: str,
    ) -> None:
        """Alarm when ``metric`` (namespace, name) exceeds a value in ``periods`` of ``minutes``."""
        cloudwatch.CfnAlarm(
            self,
            name,
            alarm_name=f"{self._names.of(self._subject)}: {name}",
            alarm_description=meaning,
            namespace=metric[0],
            metric_name=metric[1],
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=k, value=v)
                for k, v in dimensions.items()
            ],
            statistic=statistic if not statistic.startswith("p") else None,
            extended_statistic=statistic if statistic.startswith("p") else None,
            period=Duration.minutes(minutes).to_seconds(),
            evaluation_periods=periods,
            threshold=above,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[self._names.alarms_arn],
            ok_actions=[self._names.alarms_arn],
        )


def function_alarms(scope: Construct, names: ResourceNames, module: str, timeout: int) -> Alarms:
    """Errors, throttles, and a duration that comes near the timeout."""
    function = {"FunctionName": names.function(module)}
    alarms = Alarms(scope, names, module.replace(".", "-"))
    alarms.on(
        "Errors", ("AWS/Lambda", "Errors"), function, above=0,
        meaning=f"{module} raised or timed out; its log group has the trace.",
    )  # fmt: skip
    alarms.on(
        "Throttles", ("AWS/Lambda", "Throttles"), function, above=0,
        meaning=f"{module} was refused an environment: the account's concurrency is used up.",
    )  # fmt: skip
    alarms.on(
        "Duration", ("AWS/Lambda", "Duration"), function, above=timeout * 800.0,
        statistic="Maximum", meaning=f"{module} used over 80 % of its {timeout} s.",
    )  # fmt: skip
    return alarms


def queue_alarms(
    scope: Construct, names: ResourceNames, queue: str, dead: str, patience: int = 15
) -> None:
    """Messages that wait too long (``patience`` in minutes), and any dead letter."""
    alarms = Alarms(scope, names, queue)
    alarms.on(
        "Waiting", ("AWS/SQS", "ApproximateAgeOfOldestMessage"), {"QueueName": names.of(queue)},
        above=patience * 60.0, statistic="Maximum",
        meaning=f"A message of {queue} is over {patience} minutes old: its consumer falls behind.",
    )  # fmt: skip
    dead_letter_alarm(alarms, names, dead)


def dead_letter_alarm(alarms: Alarms, names: ResourceNames, queue: str) -> None:
    alarms.on(
        "DeadLetters", ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        {"QueueName": names.of(queue)}, above=0, statistic="Maximum",
        meaning=f"{queue} holds what was given up on: read it, mend the cause, redrive it.",
    )  # fmt: skip
