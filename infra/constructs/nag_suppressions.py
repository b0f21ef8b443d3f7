"""cdk-nag findings that are accepted, each with its resource and its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Suppression:
    """One accepted finding. Raises ``ValueError`` without a reason."""

    stack: str
    resource: str
    """The logical id."""
    finding: str
    """cdk-nag's rule, with the detail in brackets where it names one."""
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(
                f"{self.finding} on {self.stack}/{self.resource} is accepted without a reason"
            )
