"""CloudWatch alarms: one small set for each kind of resource. They notify the alarm topic."""

from collections.abc import Mapping

from infra.constructs.intrinsics import Value
from infra.constructs.stack import ShopStack


class Alarms:
    """The alarms of one resource. Missing data counts as healthy, as in a shop without traffic."""

    def __init__(self, stack: ShopStack, path: str, subject: str) -> None:
        """``path`` is the resource's, empty for the stack itself; ``subject`` names the alarms."""
        self._stack = stack
        self._path = f"{path}/Alarms" if path else "Alarms"
        self._subject = subject

    def on(
        self,
        name: str,
        metric: tuple[str, str],
        dimensions: Mapping[str, Value],
        *,
        above: float,
        statistic: str = "Sum",
        minutes: int = 5,
        periods: int = 1,
        meaning: str,
    ) -> None:
        """Alarm when ``metric`` (namespace, name) exceeds a value in ``periods`` of ``minutes``."""
        names = self._stack.names
        percentile = statistic.startswith("p")
        self._stack.add(
            "AWS::CloudWatch::Alarm",
            f"{self._path}/{name}",
            {
                "AlarmName": f"{names.of(self._subject)}: {name}",
                "AlarmDescription": meaning,
                "Namespace": metric[0],
                "MetricName": metric[1],
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                "Statistic": None if percentile else statistic,
                "ExtendedStatistic": statistic if percentile else None,
                "Period": minutes * 60,
                "EvaluationPeriods": periods,
                "Threshold": above,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": [names.alarms_arn],
                "OKActions": [names.alarms_arn],
            },
        )


def function_alarms(stack: ShopStack, path: str, module: str, timeout: int) -> Alarms:
    """Alarm on errors, on throttles, and on a duration close to the timeout."""
    function = {"FunctionName": stack.names.function(module)}
    alarms = Alarms(stack, path, module.replace(".", "-"))
    alarms.on(
        "Errors", ("AWS/Lambda", "Errors"), function, above=0,
        meaning=f"{module} raised or timed out; its log group has the trace.",
    )  # fmt: skip
    alarms.on(
        "Throttles", ("AWS/Lambda", "Throttles"), function, above=0,
        meaning=f"Lambda rejected calls of {module}: the account's concurrency is used up.",
    )  # fmt: skip
    alarms.on(
        "Duration", ("AWS/Lambda", "Duration"), function, above=timeout * 800.0,
        statistic="Maximum", meaning=f"{module} used over 80 % of its {timeout} s.",
    )  # fmt: skip
    return alarms


def queue_alarms(stack: ShopStack, path: str, queue: str, dead: str, max_age: int = 15) -> None:
    """Alarm on messages older than ``max_age`` minutes, and on any dead letter."""
    alarms = Alarms(stack, path, queue)
    alarms.on(
        "Waiting", ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        {"QueueName": stack.names.of(queue)}, above=max_age * 60.0, statistic="Maximum",
        meaning=f"A message of {queue} is over {max_age} minutes old: its consumer falls behind.",
    )  # fmt: skip
    dead_letter_alarm(stack, alarms, dead)


def dead_letter_alarm(stack: ShopStack, alarms: Alarms, queue: str) -> None:
    """Alarm on any message in a dead-letter queue."""
    alarms.on(
        "DeadLetters", ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        {"QueueName": stack.names.of(queue)}, above=0, statistic="Maximum",
        meaning=f"{queue} holds failed messages: read one, fix the cause, then run "
        f"make redrive QUEUE={queue.removesuffix('-dead')} with the stage.",
    )  # fmt: skip
