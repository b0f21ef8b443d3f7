"""What a process hands back of its share of the points; imports nothing of the shop."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What a share of the work came to."""

    points: int = 0
    possible: int = 0
    missed: int = 0
    """Points whose fault did not come to pass: the calls went another way."""
    violations: int = 0
    corrupt: int = 0
    """Points at which anything was violated."""
    findings: tuple[str, ...] = ()
    rules: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    """What a proof counts besides, by its name."""
