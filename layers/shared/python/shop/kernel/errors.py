"""Refusals: every way the shop says no, in one tree.

The *class* of a refusal decides its HTTP status, once, in ``shop.entrypoints.http``;
its ``code`` is what a program acts on and its ``detail`` what a person reads::

    Refusal
    ├── Invalid                 what was sent cannot be understood or is not allowed      400
    ├── Unauthenticated         no, expired or forged proof of who is asking              401
    ├── Forbidden               known, but not allowed                                    403
    ├── NotFound                does not exist, or not for whoever asks                   404
    ├── Conflict                the state of the thing does not allow it                  409
    │   ├── KeyReused           an idempotency key came back with another request
    │   ├── OutOfStock          fewer units are left than were asked for
    │   └── Stale               somebody else changed it meanwhile; read and try again
    ├── TooLarge                the body exceeds what is read                             413
    ├── TooMany                 asked too often                                           429
    ├── Unprocessable           a referenced document was read and makes no sense         422
    ├── DependencyFailed        a referenced document could not be fetched                424
    └── Unavailable             a supplier of ours (payment, carrier) is down; try later  503
        └── SwitchedOff         staff switched it off for the moment (shop.kernel.kill_switches)
"""

from collections.abc import Sequence

from shop.kernel.frozen import frozen


@frozen(slots=False)
class Problem:
    """One thing that is wrong, and where.

    ``path`` is an RFC 9535 JSONPath into the request body (``$.line_items[0].quantity``),
    or the name of the header or path parameter; ``None`` speaks of the whole request.
    """

    code: str
    detail: str
    path: str | None = None


class ShopError(Exception):
    """The shop's answer is no. Carries at least one :class:`Problem`, and all that are known."""

    code = "refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        path: str | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
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


class IdempotencyKeyReused(Conflict):
    code = "idempotency_key_reused"


class OutOfStock(Conflict):
    code = "out_of_stock"


class VersionConflict(Conflict):
    code = "stale"


class PayloadTooLarge(ShopError):
    code = "body_too_large"


class RateLimited(ShopError):
    code = "too_many_requests"


class Unprocessable(ShopError):
    code = "unprocessable"


class DependencyFailed(ShopError):
    code = "dependency_failed"


class Unavailable(ShopError):
    code = "unavailable"
