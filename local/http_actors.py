"""Callers of the shop for the demo and the journeys, over plain HTTP like any client.

An :class:`HttpClient` uses the public API and knows its base URL only. Staff and customers sign in
at Cognito as an app would; the :class:`Carrier` signs its webhooks.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from local.cloud import Cloud

T = TypeVar("T")

CARRIER = "parcelpost"
WAIT_SECONDS = 120.0
"""Ends a wait whose condition never holds. It is long, so that a busy machine does not fail."""


@dataclass(frozen=True)
class HttpResponse:
    """A response of the shop."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class HttpClient:
    """A client of the shop: a guest or, with ``token``, a signed-in user."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self.token = token

    def request(
        self,
        route: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> HttpResponse:
        """Send ``"POST /carts"`` with a JSON body and a new idempotency key; ``""`` sends none."""
        method, path = route.split(" ", 1)
        data = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        sent = {"Content-Type": "application/json", "Accept": "application/json"}
        if key != "" and method != "GET":
            sent["Idempotency-Key"] = key or str(uuid.uuid4())
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(  # noqa: S310  the URL is the shop's own, http on loopback
            self.url + path, data=data, method=method, headers={**sent, **(headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310  as above
                return HttpResponse(answer.status, dict(answer.headers), answer.read().decode())
        except urllib.error.HTTPError as error:
            return HttpResponse(error.code, dict(error.headers), error.read().decode())

    def get(self, path: str) -> Any:
        """Return the body of a GET that must succeed."""
        return self._body_or_raise(self.request(f"GET {path}"))

    def post(self, path: str, body: Any = None) -> Any:
        """Return the body of a POST that must succeed."""
        return self._body_or_raise(self.request(f"POST {path}", body))

    def put(self, path: str, body: Any = None) -> Any:
        """Return the body of a PUT that must succeed."""
        return self._body_or_raise(self.request(f"PUT {path}", body))

    @staticmethod
    def _body_or_raise(reply: HttpResponse) -> Any:
        if reply.status >= 300:
            raise RuntimeError(f"the shop returned {reply.status}: {reply.text[:500]}")
        return reply.body


def send_form(target: Mapping[str, Any], data: bytes) -> None:
    """Upload a file to a target of the shop: its fields, then the file.

    Raises ``RuntimeError`` if the storage rejects it.
    """
    boundary = uuid.uuid4().hex
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in target["fields"].items()
    )
    head = (
        f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n"
    )
    request = urllib.request.Request(  # noqa: S310  the URL is from the shop's own response
        target["url"],
        data=head.encode() + data + f"\r\n--{boundary}--\r\n".encode(),
        method="POST",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=600):  # noqa: S310  as above
            pass
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"the upload failed with {error.code}: {error.read()[:500]!r}") from None


class Carrier:
    """A carrier that reports the status of parcels, signed by Standard Webhooks."""

    def __init__(self, cloud: Cloud) -> None:
        self.url = cloud.url
        stage = cloud.stage
        secrets = cloud.client("secretsmanager")
        found = secrets.get_secret_value(SecretId=f"doorbuster/{stage}/carrier-webhook")
        self._key = base64.b64decode(json.loads(found["SecretString"])[CARRIER])

    def report_status(
        self,
        tracking_number: str,
        status: str,
        *,
        at: str,
        text: str = "",
        delivery: str | None = None,
        age: int = 0,
    ) -> HttpResponse:
        """Report a parcel's status ``at`` an ISO instant, in a message ``age`` seconds old."""
        delivery = delivery or f"msg_{uuid.uuid4().hex}"
        raw = json.dumps(
            {
                "id": delivery,
                "tracking_number": tracking_number,
                "status": status,
                "occurred_at": at,
                "description": text,
            }
        ).encode()
        return self.send(raw, delivery=delivery, age=age)

    def send(self, raw: bytes, *, delivery: str, age: int = 0) -> HttpResponse:
        """Send any bytes with a valid signature."""
        stamp = str(int(time.time()) - age)
        digest = hmac.digest(
            self._key, b".".join((delivery.encode(), stamp.encode(), raw)), hashlib.sha256
        )
        return HttpClient(self.url).request(
            f"POST /webhooks/carriers/{CARRIER}",
            raw=raw,
            key="",
            headers={
                "webhook-id": delivery,
                "webhook-timestamp": stamp,
                "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            },
        )


def sign_up(cloud: Cloud, email: str, password: str, *groups: str) -> None:
    """Create a Cognito user: staff with groups, or a customer. A second call changes nothing."""
    pools = cloud.outputs()
    cognito, pool = (
        cloud.client("cognito-idp"),
        pools["StaffPoolId" if groups else "CustomerPoolId"],
    )
    with contextlib.suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": email},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=email, Password=password, Permanent=True
    )
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)


def sign_in(cloud: Cloud, email: str, password: str, *, staff: bool = False) -> str:
    """Sign in at the customers' or the staff's client and return the access token."""
    client = cloud.outputs()["StaffClientId" if staff else "CustomerClientId"]
    answer = cloud.client("cognito-idp").initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


def wait_until(
    look: Callable[[], T],
    is_good: Callable[[T], bool],
    *,
    seconds: float = WAIT_SECONDS,
    pause: float = 0.2,
) -> T:
    """Call ``look`` every ``pause`` seconds until ``is_good`` accepts its value, and return it.

    Raises ``TimeoutError`` with the last value.
    """
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if is_good(seen):
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s; the last value was {seen!r}")
        time.sleep(pause)


def is_allocated(order: dict[str, Any]) -> bool:
    """Return whether each line of a staff order has its location."""
    return all(line.get("location") for line in order["lines"])
