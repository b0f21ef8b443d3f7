"""Zones and distances: sets of destinations, as data."""

from collections.abc import Iterable, Iterator

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import clean
from shop.places.model.countries import COUNTRIES, is_region, whole_country_detail
from shop.places.model.destination import Destination, compact, postal_code_forms

MAX_DISTANCE_KM = 21_000
"""Half the circumference of the earth, with a margin for detours."""
MAX_PREFIX_LENGTH = 10
ANY = "*"


def normalize_postal_code(code: str | None) -> str:
    """Return the form in which postal codes and their prefixes are compared."""
    return clean(code or "").replace(" ", "").upper()


@frozen
class Zone:
    """A set of destinations: some countries, or with ``is_fallback`` all that no other zone names.

    ``regions`` and ``postal_prefixes`` narrow the zone; excluded ones are not part of it.
    """

    id: str
    """Id of the zone, unique in the table."""
    countries: frozenset[str] = frozenset()
    """Countries of the zone as ISO 3166-1 alpha-2 codes."""
    is_fallback: bool = False
    """Whether the zone contains every country that no other zone names."""
    regions: frozenset[str] | None = None
    """Regions to which the zone is limited; absent for whole countries."""
    excluded_regions: frozenset[str] = frozenset()
    """Regions that are excluded."""
    excluded_postal_prefixes: tuple[str, ...] = ()
    """Prefixes of postal codes that are excluded."""
    postal_prefixes: tuple[str, ...] = ()
    """Prefixes of postal codes to which the zone is limited; none means all."""

    def contains(self, destination: Destination) -> bool:
        """Return whether a destination is in this zone.

        A fallback zone does not check whether another zone contains the destination.
        """
        if not self.is_fallback and destination.country not in self.countries:
            return False
        if self.regions is not None and self.regions.isdisjoint(destination.regions):
            return False
        if not self.excluded_regions.isdisjoint(destination.regions):
            return False
        codes = postal_code_forms(destination.country, destination.postal_code)
        if self.postal_prefixes and not _match_any(codes, self.postal_prefixes):
            return False
        return not _match_any(codes, self.excluded_postal_prefixes)

    def overlap(self, other: "Zone") -> frozenset[str]:
        """Return the countries in which some destination is in both zones."""
        return frozenset(
            country
            for country in self.countries & other.countries
            if self._regions_overlap(other, country) and self._postal_codes_overlap(other)
        )

    def _regions_overlap(self, other: "Zone", country: str) -> bool:
        regions = [zone.regions for zone in (self, other) if zone.regions is not None]
        # Without lists, both zones have all regions except a few, so some are in both.
        if not regions:
            return True
        excluded = self.excluded_regions | other.excluded_regions
        common = regions[0] if len(regions) == 1 else _common_regions(country, *regions)
        return any(excluded.isdisjoint(Destination(country, region).regions) for region in common)

    def _postal_codes_overlap(self, other: "Zone") -> bool:
        if self.postal_prefixes and other.postal_prefixes:
            return any(
                _begins_with_any(prefix, [other_prefix]) or _begins_with_any(other_prefix, [prefix])
                for prefix in self.postal_prefixes
                for other_prefix in other.postal_prefixes
            )
        # The zones do not overlap if one of them excludes every prefix of the other.
        for limited, excluding in ((self, other), (other, self)):
            if limited.postal_prefixes and all(
                _begins_with_any(prefix, excluding.excluded_postal_prefixes)
                for prefix in limited.postal_prefixes
            ):
                return False
        return True


@frozen
class Distance:
    """The distance of some destinations from the shop's warehouse, in kilometres."""

    km: int
    """Distance in kilometres, 21,000 at most."""
    countries: frozenset[str] = frozenset()
    """Countries at this distance as ISO 3166-1 alpha-2 codes."""
    regions: frozenset[str] | None = None
    """Regions to which the entry is limited; absent for whole countries."""
    postal_prefixes: tuple[str, ...] = ()
    """Prefixes of postal codes to which the entry is limited; none means all."""
    is_fallback: bool = False
    """Whether the entry applies to every place without another entry."""

    def precision(self, destination: Destination) -> tuple[int, int] | None:
        """Return the precision of a match, in ascending order; ``None`` if it does not match.

        The order is: fallback, country, region, postal prefix by its length.
        """
        if self.is_fallback:
            return (0, 0)
        if destination.country not in self.countries:
            return None
        regions = destination.regions
        matching = [n for n, region in enumerate(regions) if region in (self.regions or ())]
        if self.regions is not None and not matching:
            return None
        if not self.postal_prefixes:
            # The entry of a region precedes that of the larger one around it.
            return (1, 0) if self.regions is None else (2, -matching[0])
        codes = postal_code_forms(destination.country, destination.postal_code)
        found = [prefix for prefix in self.postal_prefixes if _match_any(codes, (prefix,))]
        return (3, max(len(compact(prefix)) for prefix in found)) if found else None


def regions_named(areas: Iterable[Zone | Distance], country: str) -> frozenset[str]:
    """Return the regions of a country that zones or distances name."""
    return frozenset(
        region
        for area in areas
        if country in area.countries
        for region in (*(area.regions or ()), *getattr(area, "excluded_regions", ()))
    )


def distance_to(destination: Destination, distances: Iterable[Distance]) -> int | None:
    """Return the kilometres of the most precise entry; ``None`` without a matching entry."""
    best: tuple[tuple[int, int], int] | None = None
    for distance in distances:
        precision = distance.precision(destination)
        if precision is not None and (best is None or precision > best[0]):
            best = (precision, distance.km)
    return None if best is None else best[1]


def problems_of_zones(zones: tuple[Zone, ...]) -> list[Problem]:
    """Return unknown countries and regions, empty zones, and zones that overlap."""
    problems: list[Problem] = []
    for position, zone in enumerate(zones):
        path = f"$.zones[{position}]"
        problems += _problems_of_area(zone, path)
        problems += _problems_of_regions(
            zone.countries, zone.excluded_regions, f"{path}.excluded_regions"
        )
        if zone.is_fallback and zone.countries:
            detail = "A zone must have countries or be the fallback, not both."
            problems.append(Problem("value_contradiction", detail, f"{path}.is_fallback"))
        if zone.regions is not None and not zone.regions - zone.excluded_regions:
            detail = "The zone excludes all of its regions. Exclude fewer."
            problems.append(Problem("zone_empty", detail, f"{path}.regions"))
        problems += _problems_of_prefixes(
            zone.excluded_postal_prefixes, f"{path}.excluded_postal_prefixes"
        )
        problems += _overlaps(zone, zones[:position], path)
    return problems


def _common_regions(
    country: str, regions: frozenset[str], others: frozenset[str]
) -> frozenset[str]:
    """Return the regions that are in both sets, or are in one and part of a region in the other."""
    return frozenset(
        region
        for own, foreign in ((regions, others), (others, regions))
        for region in own
        if not foreign.isdisjoint(Destination(country, region).regions)
    )


def _overlaps(zone: Zone, earlier: tuple[Zone, ...], path: str) -> Iterator[Problem]:
    for other in earlier:
        countries = zone.overlap(other)
        if countries or (zone.is_fallback and other.is_fallback):
            common = ", ".join(sorted(countries)) or "all other countries"
            detail = f"Zones {zone.id!r} and {other.id!r} overlap in {common}. Narrow one of them."
            yield Problem("zones_overlap", detail, path)


def problems_of_distances(distances: tuple[Distance, ...]) -> list[Problem]:
    """Return impossible distances, and destinations with two distances."""
    problems: list[Problem] = []
    first_entry: dict[tuple[str, str, str], int] = {}
    for position, distance in enumerate(distances):
        path = f"$.distances[{position}]"
        if not 0 <= distance.km <= MAX_DISTANCE_KM:
            detail = f"Distance must be from 0 to {MAX_DISTANCE_KM} km."
            problems.append(Problem("measure_invalid", detail, f"{path}.km"))
        problems += _problems_of_area(distance, path)
        for key in _keys(distance):
            first = first_entry.setdefault(key, position)
            if distances[first].km != distance.km:
                detail = f"distances[{first}] has another distance of {' '.join(key)}. Remove one."
                problems.append(Problem("distances_contradict", detail, path))
                break  # report one problem per entry
    return problems


def _keys(distance: Distance) -> Iterator[tuple[str, str, str]]:
    """Yield country, region and prefix of every combination that an entry names."""
    for country in sorted(distance.countries or {ANY}):
        for region in sorted(distance.regions or {ANY}):
            for prefix in distance.postal_prefixes or (ANY,):
                yield country, region, normalize_postal_code(prefix)


def _problems_of_area(area: Zone | Distance, path: str) -> list[Problem]:
    problems = [
        Problem(
            "country_unknown",
            f"Country {country!r} is unknown. {whole_country_detail(country)}",
            f"{path}.countries",
        )
        for country in sorted(area.countries - COUNTRIES)
    ]
    if not area.countries and not area.is_fallback:
        detail = "At least one country is required."
        problems.append(Problem("missing", detail, f"{path}.countries"))
    if area.regions is not None:
        problems += _problems_of_regions(area.countries, area.regions, f"{path}.regions")
        if not area.regions:
            detail = "At least one region is required. Omit the field for all regions."
            problems.append(Problem("zone_empty", detail, f"{path}.regions"))
    problems += _problems_of_prefixes(area.postal_prefixes, f"{path}.postal_prefixes")
    return problems or [*_contradictions(area, f"{path}.postal_prefixes")]


def _contradictions(area: Zone | Distance, path: str) -> Iterator[Problem]:
    """Yield a problem for each postal prefix that is in none of the regions beside it."""
    if not area.regions or len(area.countries) != 1:
        return
    from shop.places.model.postal_regions import regions_of_prefix  # lazy: few areas have both

    (country,) = area.countries
    own = {each for region in area.regions for each in Destination(country, region).regions}
    for position, prefix in enumerate(area.postal_prefixes):
        possible = regions_of_prefix(country, prefix)
        if possible is None or any(
            not own.isdisjoint(Destination(country, region).regions) for region in possible
        ):
            continue
        detail = f"No postal code that begins with {prefix} is in these regions. Correct one."
        yield Problem("region_contradicts_postal_code", detail, f"{path}[{position}]")


def _problems_of_regions(
    countries: frozenset[str], regions: frozenset[str], path: str
) -> list[Problem]:
    if regions and len(countries) != 1:
        detail = "Regions must be of one country. Send one entry for each country."
        return [Problem("regions_ambiguous", detail, path)]
    country = next(iter(countries), "")
    return [
        Problem(
            "region_unknown",
            f"Region {region!r} is not in {country}. Use its ISO 3166-2 code or its name.",
            path,
        )
        for region in sorted(regions)
        if not is_region(country, region)
    ]


def _problems_of_prefixes(prefixes: tuple[str, ...], path: str) -> Iterator[Problem]:
    for position, prefix in enumerate(map(normalize_postal_code, prefixes)):
        if not (1 <= len(prefix) <= MAX_PREFIX_LENGTH and prefix.replace("-", "0").isalnum()):
            detail = "A postal prefix must be the beginning of a postal code, such as 995."
            yield Problem("prefix_invalid", detail, f"{path}[{position}]")


def _match_any(codes: Iterable[str], prefixes: Iterable[str]) -> bool:
    """Return whether one of the forms of a postal code begins with one of the prefixes."""
    return any(code.startswith(compact(prefix)) for code in codes if code for prefix in prefixes)


def _begins_with_any(code: str, prefixes: Iterable[str]) -> bool:
    code = normalize_postal_code(code)
    return bool(code) and any(code.startswith(normalize_postal_code(prefix)) for prefix in prefixes)
