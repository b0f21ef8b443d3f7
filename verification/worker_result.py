"""What a process hands back of its share of the points; imports nothing of the shop."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class WorkerResult:
    """What a share of the work came to."""

    points: int = 0
    possible: int = 0
    whole: int = 0
    """Points at which all that was to go wrong did; at others the calls went another way."""
    violations: int = 0
    corrupt: int = 0
    """Points at which anything was violated."""
    findings: tuple[str, ...] = ()
    rules: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    """What a proof counts besides, by its name."""
