"""Rules on the source text: names, sizes, imports and clocks. Each lists every breach it finds.

They read the syntax tree, so comments, docstrings and strings may contain any word. A name is
checked where it is bound (module, class, function, parameter, variable, field), and where an
attribute or a keyword is used, because no statement may bind these. Members of imported libraries
are not checked (``math.floor``).
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tests.contracts import vocabulary

SHOP = "layers/shared/python/shop/"
FOLDERS = (SHOP, "functions/", "infra/", "local/", "verification/", "bench/", "tests/")
PACKAGES = {"shop"} | {folder.strip("/") for folder in FOLDERS[1:]}
SIZED = (SHOP, "functions/", "infra/", "local/", "verification/", "bench/")

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
LAZY = re.compile(r"# lazy: \S")

CLOCKS = frozenset(
    name + unit
    for name in ("sleep", "monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
)
"""Functions of :mod:`time` whose effect or result depends on how busy a machine is."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A module: its path from the project's root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree; most rules read them."""
        return list(ast.walk(self.tree))

    @cached_property
    def identifiers(self) -> dict[str, int]:
        """Every name of :func:`identifiers`, with its first line."""
        first: dict[str, int] = {}
        for name, line in identifiers(self):
            first.setdefault(name, line)
        return first

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def load(root: Path) -> list[Source]:
    """Read every Python module of the project."""
    files = (file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py")))
    return [Source(file.relative_to(root).as_posix(), file.read_text()) for file in files]


# ---------------------------------------------------------------------- names


def repeated_classes(sources: Iterable[Source]) -> list[str]:
    """No two modules of ``shop`` define a public class of one name."""
    places = defaultdict(list)
    for source in sources:
        if source.path.startswith(SHOP):
            for node in source.tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(f"{source.path}:{node.lineno}")
    return [
        f"{name} is defined {len(found)} times: {', '.join(found)}"
        for name, found in sorted(places.items())
        if len(found) > 1
    ]


def denied_names(sources: Iterable[Source]) -> list[str]:
    """No identifier contains a denied word; each is listed once per module."""
    return [
        f"{source.path}:{line} {name}: {reasons}"
        for source in sources
        for name, line in source.identifiers.items()
        if (reasons := _denied(source.path, name))
    ]


def unused_exemptions(sources: Iterable[Source]) -> list[str]:
    """Every exemption of the vocabulary is still needed."""
    unused = set(vocabulary.EXEMPTIONS)
    for source in sources:
        unused -= {
            (prefix, name)
            for prefix, name in unused
            if name in source.identifiers and _exempts((prefix, name), source.path, name)
        }
    return [f"{prefix}* no longer needs the exemption of {name}" for prefix, name in unused]


def identifiers(source: Source) -> Iterator[tuple[str, int]]:
    """Yield every name that a module binds, and its attributes and keywords, with their lines."""
    for part in source.path.removeprefix("layers/shared/python/").removesuffix(".py").split("/"):
        yield part, 1
    libraries = _libraries(source.nodes)
    for node in source.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=base)) if base in libraries:
                pass
            case (
                ast.FunctionDef(name=str(name))
                | ast.AsyncFunctionDef(name=str(name))
                | ast.ClassDef(name=str(name))
                | ast.arg(arg=str(name))
                | ast.keyword(arg=str(name))
                | ast.Name(id=str(name), ctx=ast.Store())
                | ast.Attribute(attr=str(name))
                | ast.alias(asname=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                yield name, getattr(node, "lineno", 1)
            case ast.MatchClass(kwd_attrs=names):
                yield from ((name, node.lineno) for name in names)


def _libraries(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that a module's imports bind to something outside the project."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            modules = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            names |= modules - PACKAGES
        elif isinstance(node, ast.ImportFrom) and not _is_ours(node):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def _is_ours(node: ast.ImportFrom) -> bool:
    return node.level > 0 or (node.module or "").partition(".")[0] in PACKAGES


NOTICED = {*vocabulary.DENIED, *(word for phrase in vocabulary.DENIED_PHRASES for word in phrase)}
"""The words that may deny a name. Most names have none of them."""


@cache
def words_of(name: str) -> tuple[str, ...]:
    """Split an identifier: ``HTTPDoor_of`` → ``http door of``."""
    return tuple(word.lower() for word in WORD.findall(name))


def _denied(path: str, name: str) -> str:
    """Return why a name is denied, or an empty text."""
    if any(_exempts(key, path, name) for key in vocabulary.EXEMPTIONS):
        return ""
    words = list(words_of(name))
    if NOTICED.isdisjoint(words) and name not in vocabulary.DENIED_NAMES:
        return ""
    for allowed in vocabulary.ALLOWED_PHRASES:
        for at in _occurrences(words, allowed):
            words[at : at + len(allowed)] = [""] * len(allowed)
    reasons = [
        f"{word!r}, instead of: {vocabulary.DENIED[word]}"
        for word in words
        if word in vocabulary.DENIED
        and not any(place in path for place in vocabulary.ALLOWED_PLACES.get(word, ()))
    ]
    reasons += [
        f"{' '.join(phrase)!r}, instead of: {instead}"
        for phrase, instead in vocabulary.DENIED_PHRASES.items()
        if _occurrences(words, phrase)
    ]
    if name in vocabulary.DENIED_NAMES and path.startswith(vocabulary.NAMED_IN):
        reasons.append(f"{name!r}, instead of: {vocabulary.DENIED_NAMES[name]}")
    return "; ".join(reasons)


def _occurrences(words: list[str], phrase: tuple[str, ...]) -> list[int]:
    size = len(phrase)
    return [at for at in range(len(words) - size + 1) if tuple(words[at : at + size]) == phrase]


def _exempts(exemption: tuple[str, str], path: str, name: str) -> bool:
    prefix, exempt = exemption
    return path.startswith(prefix) and name == exempt


# ---------------------------------------------------------------------- sizes


def long_modules(sources: Iterable[Source], exceptions: Mapping[str, str]) -> list[str]:
    """No module is longer than 400 lines. The key of an exception is its path."""
    sizes = {s.path: len(s.lines) for s in sources if s.path.startswith(SIZED)}
    return _too_long(sizes, MAX_MODULE_LINES, exceptions)


def long_functions(sources: Iterable[Source], exceptions: Mapping[str, str]) -> list[str]:
    """No function is longer than 50 lines, without decorators and docstring.

    The key of an exception is ``path:Class.function``.
    """
    sizes = {
        f"{source.path}:{name}": _length(node)
        for source in sources
        if source.path.startswith(SIZED)
        for name, node in functions(source.tree)
    }
    return _too_long(sizes, MAX_FUNCTION_LINES, exceptions)


def functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield every function and method with its qualified name."""
    for child in ast.iter_child_nodes(node):
        name = within
        if isinstance(child, Definition | ast.ClassDef):
            name = f"{within}.{child.name}".lstrip(".")
            if not isinstance(child, ast.ClassDef):
                yield name, child
        yield from functions(child, name)


def _length(function: Definition) -> int:
    first = function.body[0]
    docstring = 0
    if ast.get_docstring(function) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def _too_long(sizes: Mapping[str, int], limit: int, exceptions: Mapping[str, str]) -> list[str]:
    breaches = [
        f"{name} has {size} lines; {limit} is the maximum"
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
        if size > limit and not exceptions.get(name, "").strip()
    ]
    return breaches + [
        f"{name} no longer needs its exception"
        for name in exceptions
        if sizes.get(name, 0) <= limit
    ]


# ---------------------------------------------------------------------- imports inside functions


def unexplained_lazy_imports(sources: Iterable[Source]) -> list[str]:
    """An import inside a function of ``shop`` has a reason: ``# lazy: <reason>``."""
    return [
        f"{source.path}:{node.lineno} {name} imports without '# lazy: <reason>'"
        for source in sources
        if source.path.startswith(SHOP)
        for name, node in _inner_imports(source.tree)
        if not any(LAZY.search(line) for line in _lines(source, node))
    ]


def _inner_imports(tree: ast.Module) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    seen = set()
    for name, function in functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom) and node not in seen:
                seen.add(node)
                yield name, node


def _lines(source: Source, node: ast.stmt) -> list[str]:
    return source.lines[node.lineno - 1 : node.end_lineno]


# ---------------------------------------------------------------------- clocks


def clock_uses(sources: Iterable[Source], exceptions: Mapping[str, str]) -> list[str]:
    """No test sleeps or measures time: it waits for a condition, or counts.

    The key of an exception is ``path:Class.function``.
    """
    breaches: list[str] = []
    used: set[str] = set()
    for source in sources:
        if not source.path.startswith("tests/"):
            continue
        for node, clock in _clocks(source.tree):
            place = f"{source.path}:{_function_around(source.tree, node.lineno)}"
            used.add(place)
            if not exceptions.get(place, "").strip():
                breaches.append(f"{place} uses {clock} in line {node.lineno}")
    return breaches + [
        f"{place} no longer needs its exception" for place in exceptions if place not in used
    ]


def _clocks(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield every use of a clock and every import of one, with its name."""
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in ("time", "asyncio")
    }
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="time", names=names):
                yield from ((node, f"time.{a.name}") for a in names if a.name in CLOCKS)
            case ast.ImportFrom(module="asyncio", names=names):
                yield from ((node, "asyncio.sleep") for a in names if a.name == "sleep")
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if (
                modules.get(name) == "time" and attr in CLOCKS
            ):
                yield node, f"time.{attr}"
            # A sleep of 0 seconds only lets other tasks run.
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="sleep"), args=[seconds, *_]
            ) if modules.get(name) == "asyncio" and ast.unparse(seconds) != "0":
                yield node, "asyncio.sleep"


def _function_around(tree: ast.Module, line: int) -> str:
    """Return the qualified name of the innermost function at a line, or an empty text."""
    around = [
        name
        for name, node in functions(tree)
        if node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return around[-1] if around else ""
