"""Response types of handlers that belong to no capability."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class StatusView(BaseModel):
    """The stage and the release that respond.

    Its handler returns a plain dictionary, because it starts without pydantic.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    status: Literal["ok"]
    """Whether the API responds."""
    stage: str
    """Name of the stage."""
    release: str
    """Release of the code."""
    at: datetime
    """Instant of the response."""
