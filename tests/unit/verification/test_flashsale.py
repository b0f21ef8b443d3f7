"""The charts of a flash sale, and the problems found in one."""

from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest

from verification.flashsale import (
    NOT_SERVED,
    SOLD,
    Response,
    SaleResult,
    main,
    over_time,
    percentile,
    svg_chart,
    text_chart,
)
from verification.worker_result import WorkerResult


def sale(
    *, sold: int = 3, notified: int = 3, rejected: int = 2, violations: int = 0, **changes: Any
) -> SaleResult:
    counts = Counter({"sold": sold, "quota": sold, **changes.pop("counts", {})})
    responses = [Response(n / 10, 10.0 * (n + 1), SOLD) for n in range(notified)]
    responses += [Response(1 + n / 10, 5.0, "out_of_stock") for n in range(rejected)]
    fields: dict[str, Any] = {"buyers": 5, "units": 3, "responses": responses, **changes}
    return SaleResult(**fields, state=WorkerResult(counts=counts, violations=violations))


def test_sale_of_all_units_or_to_all_buyers_has_no_problems() -> None:
    assert sale().problems() == []
    assert sale(sold=5, notified=5, rejected=0, units=9).problems() == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (sale(sold=4), "sold 4 instead of 3"),
        (sale(sold=2), "sold 2 instead of 3"),
        (sale(notified=4, rejected=1), "4 buyers were notified"),
        (sale(rejected=1), "never served"),
        (sale(responses=[Response(0, 0, NOT_SERVED)] * 5), "never served"),
        (sale(violations=1), "1 violations"),
        (sale(counts={"orders without stock": 1}), "1 orders without stock"),
    ],
)
def test_problem_of_a_sale_is_found(wrong: SaleResult, problem: str) -> None:
    assert any(problem in each for each in wrong.problems())


def test_charts_show_sales_waits_and_outcomes() -> None:
    text = text_chart(sale())
    assert "5 buyers, 3 units" in text
    assert "completed 3, out_of_stock 2" in text
    assert "max 30 ms" in text
    sold, rejected, _ = over_time(sale(), 10)
    assert (sum(sold), sum(rejected)) == (3, 2)
    svg = ElementTree.fromstring(svg_chart(sale()))  # noqa: S314  our own text
    assert len(svg.findall("{http://www.w3.org/2000/svg}circle")) == 5


def test_sale_without_buyers_has_charts_too() -> None:
    empty = sale(notified=0, rejected=0, responses=[])
    assert text_chart(empty)
    ElementTree.fromstring(svg_chart(empty))  # noqa: S314  our own text
    assert percentile([], 0.5) == 0


@pytest.mark.parametrize("arguments", [["--buyers", "0"], ["--units", "0"], ["--buyers", "30000"]])
def test_impossible_sale_is_rejected(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
