"""The picture of a sale, and what is found wrong with one."""

from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest

from verification.flashsale import (
    LEFT,
    SOLD,
    Answer,
    Sale,
    drawn,
    main,
    over_time,
    percentile,
    picture,
)
from verification.worker_result import WorkerResult


def sale(*, sold: int = 3, told: int = 3, refused: int = 2, **more: Any) -> Sale:
    answers = [Answer(n / 10, 10.0 * (n + 1), SOLD) for n in range(told)]
    answers += [Answer(1 + n / 10, 5.0, "out_of_stock") for n in range(refused)]
    known: dict[str, Any] = {"buyers": 5, "units": 3, "answers": answers}
    return Sale(**{**known, **more}, tally=WorkerResult(counted=Counter(sold=sold, quota=sold)))


def test_a_sale_that_sold_what_there_was_is_as_it_has_to_be() -> None:
    assert sale().findings() == []
    assert sale(sold=5, told=5, refused=0, units=9).findings() == []  # all who came


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (sale(sold=4), "sold 4, not 3"),
        (sale(sold=2), "sold 2, not 3"),
        (sale(told=4, refused=1), "4 buyers were told"),
        (sale(refused=1), "never served"),
        (sale(answers=[Answer(0, 0, LEFT)] * 5), "never served"),
        (
            Sale(
                5, 3, sale().answers, WorkerResult(counted=Counter(sold=3, quota=3), violations=1)
            ),
            "1 violations",
        ),
        (
            Sale(
                5,
                3,
                sale().answers,
                WorkerResult(counted=Counter({"sold": 3, "quota": 3, "orders without stock": 1})),
            ),
            "1 orders without stock",
        ),
    ],
)
def test_whatever_is_wrong_with_a_sale_is_found(wrong: Sale, said: str) -> None:
    assert any(said in finding for finding in wrong.findings())


def test_the_picture_shows_what_was_sold_when_how_long_it_took_and_what_was_said() -> None:
    told = picture(sale())
    assert "5 buyers, 3 units" in told
    assert "completed 3, out_of_stock 2" in told
    assert "the last 30 ms" in told
    sold, refused, _ = over_time(sale(), 10)
    assert (sum(sold), sum(refused)) == (3, 2)
    svg = ElementTree.fromstring(drawn(sale()))  # noqa: S314  of our own making
    assert len(svg.findall("{http://www.w3.org/2000/svg}circle")) == 5


def test_a_sale_without_buyers_has_a_picture_too() -> None:
    nobody = sale(told=0, refused=0, answers=[])
    assert picture(nobody)
    ElementTree.fromstring(drawn(nobody))  # noqa: S314
    assert percentile([], 0.5) == 0


@pytest.mark.parametrize("asked", [["--buyers", "0"], ["--units", "0"], ["--buyers", "30000"]])
def test_a_sale_that_makes_no_sense_is_not_held(asked: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(asked)
    assert refused.value.code == 2
