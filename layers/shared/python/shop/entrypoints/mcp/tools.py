"""Tools: endpoints as an agent sees them, and how ``tools/list`` shows them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from shop.entrypoints import ucp
from shop.kernel.frozen import frozen

LIST_TTL_MILLISECONDS = 3_600_000
"""Milliseconds a client may keep the list of tools: it changes with a release only."""


@frozen(slots=False)
class Tool:
    """An endpoint as an agent sees it.

    ``payload`` is the argument that becomes the request's body and ``shape`` the pydantic class it
    must fit, as in the manifest. ``keyed``: the agent itself must bring an idempotency key, since
    UCP demands one; where the shop alone does, a missing one is made up here.
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
    def reads(self) -> bool:
        """Changes nothing."""
        return self.method == "GET" or "/catalog/" in self.route

    @property
    def has_id(self) -> bool:
        return "{id}" in self.route


InvokeLambda = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Calls the Lambda of a module (``"cart.get_cart"``) with an event; gives its answer."""
SchemaLoader = Callable[[str], dict[str, Any]]
"""The JSON schema of a shape (``"shop.cart.schemas:CartRequest"``)."""


@lru_cache(maxsize=1)
def list_tools(tools: tuple[Tool, ...], schema_of: SchemaLoader) -> list[dict[str, Any]]:
    """What ``tools/list`` says, drawn up at the first asking."""
    return [_described(tool, schema_of) for tool in tools]


_PROFILE = {
    "type": "object",
    "description": "The agent's platform. Leave it out if the platform publishes no UCP profile.",
    "properties": {
        "profile": {"type": "string", "description": "https URL of the platform's UCP profile"}
    },
    "required": ["profile"],
}


def _described(tool: Tool, schema_of: SchemaLoader) -> dict[str, Any]:
    """A tool as ``tools/list`` shows it. Its input schema stands alone: no reference leaves it."""
    meta: dict[str, Any] = {
        "type": "object",
        "description": "Metadata of the request",
        "properties": {"ucp-agent": _PROFILE},
    }
    if not tool.reads:
        meta["properties"]["idempotency-key"] = {
            "type": "string",
            "description": "A new random UUID for each new request; the same one on a retry of it",
        }
    if tool.accepts_idempotency_key:
        meta["required"] = ["idempotency-key"]
    properties: dict[str, Any] = {"meta": meta}
    required = ["meta"] if tool.accepts_idempotency_key else []
    definitions: dict[str, Any] = {}
    if tool.has_id:
        properties["id"] = {"type": "string", "description": "The id the shop gave"}
        required.append("id")
    if tool.payload is not None and tool.shape is not None:
        body = plain_schema(schema_of(tool.shape))
        definitions = body.pop("$defs", {})
        properties[tool.payload] = body
        required.append(tool.payload)
    schema = ucp.CAPABILITIES[tool.capability].schema
    return {
        "name": tool.name,
        "title": tool.name.replace("_", " ").capitalize(),
        "description": tool.description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
            **({"$defs": definitions} if definitions else {}),
        },
        "outputSchema": {
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
        },
        "annotations": {
            "readOnlyHint": tool.reads,
            "destructiveHint": tool.accepts_idempotency_key,
            "idempotentHint": tool.reads or tool.method == "PUT" or tool.accepts_idempotency_key,
            "openWorldHint": False,
        },
    }


def plain_schema(schema: Any) -> Any:
    """A pydantic schema as an agent reads it best: no titles, no nulls, no fields the shop fills.

    A field of any type at all is one that the shop only takes back from an agent that sends a
    whole answer back, and does not read.
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
        if len(branches) == 1:
            del plain["anyOf"]
            plain = {**branches[0], **plain}
            return plain_schema(plain)
        plain["anyOf"] = branches
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
