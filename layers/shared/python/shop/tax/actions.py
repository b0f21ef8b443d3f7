"""Use cases of tax: read and change the rates of a country, or below the states of the US."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from shop.kernel.errors import InvalidRequest, NotFound, Problem
from shop.kernel.events import Event
from shop.kernel.frozen import frozen
from shop.kernel.optimistic_locking import check_version
from shop.places.model.countries import Unmatched, find_region, whole_country_detail
from shop.tax.model.areas import find_tax_area
from shop.tax.model.country_rates import CountryRates, RatesChange
from shop.tax.model.local_import import parse_local_rates, update_state
from shop.tax.model.local_rates import StateRates
from shop.tax.ports import LocalRateRepository, TaxRateRepository

MAX_DECISIONS = 49
"""Countries of one decision: its transaction has two items for each, and one for their number."""


def get_tax_rates(country: str, *, repository: TaxRateRepository) -> CountryRates:
    """Return the rates of a country or of Northern Ireland (``XI``), by code or name.

    Raises NotFound (``country_unknown``).
    """
    code = find_tax_area(country)
    if isinstance(code, Unmatched):
        raise NotFound(
            f"Country {country!r} is unknown. {whole_country_detail(country)}",
            code="country_unknown",
            path="country",
        )
    return repository.get(code)


def set_tax_rates(
    country: str,
    change: RatesChange,
    *,
    expected_version: int,
    actor: str,
    repository: TaxRateRepository,
    today: date,
    at: datetime,
) -> CountryRates:
    """Change a country's rates from ``today`` on, and the decisions to sell without tax.

    ``today`` is the current day in the time zone of the country's market.

    Raises NotFound (``country_unknown``), VersionConflict, and InvalidRequest (``rate_past``) if
    the rates of an earlier day differ.
    """
    before = get_tax_rates(country, repository=repository)
    country = before.country
    check_version(f"the tax rates of {country}", before.version, expected_version)
    after = before.update(change, today, at=at, actor=actor)
    repository.save_all([after], [_event_of(after)])
    return after


@frozen
class StatedCountry:
    """A country in the words of staff, and the version of its rates that they read, if any."""

    text: str
    version: int | None = None


@frozen
class UntaxedRecord:
    """The countries to which a decision was applied, and those that had the same one before.

    ``after`` are the rates of all countries that staff changed.
    """

    recorded: tuple[CountryRates, ...]
    unchanged: tuple[CountryRates, ...]
    after: tuple[CountryRates, ...]


def record_untaxed_decisions(
    countries: Sequence[StatedCountry] | None,
    reason: str,
    *,
    undecided: Callable[[Iterable[CountryRates]], Iterable[str]],
    actor: str,
    repository: TaxRateRepository,
    at: datetime,
) -> UntaxedRecord:
    """Record one decision to sell to several countries without tax, in one transaction.

    Without ``countries``, it applies to those that ``undecided`` returns for the rates of all
    countries that staff changed. A country with the same decision stays as it is, so a repeated
    request changes nothing.

    Raises InvalidRequest (``country_unknown``, ``duplicate``, ``too_many``) and VersionConflict.
    """
    known = {rates.country: rates for rates in repository.list_customized()}
    if countries is None:
        stated = dict.fromkeys(undecided(known.values()))
    else:
        stated = _stated_versions(countries)
    before = {code: known.get(code) or CountryRates.bundled(code) for code in stated}
    after = {code: rates.decide(reason, at=at, actor=actor) for code, rates in before.items()}
    changed = [code for code in stated if after[code] is not before[code]]
    for code in changed:
        expected = stated[code]
        if expected is not None:
            check_version(f"the tax rates of {code}", before[code].version, expected)
    if len(changed) > MAX_DECISIONS:
        detail = f"{len(changed)} countries have no decision. Name {MAX_DECISIONS} or fewer."
        raise InvalidRequest(detail, code="too_many", path="$.countries")
    recorded = tuple(after[code] for code in changed)
    if recorded:
        repository.save_all(recorded, _events_of(recorded, reason))
    return UntaxedRecord(
        recorded,
        tuple(after[code] for code in stated if code not in changed),
        tuple({**known, **{rates.country: rates for rates in recorded}}.values()),
    )


def _stated_versions(countries: Sequence[StatedCountry]) -> dict[str, int | None]:
    """Return the versions that staff read by code. Raises InvalidRequest."""
    problems: list[Problem] = []
    versions: dict[str, int | None] = {}
    for position, one in enumerate(countries):
        path = f"$.countries[{position}].country"
        code = find_tax_area(one.text)
        if isinstance(code, Unmatched):
            problems.append(Problem("country_unknown", whole_country_detail(one.text), path))
        elif code in versions:
            detail = f"Must be different: {code} is named twice. Name it once."
            problems.append(Problem("duplicate", detail, path))
        else:
            versions[code] = one.version
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    return versions


def _events_of(recorded: Sequence[CountryRates], reason: str) -> list[Event]:
    """Return one event for the decision, and one for each country's rates."""
    first = recorded[0]
    decision = Event(
        id=f"untaxed:{first.country}:{first.version}",
        type="UntaxedDecisionRecorded",
        subject="untaxed",
        at=first.at,
        data={
            "reason": reason,
            "actor": first.actor,
            "versions": {rates.country: rates.version for rates in recorded},
        },
    )
    return [decision, *map(_event_of, recorded)]


def _event_of(after: CountryRates) -> Event:
    return Event(
        id=f"tax:{after.country}:{after.version}",
        type="TaxRatesChanged",
        subject=after.country,
        at=after.at,
        data={"version": after.version, "rates": len(after.rates)},
    )


def get_local_rates(state: str, *, repository: LocalRateRepository) -> StateRates:
    """Return the local rates of a state, by code or name. Raises NotFound (``region_unknown``)."""
    code = find_region("US", state)
    if isinstance(code, Unmatched):
        raise NotFound(
            f"State {state!r} is unknown. Use a code such as CA.",
            code="region_unknown",
            path="state",
        )
    return repository.get(code)


def import_local_rates(
    state: str,
    text: str,
    since: date | None,
    *,
    expected_version: int,
    actor: str,
    repository: LocalRateRepository,
    today: date,
    at: datetime,
) -> StateRates:
    """Put the rates of a CSV file in force from a day on; without a day, from today.

    ``today`` is the current day in the time zone of the market of the US.

    Raises NotFound (``region_unknown``), VersionConflict, and InvalidRequest with line and column
    of every problem of the file, or ``rate_past`` for a day in the past.
    """
    before = get_local_rates(state, repository=repository)
    check_version(f"the local rates of {before.state}", before.version, expected_version)
    edition = parse_local_rates(text, before.state, since or today)
    after = update_state(before, edition, today, at=at, actor=actor)
    event = Event(
        id=f"tax:US-{after.state}:{after.version}",
        type="LocalTaxRatesChanged",
        subject=f"US-{after.state}",
        at=at,
        data={"version": after.version, "zip_codes": len(edition.entries)},
    )
    return repository.save(after, [event])
