"""The result of one worker process. Imports nothing of the shop."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class WorkerResult:
    """What one process counted in its share of the work."""

    points: int = 0
    possible: int = 0
    fully_applied: int = 0
    """Points at which every planned fault took effect; elsewhere the calls took another course."""
    violations: int = 0
    violated_points: int = 0
    """Points with at least one violation."""
    findings: tuple[str, ...] = ()
    rules: Counter[str] = field(default_factory=Counter)
    """Violations by invariant."""
    counts: Counter[str] = field(default_factory=Counter)
    """Other counts of a verification, by name."""
