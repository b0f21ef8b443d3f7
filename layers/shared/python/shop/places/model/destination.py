"""The destination of goods, as far as tax and shipping need it."""

from shop.kernel.frozen import frozen


@frozen
class Destination:
    """A country (ISO 3166-1 alpha-2), with region and postal code where they are known.

    ``region`` is the second part of an ISO 3166-2 code, such as ``CA`` of ``US-CA``.
    """

    country: str
    region: str | None = None
    postal_code: str | None = None
