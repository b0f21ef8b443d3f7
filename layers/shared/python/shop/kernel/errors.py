"""Domain errors: every way in which the shop rejects a request, in one tree.

The class of an error decides its HTTP status, once, in ``shop.entrypoints.http``. Programs react
to its ``code``; people read its ``detail``::

    ShopError
    ├── InvalidRequest            the request is malformed or not allowed                  400
    ├── Unauthenticated           the credential is missing, expired or forged             401
    ├── Forbidden                 the caller is known and lacks permission                 403
    ├── NotFound                  the object is missing, or hidden from this caller        404
    ├── Conflict                  the state of the object does not allow the operation     409
    │   ├── Contention            another write won at the same moment; send it again
    │   ├── IdempotencyKeyReused  the idempotency key belongs to a different request
    │   ├── OutOfStock            fewer units are available than requested
    │   └── VersionConflict       the object changed after it was read; read it again
    ├── PayloadTooLarge           the body exceeds the limit                               413
    ├── UnsupportedMediaType      the body has another media type than the route accepts   415
    ├── RateLimited               the caller sends too many requests                       429
    ├── Unprocessable             a referenced document was fetched and is not valid       422
    ├── DependencyFailed          a referenced document could not be fetched               424
    └── Unavailable               a dependency (AWS, payment, carrier) is down; retry      503
        └── FeatureDisabled       staff disabled the feature (shop.kernel.kill_switches)
"""

from collections.abc import Sequence

from shop.kernel.frozen import frozen


@frozen(slots=False)
class Problem:
    """One problem of a request and its place.

    ``path`` is a JSONPath (RFC 9535) into the request body (``$.line_items[0].quantity``), or the
    name of a header, path or query parameter. ``None`` means the whole request.
    """

    code: str
    detail: str
    path: str | None = None


class InvalidValue(ValueError):
    """A value that a validator of a schema's field rejects, with the code of its problem.

    A schema reports it together with the place of the field, as it does for any ``ValueError``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class ShopError(Exception):
    """Base of all domain errors. Carries every known :class:`Problem`, at least one."""

    code = "error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        path: str | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        """``problems`` replaces the single problem made of ``detail``, ``code`` and ``path``."""
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.problems: tuple[Problem, ...] = tuple(problems) or (Problem(self.code, detail, path),)


class InvalidRequest(ShopError):
    code = "invalid"


class Unauthenticated(ShopError):
    code = "unauthenticated"


class Forbidden(ShopError):
    code = "forbidden"


class NotFound(ShopError):
    code = "not_found"


class Conflict(ShopError):
    code = "conflict"


class Contention(Conflict):
    code = "contention"


class IdempotencyKeyReused(Conflict):
    code = "idempotency_key_reused"


class OutOfStock(Conflict):
    code = "out_of_stock"


class VersionConflict(Conflict):
    code = "stale"


class PayloadTooLarge(ShopError):
    code = "body_too_large"


class UnsupportedMediaType(ShopError):
    code = "content_type_unsupported"


class RateLimited(ShopError):
    code = "too_many_requests"


class Unprocessable(ShopError):
    code = "unprocessable"


class DependencyFailed(ShopError):
    code = "dependency_failed"


class Unavailable(ShopError):
    code = "unavailable"


def counted(count: int, noun: str) -> str:
    """Return the number with its noun, as in "1 piece" and "1,200 pieces"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
