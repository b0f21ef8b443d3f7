"""Tools: endpoints as agents see them, and their descriptions in ``tools/list``."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from shop.entrypoints import ucp
from shop.kernel.frozen import frozen

LIST_TTL_MILLISECONDS = 3_600_000
"""How long a client may cache the list of tools, which changes with a release only."""


@frozen(slots=False)
class Tool:
    """An endpoint as an agent sees it.

    ``payload`` names the argument that becomes the request body, and ``shape`` its pydantic schema,
    as in the manifest. ``accepts_idempotency_key`` means that UCP demands a key from the agent;
    where only the shop needs one, the proxy generates a missing key.
    """

    name: str
    description: str
    module: str
    route: str
    capability: str
    payload: str | None = None
    shape: str | None = None
    accepts_idempotency_key: bool = False

    @property
    def method(self) -> str:
        return self.route.split(" ", 1)[0]

    @property
    def is_read_only(self) -> bool:
        """Whether the tool changes nothing. Catalog searches are reads, although they are POST."""
        return self.method == "GET" or "/catalog/" in self.route

    @property
    def has_id(self) -> bool:
        return "{id}" in self.route


InvokeLambda = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Invokes the Lambda of a module (``"cart.get_cart"``) with an event and returns its response."""
SchemaLoader = Callable[[str], dict[str, Any]]
"""Returns the JSON schema of a shape (``"shop.cart.schemas:CartRequest"``)."""


@lru_cache(maxsize=1)
def list_tools(tools: tuple[Tool, ...], schema_of: SchemaLoader) -> list[dict[str, Any]]:
    """Return the descriptions for ``tools/list``. The first call builds the schemas."""
    return [_describe(tool, schema_of) for tool in tools]


_PROFILE = {
    "type": "object",
    "description": "The agent's platform. Leave it out if the platform publishes no UCP profile.",
    "properties": {
        "profile": {"type": "string", "description": "https URL of the platform's UCP profile"}
    },
    "required": ["profile"],
}


def _describe(tool: Tool, schema_of: SchemaLoader) -> dict[str, Any]:
    return {
        "name": tool.name,
        "title": tool.name.replace("_", " ").capitalize(),
        "description": tool.description,
        "inputSchema": _input_schema(tool, schema_of),
        "outputSchema": _output_schema(tool),
        "annotations": {
            "readOnlyHint": tool.is_read_only,
            "destructiveHint": tool.accepts_idempotency_key,
            "idempotentHint": tool.is_read_only
            or tool.method == "PUT"
            or tool.accepts_idempotency_key,
            "openWorldHint": False,
        },
    }


def _input_schema(tool: Tool, schema_of: SchemaLoader) -> dict[str, Any]:
    """Return the schema of the arguments. It is self-contained: all references are internal."""
    properties: dict[str, Any] = {"meta": _meta_schema(tool)}
    required = ["meta"] if tool.accepts_idempotency_key else []
    definitions: dict[str, Any] = {}
    if tool.has_id:
        properties["id"] = {"type": "string", "description": "The id that the shop returned"}
        required.append("id")
    if tool.payload is not None and tool.shape is not None:
        body = plain_schema(schema_of(tool.shape))
        # References of pydantic start at the root, so the definitions move there.
        definitions = body.pop("$defs", {})
        properties[tool.payload] = body
        required.append(tool.payload)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }


def _meta_schema(tool: Tool) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": "Metadata of the request",
        "properties": {"ucp-agent": _PROFILE},
    }
    if not tool.is_read_only:
        schema["properties"]["idempotency-key"] = {
            "type": "string",
            "description": "A new random UUID for each new request; the same UUID for its retry",
        }
    if tool.accepts_idempotency_key:
        schema["required"] = ["idempotency-key"]
    return schema


def _output_schema(tool: Tool) -> dict[str, Any]:
    """Return the envelope's schema; UCP's schema of the whole payload is in ``$comment``."""
    schema = ucp.CAPABILITIES[tool.capability].schema
    return {
        "type": "object",
        "$comment": f"{ucp.SPEC}/schemas/{schema}",
        "description": f"UCP {ucp.VERSION}, {schema}; see $comment for the whole schema",
        "properties": {
            "ucp": {
                "type": "object",
                "properties": {
                    "version": {"type": "string"},
                    "status": {"enum": ["success", "error"]},
                },
                "required": ["version"],
            },
            "messages": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["ucp"],
    }


def plain_schema(schema: Any) -> Any:
    """Return a pydantic schema without titles, nulls and fields that only the shop sets.

    A field without any constraint is one that agents send back with a whole payload and the shop
    ignores, so agents need not know it.
    """
    if isinstance(schema, list):
        return [plain_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: value
        for key, value in schema.items()
        if key not in ("title", "additionalProperties") and not (key == "default" and value is None)
    }
    if "anyOf" in plain:
        branches = [branch for branch in plain["anyOf"] if branch != {"type": "null"}]
        # An optional field: agents omit it instead of sending null.
        if len(branches) == 1:
            del plain["anyOf"]
            return plain_schema({**branches[0], **plain})
        plain["anyOf"] = branches
    # A dictionary's value type is kept; ``false`` is noise, as extra fields are rejected anyway.
    if isinstance(schema.get("additionalProperties"), dict):
        plain["additionalProperties"] = schema["additionalProperties"]
    for key, value in plain.items():
        if key in ("properties", "$defs"):
            plain[key] = {
                name: plain_schema(part)
                for name, part in value.items()
                if plain_schema(part) or key == "$defs"
            }
        elif key in ("items", "anyOf", "oneOf", "allOf", "prefixItems", "additionalProperties"):
            plain[key] = plain_schema(value)
    return plain
