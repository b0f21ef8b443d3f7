"""Sanitizer of product descriptions, so that every client can display them safely.

Descriptions are sanitized once, when a request is read. Paragraphs, lists, tables, emphasis, links
and images stay. Scripts, frames, forms, embedded objects and styles are removed. The library nh3
(ammonia) applies the allow-list with an HTML5 parser. Sanitizing is idempotent, so clients may send
a product back as they read it.
"""

import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

from shop.kernel.text_validation import TAG

TAGS = frozenset(
    (
        "a abbr b bdi bdo blockquote br code dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 "
        "h6 hr i img ins li mark ol p pre q s small span strong sub sup table tbody td tfoot th "
        "thead tr u ul"
    ).split()
)
ATTRIBUTES = {
    "*": {"dir"},
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
SCHEMES = frozenset({"http", "https", "mailto"})
_MAX_PASSES = 6
_DIRECTIONS = frozenset({"ltr", "rtl", "auto"})
_WEB_URL = re.compile(r"https?://", re.IGNORECASE)


def clean_html(html: str | None) -> str | None:
    """Return HTML without harmful markup, or ``None`` if no markup remains.

    Badly nested HTML (a link around a table) parses differently after serialization, so passes are
    repeated until one changes nothing. HTML that still changes after :data:`_MAX_PASSES` passes is
    removed.
    """
    if html is None or "<" not in html:
        return None
    cleaned = html
    for _ in range(_MAX_PASSES):
        before, cleaned = cleaned, str(_cleaner().clean(cleaned)).strip()
        if cleaned == before:
            return cleaned if TAG.search(cleaned) else None
    return None


def clean_text(text: str) -> str:
    """Return plain text without tags, however often they are escaped.

    The text is therefore safe even for a client that displays it as HTML.
    """
    # Unescaping can reveal tags. Each pass shortens the text, so the loop ends.
    while TAG.search(text):
        unescaped = plain_text(text)
        text = unescaped if len(unescaped) < len(text) else TAG.sub("", text)
    return text


@cache
def _cleaner() -> Any:
    import nh3  # lazy: only staff handlers sanitize descriptions

    return nh3.Cleaner(
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_filter_attribute,
        clean_content_tags={"script", "style", "template", "noscript", "svg", "math"},
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """Remove the URL of an image that is not http(s), and a text direction that is none.

    Links may also be mailto.
    """
    if name == "dir":
        return value.lower() if value.lower() in _DIRECTIONS else None
    return None if (tag, name) == ("img", "src") and not _WEB_URL.match(value) else value


class _TextExtractor(HTMLParser):
    """Extracts the text of HTML; block elements end a line, scripts and styles are omitted.

    The text of a cell of a table, or beside a picture, is a word of its own.
    """

    _BLOCKS = frozenset(
        (
            "address article aside blockquote br caption dd details div dl dt fieldset figcaption "
            "figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary "
            "table tbody tfoot thead tr ul"
        ).split()
    )
    _WORDS = frozenset(("td", "th", "img", "option", "button", "iframe", "video", "audio"))
    _HIDDEN = frozenset(("script", "style"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in self._HIDDEN
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(self.hidden - (tag in self._HIDDEN), 0)
        self._part(tag)

    def _part(self, tag: str) -> None:
        if tag in self._BLOCKS or tag in self._WORDS:
            self.parts.append("\n" if tag in self._BLOCKS else " ")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(" ".join(re.split(r"\s+", data)))


def plain_text(html: str) -> str:
    """Return a description without markup, one paragraph per line."""
    if "<" not in html and "&" not in html:
        return html.strip()
    parser = _TextExtractor()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(line for line in lines if line)
