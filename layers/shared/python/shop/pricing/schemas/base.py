"""What the shapes of this floor have in common."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from shop.kernel.time_bounds import validate_instant
from shop.places.model.countries import validate_country

Country = Annotated[str, AfterValidator(validate_country)]
Instant = Annotated[AwareDatetime, Field(strict=False), AfterValidator(validate_instant)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Version = Annotated[int, Field(strict=True, ge=1)]


class VersionBody(BaseModel):
    """Which version is meant; ``If-Match`` says it as well."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    version: Version | None = None
