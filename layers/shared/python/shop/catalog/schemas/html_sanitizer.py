"""Descriptions as people and shop systems write them, made safe for every client that shows them.

What comes in is cleaned at the door, once, so that no client has to: HTML keeps what describes
goods (paragraphs, lists, tables, emphasis, links, pictures) and loses whatever runs, frames, loads
or dresses itself up. The cleaning is nh3's (ammonia, an allow-list over a browser's own parser).
Cleaning what is clean changes nothing, so that a product can be sent back as it was read.
"""

import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

from shop.kernel.text_validation import TAG

TAGS = frozenset(
    (
        "a abbr b blockquote br code dd del div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i "
        "img ins li mark ol p pre q s small span strong sub sup table tbody td tfoot th thead tr "
        "u ul"
    ).split()
)
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
SCHEMES = frozenset({"http", "https", "mailto"})
_MOST_READINGS = 6
_WEB = re.compile(r"https?://", re.IGNORECASE)


def clean_html(html: str | None) -> str | None:
    """HTML without what could harm who looks at it; ``None`` where no markup is left.

    Badly nested HTML is read otherwise once it was written out (a link around a table), so it is
    cleaned until nothing changes; what never settles is no HTML to keep.
    """
    if html is None or "<" not in html:
        return None
    stored = html
    for _ in range(_MOST_READINGS):
        before, stored = stored, str(_cleaner().clean(stored)).strip()
        if stored == before:
            return stored if TAG.search(stored) else None
    return None


def clean_text(text: str) -> str:
    """Plain text without markup. What was written as HTML loses its tags, however often quoted.

    A client that takes it for HTML after all must not find a tag in it.
    """
    while TAG.search(text):
        shorter = plain_text(text)
        text = shorter if len(shorter) < len(text) else TAG.sub("", text)
    return text


@cache
def _cleaner() -> Any:
    import nh3  # lazy: only staff's Lambdas clean descriptions

    return nh3.Cleaner(
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_only_the_web,
        clean_content_tags={"script", "style", "template", "noscript", "svg", "math"},
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )


def _only_the_web(tag: str, name: str, value: str) -> str | None:
    """A picture comes by http(s), a link may also write a letter."""
    return None if (tag, name) == ("img", "src") and not _WEB.match(value) else value


class _Plain(HTMLParser):
    """Keeps the text of HTML; block elements end a line, scripts and styles are no text."""

    _BLOCKS = frozenset(("p", "br", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5"))
    _HIDDEN = frozenset(("script", "style"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in self._HIDDEN
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(self.hidden - (tag in self._HIDDEN), 0)
        if tag in self._BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(" ".join(re.split(r"\s+", data)))


def plain_text(html: str) -> str:
    """A description without its markup, one paragraph a line."""
    if "<" not in html and "&" not in html:
        return html.strip()
    parser = _Plain()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(line for line in lines if line)
