"""Base models of requests: strict types, and unknown fields rejected."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

_REVERSE_DOMAIN = re.compile(
    r"[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+"
)
"""UCP's ``common/types/reverse_domain_name.json``."""


class CatalogRequestModel(BaseModel):
    """Strict model: ``"2"`` is not 2, and an unknown (perhaps misspelt) field is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class ExtensibleRequestModel(CatalogRequestModel):
    """Strict model that ignores unknown UCP extensions, such as ``com.example.similarity``.

    UCP requires that a business ignores extensions it does not support. Every other unknown name
    is an error.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.model_fields
        return {k: v for k, v in data.items() if k in known or not _REVERSE_DOMAIN.fullmatch(k)}


class CatalogOpenModel(BaseModel):
    """A part of a request that UCP leaves open: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)
