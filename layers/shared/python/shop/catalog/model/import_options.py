"""The options of an import."""

from shop.kernel.frozen import frozen


@frozen(slots=False)
class ImportOptions:
    """Options of an import that the file itself does not contain.

    ``currency`` is that of its prices, and ``decimal`` names their decimal sign (``point`` or
    ``comma``). ``encoding`` names an encoding other than UTF-8. ``media_base`` is the base URL of
    images that the file gives by name. ``first_line`` is the number of the first line of a file
    that is part of a larger one. ``format`` is ``csv`` or ``yaml``.
    """

    currency: str
    media_base: str | None = None
    first_line: int = 1
    encoding: str = "utf-8"
    decimal: str = "point"
    format: str = "csv"
