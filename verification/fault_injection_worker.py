"""One process's share of the fault points of verifications 3 and 4."""

from collections import Counter
from collections.abc import Sequence

from tests.kit.invariants import read_system_state, violations
from verification.fault_points import all_points, choose_pairs, choose_points
from verification.sales_mutants import CHECKOUT_MUTANTS, WRITE_MUTANTS, write_mutant
from verification.scenarios import SCENARIOS, FaultPoint, ScenarioRun, ScenarioRunner
from verification.simulated_aws import simulated_aws
from verification.worker_pool import ProgressReporter
from verification.worker_result import WorkerResult

MAX_FINDINGS = 20


def inject_faults(
    progress: ProgressReporter,
    *,
    share: int,
    shares: int,
    seed: int,
    max_points: int,
    pairs: bool,
    names: Sequence[str] | None = None,
    mutant: str | None = None,
) -> WorkerResult:
    """Run this share of the fault points, then check the invariants of the stored state.

    Raises ValueError for a name that is no scenario.
    """
    scenarios = [each for each in SCENARIOS if names is None or each.name in names]
    if names is not None and (unknown := set(names) - {each.name for each in scenarios}):
        raise ValueError(f"unknown scenarios: {unknown}")
    with simulated_aws(seed) as aws, write_mutant(mutant):
        runner = ScenarioRunner(aws, CHECKOUT_MUTANTS.get(mutant) if mutant else None)
        # A run without faults shows which calls a scenario makes, so where faults can happen.
        undisturbed = {each.name: runner.run(FaultPoint(each)) for each in scenarios}
        if pairs:
            possible, chosen = choose_pairs(scenarios, undisturbed, max_points, seed)
        else:
            # A mutant of one write fails at transactions, so its points are all spent there.
            writes_only = mutant in WRITE_MUTANTS
            points = list(all_points(scenarios, undisturbed, writes_only=writes_only))
            possible, chosen = len(points), choose_points(points, max_points, seed)
        progress.set_total(len(chosen))
        runs: dict[str, ScenarioRun] = {}
        result = WorkerResult(possible=possible)
        for point in chosen[share::shares]:
            run = runner.run(point)
            runs[runner.last.session_id] = run
            result.points += 1
            result.fully_applied += run.faults_applied == len(point.faults)
            progress(1)
        _check(runner, runs, undisturbed, result)
    return result


def _check(
    runner: ScenarioRunner,
    runs: dict[str, ScenarioRun],
    undisturbed: dict[str, ScenarioRun],
    result: WorkerResult,
) -> None:
    """Check the state once for all runs, and attribute each violation to its fault point."""
    purchases = runner.purchases
    state = read_system_state(
        idempotency_keys={p.session_id: len(p.keys) for p, _ in purchases.values()}
    )
    owner = {sku: p.session_id for p, _ in purchases.values() for sku in p.skus}
    owner |= {order.id: order.checkout_id for order in state.orders}
    violated: set[str] = set()
    findings: list[str] = []
    rules: Counter[str] = Counter()
    for violation in violations(state):
        session_id = owner.get(violation.subject, violation.subject)
        violated.add(session_id)
        rules[violation.rule] += 1
        point = purchases[session_id][1] if session_id in purchases else "unknown point"
        findings.append(f"[{point}] {violation}")
    for session_id, run in runs.items():
        for text in run.problems:
            violated.add(session_id)
            rules["run"] += 1
            findings.append(f"[{purchases[session_id][1]}] {text}")
    for name, run in undisturbed.items():
        findings += [f"[{name}, undisturbed] {text}" for text in run.problems]
        rules["run"] += len(run.problems)
    result.violations = sum(rules.values())
    result.violated_points = len(violated)
    result.findings = tuple(findings[:MAX_FINDINGS])
    result.rules = rules
