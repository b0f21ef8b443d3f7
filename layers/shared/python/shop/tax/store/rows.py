"""The items of the ``tax`` table.

======================  ==============  ==================================================
PK                      SK              item
======================  ==============  ==================================================
``RATES``               country         the tax rates of a country in force, with their past
``COUNTRY#<country>``   ``VERSION#<n>`` each version of them, written once
``LOCAL_RATES``         state           the rates by ZIP code of a state of the US
``LOCAL#<state>``       ``VERSION#<n>`` each version of them, written once
``TABLE``               ``VERSION``     the number of changes: all, and of local rates
======================  ==============  ==================================================
"""

import os
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import Problem
from shop.serialization import from_json
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute
from shop.tax.model.country_rates import CountryRates
from shop.tax.model.rates import TaxRate, UntaxedDecision

if TYPE_CHECKING:
    from shop.tax.model.local_rates import StateRates

RATES, LOCAL_RATES = "RATES", "LOCAL_RATES"
TABLE_VERSION = ("TABLE", "VERSION")


class TaxRow(Row):
    """An item of the table."""

    class Meta:
        table_name = os.environ["TABLE_TAX"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    version = NumberAttribute()
    local = NumberAttribute(null=True)
    doc = CompressedJsonAttribute(null=True)
    events = EventsAttribute(null=True)


def local_history_key(state: str) -> str:
    return f"LOCAL#{state}"


def history_key(country: str) -> str:
    return f"COUNTRY#{country}"


def version_key(version: int) -> str:
    return f"VERSION#{version:09d}"


def document(rates: CountryRates) -> dict[str, Any]:
    return {
        "rates": rates.to_list(),
        "untaxed": [
            [one.region, one.reason, one.actor, one.at.isoformat()] for one in rates.untaxed
        ],
        "at": rates.at.isoformat(),
        "actor": rates.actor,
        "reason": rates.reason,
    }


def local_document(rates: "StateRates") -> dict[str, Any]:
    return {
        "editions": [
            [edition.since.isoformat(), edition.state_rate, edition.document]
            for edition in rates.editions
        ],
        "at": rates.at.isoformat() if rates.at else None,
        "actor": rates.actor,
    }


def state_rates_from(state: str, row: TaxRow) -> "StateRates":
    """Return the rates below a state. They were validated when they were written."""
    from shop.tax.model.local_rates import LocalEdition, StateRates  # lazy: few shops have them

    return StateRates(
        state,
        tuple(
            LocalEdition(date.fromisoformat(since), rate, document)
            for since, rate, document in row.doc["editions"]
        ),
        int(row.version),
        datetime.fromisoformat(row.doc["at"]),
        row.doc["actor"],
    )


def country_rates_from(country: str, row: TaxRow) -> CountryRates:
    """Return the rates of a row. They were validated when they were written."""
    problems: list[Problem] = []
    rates: Sequence[TaxRate | None] = [
        from_json(TaxRate, {"country": country, **rate}, "$", problems) for rate in row.doc["rates"]
    ]
    if problems:
        raise ValueError(f"The tax rates of {country} are unreadable: {problems[0]}")
    return CountryRates(
        country,
        tuple(rate for rate in rates if rate is not None),
        tuple(
            UntaxedDecision(reason, actor, datetime.fromisoformat(at), region)
            # Versions before the first decision have none.
            for region, reason, actor, at in row.doc.get("untaxed", ())
        ),
        int(row.version),
        datetime.fromisoformat(row.doc["at"]),
        row.doc["actor"],
        row.doc["reason"],
    )
