"""What every shape of a request shares: strict types, and unknown fields refused."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

_REVERSE_DOMAIN = re.compile(
    r"[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+"
)
"""UCP's ``common/types/reverse_domain_name.json``."""


class CatalogRequestModel(BaseModel):
    """Strict: ``"2"`` is not 2, and a field that nobody knows is a misspelt one."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class ExtensibleRequestModel(CatalogRequestModel):
    """UCP leaves names such as ``com.example.visual_similarity`` to extensions.

    The ones this shop has never heard of are not read, as the protocol asks; every other unknown
    name is refused.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.model_fields
        return {k: v for k, v in data.items() if k in known or not _REVERSE_DOMAIN.fullmatch(k)}


class CatalogOpenModel(BaseModel):
    """A part of a request that UCP leaves open altogether: what is not known is not read."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)
