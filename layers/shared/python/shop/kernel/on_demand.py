"""Packages whose names are loaded when they are first asked for.

A floor shows what it has in one place, and a door needs two of nine: it pays for two. Names are
written a second time, under ``TYPE_CHECKING``, for the tools that read code and do not run it.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's ``__getattr__`` (PEP 562). ``homes`` are modules of it, each with the names that
    it has, apart by blanks.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home_of[name]}"), name)

    return load
