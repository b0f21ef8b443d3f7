"""Base models of requests: strict types, and unknown fields rejected."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

_REVERSE_DOMAIN = re.compile(
    r"[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+"
)
"""UCP's ``common/types/reverse_domain_name.json``."""


ReadOnly = Any
"""Field of the shop: a response has it, and a request may send it back; its value is ignored."""


class CatalogRequestModel(BaseModel):
    """Base of catalog request types: strict types, and unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class ExtensibleRequestModel(CatalogRequestModel):
    """Base of catalog request types that UCP extensions may add fields to.

    Extensions use names such as ``com.example.visual_similarity``. Names of extensions that this
    shop does not support are ignored, as UCP requires; every other unknown name is rejected.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_extensions(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.model_fields
        return {k: v for k, v in data.items() if k in known or not _REVERSE_DOMAIN.fullmatch(k)}


class CatalogOpenModel(BaseModel):
    """Base of request parts that UCP leaves open: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)
