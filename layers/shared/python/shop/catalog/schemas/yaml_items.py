"""Items of a YAML list, read one by one: each is a mapping of texts and lists of texts.

Values are read as they are written, and YAML's own types are not applied: ``no`` is a word, ``012``
and ``1:20`` are what the file shows. Nothing is constructed and no alias is followed, so an item
needs no more memory than its text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from shop.catalog.schemas.file_parsing import ParseError
from shop.kernel.text_files import count_line_ends

MAX_DEPTH = 20
"""Levels of lists and fields inside a field."""
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class YamlField:
    """A field of an item: its text, ``None`` if it is empty, or the texts of its list.

    ``problem`` says why it can be neither.
    """

    value: str | tuple[str, ...] | None = None
    problem: str | None = None


@dataclass
class YamlItem:
    """The fields of an item, and the line on which it begins."""

    line: int
    fields: dict[str, YamlField] = field(default_factory=dict)


def read_item(text: str, line: int) -> YamlItem:
    """Read the fields of an item. Raises :class:`ParseError` with line and reason."""
    try:
        return _item(yaml.parse(text, Loader=yaml.CSafeLoader), text, line)
    except yaml.MarkedYAMLError as error:
        # libyaml reports an unclosed quote one line after the end of the item.
        at = min(_line_of(error.problem_mark, text), max(count_line_ends(text) - 1, 0))
        raise ParseError(line + at, _message(error, text, line)) from None
    except (yaml.YAMLError, ValueError) as error:
        reason = f"Must be valid YAML: {str(error).splitlines()[0]}."
        raise ParseError(line, reason) from None


def _item(events: Iterator[yaml.Event], text: str, line: int) -> YamlItem:
    # Stream, document and list begin; an item is never in a list without them.
    head = [next(events) for _ in range(4)][-1]
    if isinstance(head, yaml.AliasEvent):
        raise ParseError(line, f"Must be valid YAML without aliases, not *{head.anchor}.")
    if (tag := _foreign_tag(head)) is not None:
        raise ParseError(line, f"Must be valid YAML of plain values, without the type {tag}.")
    if not isinstance(head, yaml.MappingStartEvent):
        # To the end, because a syntax error is reported rather than what it leads to.
        _skip(head, events)
        for _ in events:
            pass
        raise ParseError(line, "Must be a product with fields, not a bare value.")
    item = YamlItem(line)
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        at = line + _line_of(key.start_mark, text)
        if not isinstance(key, yaml.ScalarEvent):
            raise ParseError(at, "The name of a field must be text.")
        if key.value in item.fields:
            raise ParseError(at, f"{key.value}: Must appear once.")
        if key.value == "<<":
            raise ParseError(at, "<<: Fields of another product are not read. Write them here.")
        item.fields[key.value] = _field(events)
    # The end of the list follows, or another item of this one.
    if not isinstance(end := next(events), yaml.SequenceEndEvent):
        at = line + _line_of(end.start_mark, text)
        raise ParseError(at, "Must begin each product with '- ' at the start of its line.")
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            at = line + _line_of(event.start_mark, text)
            raise ParseError(at, "Must be one YAML document. Remove the line '---'.")
    return item


def _field(events: Iterator[yaml.Event]) -> YamlField:
    event = next(events)
    if isinstance(event, yaml.ScalarEvent):
        return YamlField(_text(event), _problem(event))
    if isinstance(event, yaml.SequenceStartEvent):
        texts, problem = list[str](), _problem(event)
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            if isinstance(event, yaml.ScalarEvent):
                texts.append(_text(event) or "")
            else:
                _skip(event, events)
            is_list = isinstance(event, yaml.SequenceStartEvent)
            problem = problem or ("." if is_list else _problem(event))
        return YamlField(tuple(texts), problem)
    _skip(event, events)
    return YamlField(problem=_problem(event))


def _skip(event: yaml.Event, events: Iterator[yaml.Event]) -> None:
    """Pass over the rest of a value that begins with this event.

    Raises ``ValueError`` for a value that is nested deeper than the data of a product: libyaml
    takes a time that grows with the square of the depth.
    """
    depth = int(isinstance(event, yaml.CollectionStartEvent))
    while depth:
        event = next(events)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"lists and fields are nested deeper than {MAX_DEPTH} levels")


def _text(event: yaml.ScalarEvent) -> str | None:
    is_plain = not event.style and event.tag is None
    return None if is_plain and event.value in _NULL else event.value.strip()


def _problem(event: yaml.Event) -> str | None:
    """Return why a value is not text, as the second half of a sentence; ``None`` if it is one."""
    if isinstance(event, yaml.AliasEvent):
        return f", not the alias *{event.anchor}. Write the value itself."
    if (tag := _foreign_tag(event)) is not None:
        return f", without the type {tag}."
    return None if isinstance(event, (yaml.ScalarEvent, yaml.SequenceStartEvent)) else "."


def _foreign_tag(event: yaml.Event) -> str | None:
    tag = getattr(event, "tag", None)
    if tag is None or tag == "!" or tag in _TAGS:
        return None
    return str(tag).replace("tag:yaml.org,2002:", "!!")


def _line_of(mark: Any, text: str) -> int:
    """Return the line of a mark, from 0; libyaml also ends lines at U+0085 and U+2028."""
    return count_line_ends(text, 0, mark.index) if mark else 0


def _message(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    if error.context == "while scanning a quoted scalar" and error.context_mark:
        opened = line + _line_of(error.context_mark, text)
        return f"The quote opened on line {opened} is never closed."
    problem = error.problem or error.context
    return f"Must be valid YAML: {problem}. Check the indentation and the quotes here."
