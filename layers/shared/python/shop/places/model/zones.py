"""Zones and distances: where a destination lies, as data."""

from collections.abc import Iterable

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.places.model.countries import COUNTRIES, is_region
from shop.places.model.destination import Destination

MAX_DISTANCE_KM = 21_000
"""Half the way around the earth, and some detour."""


def postal_form(code: str | None) -> str:
    """A postal code, or the beginning of one, as it is compared: capitals, no blanks."""
    return (code or "").replace(" ", "").upper()


def _begins(destination: Destination, prefixes: Iterable[str]) -> bool:
    code = postal_form(destination.postal_code)
    return bool(code) and any(code.startswith(postal_form(prefix)) for prefix in prefixes)


@frozen
class Zone:
    """Some countries, or with ``elsewhere`` every country that no other zone names.

    ``regions`` and ``postal`` (prefixes of postal codes) narrow it; ``not_regions`` and
    ``not_postal`` are left out.
    """

    id: str
    """Id of the zone, unique in the table."""
    countries: frozenset[str] = frozenset()
    """Countries of the zone as ISO 3166-1 alpha-2 codes."""
    is_fallback: bool = False
    """Whether the zone contains every country that no other zone names."""
    regions: frozenset[str] | None = None
    """Regions to which the zone is limited; absent for whole countries."""
    not_regions: frozenset[str] = frozenset()
    """Regions that are excluded."""
    not_postal: tuple[str, ...] = ()
    """Prefixes of postal codes that are excluded."""
    postal: tuple[str, ...] = ()
    """Prefixes of postal codes to which the zone is limited; none means all."""

    def contains(self, destination: Destination) -> bool:
        """Whether the place is in this zone, as far as the zone itself can tell."""
        if not self.is_fallback and destination.country not in self.countries:
            return False
        if self.regions is not None and destination.region not in self.regions:
            return False
        if destination.region is not None and destination.region in self.not_regions:
            return False
        if self.postal and not _begins(destination, self.postal):
            return False
        return not _begins(destination, self.not_postal)

    def overlap(self, other: "Zone") -> frozenset[str]:
        """The countries in which some place is in both zones."""
        return frozenset(
            country
            for country in self.countries & other.countries
            if self._regions_meet(other) and self._postal_meet(other)
        )

    def _regions_meet(self, other: "Zone") -> bool:
        """Without ``regions`` a zone holds all but ``not_regions``: too many to be left out."""
        left_out = self.not_regions | other.not_regions
        named = [zone.regions for zone in (self, other) if zone.regions is not None]
        if not named:
            return True
        return bool(frozenset.intersection(*named) - left_out)

    def _postal_meet(self, other: "Zone") -> bool:
        if self.postal and other.postal:
            return any(
                _within(one, [two]) or _within(two, [one])
                for one in self.postal
                for two in other.postal
            )
        for one, two in ((self, other), (other, self)):
            if one.postal and all(_within(prefix, two.not_postal) for prefix in one.postal):
                return False
        return True


def _within(prefix: str, others: Iterable[str]) -> bool:
    return any(postal_form(prefix).startswith(postal_form(other)) for other in others)


@frozen
class Distance:
    """How far some destinations are from where the shop sends from, in kilometres.

    The one that says most precisely counts: by postal prefix (the longest) before by region, that
    before by country, that before ``elsewhere``.
    """

    km: int
    """Distance in kilometres, 21,000 at most."""
    countries: frozenset[str] = frozenset()
    """Countries at this distance as ISO 3166-1 alpha-2 codes."""
    regions: frozenset[str] | None = None
    """Regions to which the entry is limited; absent for whole countries."""
    postal: tuple[str, ...] = ()
    """Prefixes of postal codes to which the entry is limited; none means all."""
    is_fallback: bool = False
    """Whether the entry applies to every place without another entry."""

    def precision(self, destination: Destination) -> tuple[int, int] | None:
        """How precisely this speaks of the place; ``None``: not at all."""
        if self.is_fallback:
            return (0, 0)
        if destination.country not in self.countries:
            return None
        if self.regions is not None and destination.region not in self.regions:
            return None
        if not self.postal:
            return (1, 0) if self.regions is None else (2, 0)
        code = postal_form(destination.postal_code)
        found = [len(p) for p in map(postal_form, self.postal) if code.startswith(p)]
        return (3, max(found)) if code and found else None


def distance_to(destination: Destination, distances: Iterable[Distance]) -> int | None:
    """Kilometres to that place, ``None`` where nobody said how far it is."""
    best: tuple[tuple[int, int], int] | None = None
    for distance in distances:
        precise = distance.precision(destination)
        if precise is not None and (best is None or precise > best[0]):
            best = (precise, distance.km)
    return None if best is None else best[1]


def problems_of_zones(zones: tuple[Zone, ...]) -> list[Problem]:
    """Unknown countries and regions, zones that hold nothing, and places in two zones at once."""
    problems: list[Problem] = []
    for n, zone in enumerate(zones):
        path = f"$.zones[{n}]"
        problems += _problems_of_area(zone, path)
        problems += _problems_of_regions(zone.countries, zone.not_regions, f"{path}.not_regions")
        if zone.is_fallback and zone.countries:
            detail = "a zone names its countries, or is elsewhere; not both"
            problems.append(Problem("zone_contradicts", detail, f"{path}.is_fallback"))
        if zone.regions is not None and not zone.regions - zone.not_regions:
            detail = "no region is left in this zone"
            problems.append(Problem("zone_empty", detail, f"{path}.regions"))
        problems += _problems_of_prefixes(zone.not_postal, f"{path}.not_postal")
        for other in zones[:n]:
            both = zone.overlap(other)
            if both or (zone.is_fallback and other.is_fallback):
                where = ", ".join(sorted(both)) or "everywhere else"
                detail = f"{zone.id!r} and {other.id!r} both hold places in {where}"
                problems.append(Problem("zones_overlap", detail, path))
    return problems


def problems_of_distances(distances: tuple[Distance, ...]) -> list[Problem]:
    """Distances that cannot be, and places that are two distances away."""
    problems: list[Problem] = []
    said_of: dict[tuple[str, str, str], int] = {}
    for n, distance in enumerate(distances):
        path = f"$.distances[{n}]"
        if not 0 <= distance.km <= MAX_DISTANCE_KM:
            detail = f"a distance is 0 to {MAX_DISTANCE_KM} km"
            problems.append(Problem("measure_invalid", detail, f"{path}.km"))
        problems += _problems_of_area(distance, path)
        countries = distance.countries or frozenset({"*"})
        for key in (
            (country, region, postal_form(prefix))
            for country in sorted(countries)
            for region in sorted(distance.regions or {"*"})
            for prefix in (distance.postal or ("*",))
        ):
            if key in said_of and distances[said_of[key]].km != distance.km:
                detail = f"distances[{said_of[key]}] says otherwise of {' '.join(key)}"
                problems.append(Problem("distances_contradict", detail, path))
                break
            said_of.setdefault(key, n)
    return problems


def _problems_of_area(area: Zone | Distance, path: str) -> list[Problem]:
    problems = [
        Problem("country_unknown", f"{country!r} is no country of ISO 3166-1", f"{path}.countries")
        for country in sorted(area.countries - COUNTRIES)
    ]
    if not area.countries and not area.is_fallback:
        problems.append(Problem("countries_missing", "name a country", f"{path}.countries"))
    if area.regions is not None:
        problems += _problems_of_regions(area.countries, area.regions, f"{path}.regions")
        if not area.regions:
            problems.append(
                Problem("zone_empty", "leave it out for all regions", f"{path}.regions")
            )
    problems += _problems_of_prefixes(area.postal, f"{path}.postal")
    return problems


def _problems_of_regions(
    countries: frozenset[str], regions: frozenset[str], path: str
) -> list[Problem]:
    if regions and len(countries) != 1:
        detail = "regions are those of one country; make a zone for each"
        return [Problem("regions_ambiguous", detail, path)]
    country = next(iter(countries), "")
    return [
        Problem("region_unknown", f"{region!r} is no region of {country}", path)
        for region in sorted(regions)
        if not is_region(country, region)
    ]


def _problems_of_prefixes(prefixes: tuple[str, ...], path: str) -> list[Problem]:
    return [
        Problem("postal_invalid", "the beginning of a postal code, such as 995", f"{path}[{n}]")
        for n, prefix in enumerate(prefixes)
        if not (
            1 <= len(postal_form(prefix)) <= 10 and postal_form(prefix).replace("-", "0").isalnum()
        )
    ]
