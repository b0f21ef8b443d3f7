"""Types that several request and response types of pricing share."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from shop.kernel.time_bounds import validate_instant
from shop.pricing.model.rule_set import restricts_channel

Instant = Annotated[AwareDatetime, Field(strict=False), AfterValidator(validate_instant)]
"""Instant in ISO 8601 with a time zone.
Example: 2026-11-27T12:00:00Z"""
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""Identifier: 1 to 64 letters, digits, dots, hyphens or underscores.
Example: black-friday"""
Version = Annotated[int, Field(strict=True, ge=1)]
"""Version that was read; ``If-Match`` may give it instead.
Example: 3"""


ReadOnly = Any
"""Field that only the shop sets. A request may send it back; its value is ignored."""


class StaffWarning(BaseModel):
    """A warning to staff about rules that were accepted."""

    code: str
    """Kind of the warning: channel_unproved, untaxed_undecided or zip_unknown.
    Example: channel_unproved"""
    content: str
    """Warning in words."""
    path: str
    """JSONPath of the field in the request.
    Example: $.conditions.channels"""

    @classmethod
    def of_channels(cls, channels: Sequence[str], path: str) -> "list[StaffWarning]":
        """Return the warning for prices that are not for every channel, if there is one."""
        if not restricts_channel(channels):
            return []
        content = (
            "Clients state their sales channel, and nothing proves it. Expect customers of every "
            "channel to get this price. Limit it by groups, segments or a code."
        )
        return [cls(code="channel_unproved", content=content, path=path)]

    @classmethod
    def of_untaxed(cls, place: str | None) -> "list[StaffWarning]":
        """Return the warning for a place that is sold to without tax, undecided."""
        if place is None:
            return []
        content = (
            f"No tax is charged in {place}, and nobody decided so. Add a tax rate, or record the "
            "decision with the tax rates of the country."
        )
        return [cls(code="untaxed_undecided", content=content, path="$.destination")]

    @classmethod
    def of_zip(cls, *, unknown: bool) -> "list[StaffWarning]":
        """Return the warning for a ZIP code without a local tax rate, if it is one."""
        if not unknown:
            return []
        content = "The ZIP code has no local tax rate, so only the state's rate applies."
        return [cls(code="zip_unknown", content=content, path="$.destination.postal_code")]


class VersionBody(BaseModel):
    """The version that the change applies to."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    version: Version | None = None
