"""The API reference: a self-contained HTML page, rendered from docs/openapi.json.

It needs no script, and its only style sheet is inline. Its Content-Security-Policy therefore allows
nothing but that style, by its hash. :mod:`infra.constructs.asset_packages` adds page and document
to the package of the Lambdas that serve them.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

OPENAPI_FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
code, summary b { font-family: ui-monospace, monospace; font-size: 0.9em; }
details { border: 1px solid var(--line); border-radius: 0.3rem; margin: 0.4rem 0; }
details > div { padding: 0 0.8rem 0.8rem; overflow-x: auto; }
summary { cursor: pointer; padding: 0.5rem 0.8rem; }
summary:hover { background: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid var(--line); padding: 0.3rem 0.6rem 0.3rem 0; }
th, td { text-align: left; vertical-align: top; }
nav ul { columns: 14rem; padding-left: 1.2rem; }
.required { color: #b3261e; }
@media (prefers-color-scheme: dark) { .required { color: #f2b8b5; } }
"""

_FOR_PROGRAMS = 'For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).'
_COMMON_HEADERS = ("Request-Id", "Cache-Control", "X-Content-Type-Options")
_EVERY_RESPONSE = f"Every response has the headers {', '.join(_COMMON_HEADERS)}."
_METHODS = ("get", "put", "post", "patch", "delete")


def style_hash() -> str:
    return base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def content_security_policy() -> str:
    """Return the page's policy: no script, no connection, no frame; only the inline style."""
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def write_reference(directory: Path) -> None:
    """Write the document, the page and the page's policy into a directory."""
    text = OPENAPI_FILE.read_text("utf-8")
    document = json.loads(text)
    compact = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    (directory / "openapi.json").write_text(compact, "utf-8")
    (directory / "reference.html").write_text(render_page(document), "utf-8")
    (directory / "reference.csp").write_text(content_security_policy(), "utf-8")


def render_page(document: Mapping[str, Any]) -> str:
    """Return the page of a document: its operations by tag, and its schemas."""
    return _Page(document).render()


class _Page:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._components: Mapping[str, Any] = document["components"]

    def render(self) -> str:
        info = self._document["info"]
        title = escape(f"{info['title']} API {info['version']}")
        return "\n".join(
            [
                '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
                f"<header><h1>{title}</h1>\n<p>{escape(info['description'])}</p>",
                f"<p>{_FOR_PROGRAMS}</p>\n<p>{_EVERY_RESPONSE}</p></header>",
                *self._contents(),
                "<main>",
                *self._tags(),
                *self._schemas(),
                "</main>\n</body>\n</html>\n",
            ]
        )

    def _contents(self) -> Iterator[str]:
        yield '<nav aria-label="Contents"><ul>'
        for tag in self._document["tags"]:
            yield f'<li><a href="#tag-{escape(tag["name"])}">{escape(tag["name"])}</a></li>'
        yield '<li><a href="#schemas">schemas</a></li></ul></nav>'

    def _tags(self) -> Iterator[str]:
        for tag in self._document["tags"]:
            yield f'<section id="tag-{escape(tag["name"])}"><h2>{escape(tag["name"])}</h2>'
            yield f"<p>{_text(tag['description'])}</p>"
            for path, methods in self._document["paths"].items():
                for method in _METHODS:
                    if method in methods and tag["name"] in methods[method]["tags"]:
                        yield from self._operation(method, path, methods[method])
            yield "</section>"

    def _operation(self, method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
        heading = f"<b>{method.upper()} {escape(path)}</b> {_text(operation['summary'])}"
        yield f'<details id="{escape(operation["operationId"])}"><summary>{heading}</summary><div>'
        yield f"<p>{_text(self._callers(operation))}</p>"
        if parameters := operation.get("parameters"):
            yield from _table(
                ("Parameter", "In", "Type", "Description"),
                (self._parameter(self._resolved(each)) for each in parameters),
            )
        if body := operation.get("requestBody"):
            yield "<h3>Body</h3>"
            for media_type, media in body["content"].items():
                yield f"<p><code>{escape(media_type)}</code>: {self._type(media['schema'])}</p>"
        yield "<h3>Responses</h3>"
        yield from _table(
            ("Status", "Description", "Body", "Headers"),
            (self._response(status, each) for status, each in operation["responses"].items()),
        )
        yield "</div></details>"

    @staticmethod
    def _callers(operation: Mapping[str, Any]) -> str:
        names = [", ".join(each) or "anyone" for each in operation["security"]] or ["anyone"]
        text = f"Callers: {' or '.join(names)}."
        if groups := operation.get("x-groups"):
            text += f" Groups: {', '.join(groups)}."
        if stages := operation.get("x-stages"):
            text += f" Only in the stages {', '.join(stages)}."
        return text

    def _parameter(self, parameter: Mapping[str, Any]) -> tuple[str, ...]:
        return (
            _name(parameter["name"], required=parameter["required"]),
            escape(parameter["in"]),
            self._type(parameter["schema"]) + _limits(parameter["schema"]),
            _text(parameter.get("description", "")),
        )

    def _response(self, status: str, response: Mapping[str, Any]) -> tuple[str, ...]:
        resolved = self._resolved(response)
        bodies = (
            f"<code>{escape(media_type)}</code>: {self._type(media['schema'])}"
            for media_type, media in resolved.get("content", {}).items()
        )
        names = [each for each in resolved.get("headers", ()) if each not in _COMMON_HEADERS]
        headers = ", ".join(f"<code>{escape(name)}</code>" for name in names)
        return escape(status), _text(resolved["description"]), "<br>".join(bodies), headers

    def _schemas(self) -> Iterator[str]:
        yield '<section id="schemas"><h2>schemas</h2>'
        for name, schema in self._components["schemas"].items():
            yield f'<details id="schema-{escape(name)}"><summary><b>{escape(name)}</b></summary>'
            yield f"<div><p>{_text(schema.get('description', ''))}</p>"
            yield from self._fields(schema)
            yield "</div></details>"
        yield "</section>"

    def _fields(self, schema: Mapping[str, Any]) -> Iterator[str]:
        required = schema.get("required", ())
        fields = schema.get("properties")
        if not fields:
            yield f"<p>{self._type(schema)}{_limits(schema)}</p>"
            return
        for part in schema.get("allOf", ()):
            yield f"<p>With the fields of {self._type(part)}.</p>" if "$ref" in part else ""
        yield from _table(
            ("Field", "Type", "Description"),
            (
                (
                    _name(name, required=name in required),
                    self._type(field) + _limits(field),
                    _text(field.get("description", "")) + _examples(field),
                )
                for name, field in fields.items()
            ),
        )

    def _type(self, schema: Any) -> str:
        """Return the type of a schema in a few words, with links to the schemas that it names."""
        if not isinstance(schema, Mapping):
            return "any value" if schema else "nothing"
        if "$ref" in schema:
            name = escape(schema["$ref"].rpartition("/")[2])
            return f'<a href="#schema-{name}">{name}</a>'
        for keyword, joint in (("allOf", " and "), ("oneOf", " or "), ("anyOf", " or ")):
            if keyword in schema:
                return joint.join(dict.fromkeys(self._type(each) for each in schema[keyword]))
        if "const" in schema:
            return f"<code>{escape(json.dumps(schema['const']))}</code>"
        if "enum" in schema:
            return " or ".join(
                f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"]
            )
        kind = schema.get("type", "object" if "properties" in schema else "any value")
        text = " or ".join(kind) if isinstance(kind, list) else str(kind)
        if text == "array" and "items" in schema:
            return f"list of {self._type(schema['items'])}"
        if isinstance(values := schema.get("additionalProperties"), Mapping):
            return f"object with values: {self._type(values)}"
        if text == "object" and "properties" in schema:
            return f"object ({', '.join(escape(name) for name in schema['properties'])})"
        return escape(text) + (f" ({escape(schema['format'])})" if "format" in schema else "")

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in node:
            return node
        _, section, name = node["$ref"].removeprefix("#/").split("/")
        target: Mapping[str, Any] = self._components[section][name]
        return target


_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minItems": "{} entries or more",
    "maxItems": "{} entries at most",
    "pattern": "pattern {}",
    "default": "default {}",
}


def _limits(schema: Mapping[str, Any]) -> str:
    limits = [text.format(schema[name]) for name, text in _LIMITS.items() if name in schema]
    return f"; {escape(', '.join(limits))}" if limits else ""


def _examples(schema: Mapping[str, Any]) -> str:
    values = (json.dumps(each, ensure_ascii=False) for each in schema.get("examples", ()))
    return "".join(f" Example: <code>{escape(value)}</code>" for value in values)


def _name(name: str, *, required: bool) -> str:
    mark = ' <span class="required">required</span>' if required else ""
    return f"<code>{escape(name)}</code>{mark}"


def _text(text: str) -> str:
    """Return a text in HTML, with its code marked."""
    return re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text, quote=False))


def _table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "<table><thead><tr>" + "".join(f"<th>{each}</th>" for each in headings) + "</tr></thead>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table>"
