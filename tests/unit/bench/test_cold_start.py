"""The cold start benchmark reports handlers that exceed their budget, and only these."""

from bench.cold_start import BUDGETS, over_budget


def seconds_at(factor: float) -> dict[str, float]:
    """Return measurements at this multiple of every budget, for a bare Lambda of 0.2 s."""
    return {"bare": 0.2, **{name: 0.2 * factor * budget for name, budget in BUDGETS.items()}}


def test_handlers_within_their_budget_are_not_reported() -> None:
    assert over_budget(seconds_at(0.99)) == {}


def test_every_handler_over_its_budget_is_reported_with_its_ratio() -> None:
    over = over_budget(seconds_at(1.01))
    assert set(over) == set(BUDGETS)
    assert all(ratio > BUDGETS[name] for name, ratio in over.items())


def test_a_faster_bare_lambda_raises_the_ratio() -> None:
    seconds = {**seconds_at(0.9), "bare": 0.15}
    assert set(over_budget(seconds)) == set(BUDGETS)
