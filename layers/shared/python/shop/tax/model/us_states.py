"""The sales taxes of the states of the US, as the shop knows them.

No rate of this table applies by itself. Whether a state is taxed is a decision of staff, because it
depends on where the seller is registered. Staff copy a rate of a state to the rates of the US.

Rates: SocratesTheProphet/us-sales-tax-rates-dataset at d93b401 (CC BY 4.0 licence), as of
2026-07-01, with the changes enacted by then; the notes are shortened. Shipping:
ejosterberg/open-sales-tax at 4cfd3c2 (Apache-2.0 licence), as of 2026-11-30. Check both with the
state before you charge them. Rates are in parts per million.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from shop.kernel.frozen import frozen
from shop.tax.model.bundled_rates import US_UNTAXED_CARRIAGE
from shop.tax.model.rates import STANDARD, TaxRate

FOLLOWS, TAXED, UNTAXED, NO_TAX = "follows_goods", "taxed", "not_taxed_if_separate", "no_state_tax"

US_STATE_RATES: dict[str, tuple[int, bool, str]] = {
    # state: (rate on 2026-07-01, whether places add taxes of their own, note)
    "AK": (0, True, "No tax of the state. Some 110 of 162 municipalities levy 1 to 7 %."),
    "AL": (40_000, True, ""),
    "AR": (65_000, True, ""),
    "AZ": (56_000, True, "Transaction privilege tax of the seller."),
    "CA": (72_500, True, "6 % of the state and 1.25 % for all places. Districts add 0.1 to 2 %."),
    "CO": (
        29_000,
        True,
        "Home-rule cities administer their own taxes. A fee is due for each delivery.",
    ),
    "CT": (63_500, False, "Other rates for expensive goods (7.75 %) and computer services (1 %)."),
    "DC": (65_000, False, "7 % since 1 October 2026."),
    "DE": (0, False, "No sales tax. The seller's gross receipts tax is not charged to buyers."),
    "FL": (60_000, True, "The county surtax is due on the first $5,000 of an item."),
    "GA": (40_000, True, ""),
    "HI": (
        40_000,
        True,
        "General excise tax of the seller, who may pass it on. Counties add 0.5 %.",
    ),
    "IA": (60_000, True, "Most places add 1 %."),
    "ID": (60_000, True, "Only resort cities and auditorium districts add taxes."),
    "IL": (62_500, True, "Taxes of places change on 1 January and 1 July."),
    "IN": (70_000, False, ""),
    "KS": (65_000, True, ""),
    "KY": (60_000, False, ""),
    "LA": (50_000, True, "Parishes and towns add much. The rate falls to 4.75 % in 2030."),
    "MA": (62_500, False, "Taxes of places are on meals and lodging only."),
    "MD": (60_000, False, "Other rates for alcohol (9 %) and data services (3 %)."),
    "ME": (55_000, False, ""),
    "MI": (60_000, False, ""),
    "MN": (68_750, True, ""),
    "MO": (42_250, True, ""),
    "MS": (70_000, True, "Only Jackson (1 %) and Tupelo (0.25 %) add taxes."),
    "MT": (0, False, "No sales tax. Resort towns tax lodging and prepared food."),
    "NC": (47_500, True, ""),
    "ND": (50_000, True, ""),
    "NE": (55_000, True, "2.75 % in Good Life Districts."),
    "NH": (0, False, "No sales tax. Meals and lodging are taxed at 8.5 %."),
    "NJ": (66_250, False, "Lower rates for qualified sellers in some places."),
    "NM": (48_750, True, "Gross receipts tax of the seller. The rate may change each 1 July."),
    "NV": (68_500, True, "2 % of the state and 4.85 % for all counties."),
    "NY": (40_000, True, "Places add taxes, those around New York City 0.375 % more."),
    "OH": (57_500, True, "Taxes of counties change each quarter."),
    "OK": (45_000, True, "Taxes of places change each quarter."),
    "OR": (0, False, "No sales tax."),
    "PA": (60_000, True, "Only Allegheny (1 %) and Philadelphia (2 %) add taxes."),
    "RI": (70_000, False, ""),
    "SC": (60_000, True, "Some counties add taxes."),
    "SD": (42_000, True, "The rate rises to 4.5 % on 1 July 2027."),
    "TN": (70_000, True, "Places add 2.75 % at most."),
    "TX": (62_500, True, "Places add 2 % at most."),
    "UT": (61_000, True, "4.85 % of the state and 1.25 % for all places."),
    "VA": (
        53_000,
        True,
        "4.3 % of the state and 1 % for all places. Some regions have 6, 6.3 or 7 %.",
    ),
    "VT": (60_000, True, "Some places add 1 %."),
    "WA": (65_000, True, "Taxes of places change each quarter."),
    "WI": (50_000, True, "Counties add 0.5 %, Milwaukee 0.9 %, its city 2 %."),
    "WV": (60_000, True, "Some towns add 1 %."),
    "WY": (40_000, True, "Counties add 2 % at most."),
}

US_ENACTED_CHANGES: dict[str, tuple[int, date]] = {
    # state: (rate, first day)
    "DC": (70_000, date(2026, 10, 1)),
    "LA": (47_500, date(2030, 1, 1)),
    "SD": (45_000, date(2027, 7, 1)),
}

_AGREEMENT = "Streamlined Sales and Use Tax Agreement, definition of delivery charges"
US_TAXED_CARRIAGE: dict[str, tuple[str, str]] = {
    # state: (legal basis, confidence)
    "AR": (_AGREEMENT, "low"),
    "CT": ("Conn. Gen. Stat. 12-407(a)(2)", "medium"),
    "DC": ("DC Code 47-2001(n)(1)", "low"),
    "GA": ("GA Reg 560-12-2-.105", "medium"),
    "HI": ("HRS chapter 237", "medium"),
    "IN": (_AGREEMENT, "low"),
    "KY": (_AGREEMENT, "low"),
    "LA": ("LA RS 47:301(13)", "medium"),
    "MN": ("MN Stat 297A.61 subd 7", "medium"),
    "MS": ("Miss. Code 27-65-3", "medium"),
    "NC": (_AGREEMENT, "low"),
    "ND": (_AGREEMENT, "low"),
    "NE": (_AGREEMENT, "low"),
    "NJ": (_AGREEMENT, "low"),
    "NM": ("NMSA 7-9-3", "medium"),
    "NY": ("NY Tax Bulletin ST-838", "medium"),
    "OH": (_AGREEMENT, "low"),
    "PA": ("61 Pa. Code 32.6(b)", "medium"),
    "RI": (_AGREEMENT, "low"),
    "SC": ("SC Code 12-36-90", "medium"),
    "SD": (_AGREEMENT, "low"),
    "TN": (_AGREEMENT, "low"),
    "TX": ("TX Tax Code 151.007(a)", "medium"),
    "VT": (_AGREEMENT, "low"),
    "WA": (_AGREEMENT, "low"),
    "WI": (_AGREEMENT, "low"),
    "WV": (_AGREEMENT, "low"),
}
"""States that tax a delivery charge shown separately like the goods.

Confidence ``low`` stands for the default of the agreement: nobody looked the state's law up. Hawaii
taxes every delivery, also that of goods without tax; the shop taxes it like the goods.
"""


@frozen
class StateTax:
    """What the shop knows of the sales tax of a state.

    ``rate`` is the one of today. ``rates`` are those that staff add to tax the state: today's, and
    enacted changes. There are none if the state has a rate already, or no sales tax. ``shipping``
    is ``follows_goods``, ``taxed``, ``not_taxed_if_separate`` or ``no_state_tax``, with its legal
    ``basis`` and the ``confidence`` in it.
    """

    state: str
    rate: int
    rates: tuple[TaxRate, ...]
    has_local_taxes: bool
    shipping: str
    basis: str
    confidence: str
    note: str


def state_taxes(today: date, current: Iterable[TaxRate] = ()) -> tuple[StateTax, ...]:
    """Return the taxes of all states, from a day on. ``current`` are the rates of the US."""
    ended: dict[str, bool] = {}
    for rate in current:
        if rate.tax_class == STANDARD and rate.region is not None:
            is_over = rate.until is not None and rate.until <= today
            ended[rate.region] = ended.get(rate.region, True) and is_over
    return tuple(_state_tax(state, today, ended.get(state)) for state in sorted(US_STATE_RATES))


def _state_tax(state: str, today: date, has_ended: bool | None) -> StateTax:
    """Return the tax of a state. ``has_ended`` is ``None`` if it never had a rate."""
    rate, has_local_taxes, note = US_STATE_RATES[state]
    later, since = US_ENACTED_CHANGES.get(state, (rate, date.max))
    if since <= today:
        rate = later
    # The first rate begins today by itself; one after an end names its day.
    first = today if has_ended else None
    now = TaxRate("US", rate, STANDARD, state, f"{state} sales tax", first)
    rates: tuple[TaxRate, ...] = (now,)
    if today < since < date.max:
        rates = (replace(now, until=since), replace(now, rate=later, since=since))
    has_tax = rate > 0 or has_local_taxes
    shipping, (basis, confidence) = _shipping_of(state)
    return StateTax(
        state,
        rate,
        rates if has_tax and has_ended is not False else (),
        has_local_taxes,
        shipping,
        basis,
        confidence,
        note,
    )


def _shipping_of(state: str) -> tuple[str, tuple[str, str]]:
    if state in US_UNTAXED_CARRIAGE:
        return UNTAXED, US_UNTAXED_CARRIAGE[state]
    if state in US_TAXED_CARRIAGE:
        return (TAXED if state == "HI" else FOLLOWS), US_TAXED_CARRIAGE[state]
    return NO_TAX, ("", "high")
