"""The stages: all differences between one deployment of the shop and another, typed.

``DOORBUSTER_STAGE`` names the stage; there are no other switches. A laptop's addresses come from
``DOORBUSTER_URL`` (the CDN proxy that clients use) and ``AWS_ENDPOINT_URL`` (the emulator).
"""

import os
import re
from dataclasses import dataclass, fields
from typing import Literal

Provider = Literal["sandbox", "stripe"]

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_ENDPOINT = "http://127.0.0.1:4566"
ADDRESS_VARIABLES = ("DOORBUSTER_URL", "AWS_ENDPOINT_URL")
"""Environment variables that set other addresses than the default ones."""

DAY = 24 * 60 * 60


class InvalidStage(ValueError):
    """A stage has settings that contradict each other or are unsafe."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The shop's own domain name for the CDN."""

    name: str
    """``"shop.example.com"``; the owner creates its DNS record."""
    certificate: str
    """ARN of an ACM certificate in us-east-1, the one region that CloudFront accepts."""


EDGE_REGION = "us-east-1"
"""The one region in which AWS accepts a firewall and a certificate for CloudFront."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployment of the shop."""

    name: str
    region: str
    production: bool
    """Data outlives the stack, and the sandbox provider is not allowed."""
    is_emulated: bool = False
    """Runs on a laptop's emulator: without a CDN, with dependencies from the emulator's Python."""
    emulator: str | None = None
    """The emulator's address, as its own Lambdas see it."""
    public_url: str | None = None
    """Public base URL without a trailing slash, if neither a CDN nor a domain provides one."""
    domain: Domain | None = None
    api_id: str | None = None
    """Pins the API's id on the emulator, so that its URL is stable. Eight digits of [a-f0-9]."""
    payment_provider: Provider
    payment_public_key: str | None = None
    """The key with which buyers' programs send cards to the provider. It is public and names the
    account."""
    payment_window: int
    """Seconds from placement to the expiry of an unpaid order."""
    mail_from: str
    staff_mail: str
    """The recipient of notifications for staff, such as low stock."""
    terms_url: str | None = None
    """The terms of service that a checkout links to. Production requires them; other stages link to
    ``/sandbox``, which says that they sell nothing."""
    privacy_url: str | None = None
    shop_page: str | None = None
    """The page that shows buyers their cart or checkout, for an agent's hand-over:
    ``"https://shop.example.com/{kind}/{id}"``; ``kind`` is ``cart`` or ``checkout``. With ``None``
    responses contain no such link."""
    alarm_mail: str | None = None
    """The recipient of alarms, who confirms the subscription once. Production requires it. With
    ``None`` the topic has no subscriber, and alarms are visible in the console only."""
    origins: tuple[str, ...] = ("*",)
    """Web pages whose scripts may call the API. No cookies are used, so any page may by default."""
    rate: int
    """Requests per second that the API accepts on all routes together."""
    burst: int
    table_quota: int = 40_000
    """Read and write units per second that AWS allows one table: the default quota. Set it to a
    raised quota, and tables are warmed up to that before a traffic peak."""
    log_level: str = "INFO"
    log_days: int
    passwords: bool = False
    """Allows a client to send a plain password (over TLS) instead of SRP, for demos."""

    def __post_init__(self) -> None:
        if self.production and self.payment_provider == "sandbox":
            raise InvalidStage(
                f"{self.name}: the sandbox takes no money; production needs a real provider"
            )
        if (self.payment_provider == "stripe") != (self.payment_public_key is not None):
            raise InvalidStage(
                f"{self.name}: Stripe needs payment_public_key, the sandbox must have none"
            )
        if not (self.payment_public_key or "pk_").startswith("pk_"):
            raise InvalidStage(
                f"{self.name}: a publishable key begins with pk_; this one may be secret"
            )
        if self.production and not (self.terms_url and self.privacy_url):
            raise InvalidStage(f"{self.name}: production needs terms_url and privacy_url")
        if self.production and not self.alarm_mail:
            raise InvalidStage(
                f"{self.name}: production needs alarm_mail, or its alarms reach no one. "
                "Set the address in infra/stages.py."
            )
        if self.alarm_mail and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.alarm_mail):
            raise InvalidStage(
                f"{self.name}: alarm_mail is {self.alarm_mail!r}; it must be one email address"
            )
        page = self.shop_page or "https://{kind}/{id}"
        if not page.startswith("https://") or not all(part in page for part in ("{kind}", "{id}")):
            raise InvalidStage(
                f"{self.name}: shop_page must be an https URL with {{kind}} and {{id}}"
            )
        if self.production and (self.is_emulated or self.passwords):
            raise InvalidStage(
                f"{self.name}: production allows neither an emulator nor plain passwords"
            )
        if self.is_emulated != (self.public_url is not None and self.emulator is not None):
            raise InvalidStage(
                f"{self.name}: emulated stages need addresses, other stages must have none"
            )

    def placeholders(self) -> list[str]:
        """Return the settings whose values are still those of the example shop.

        ``.example`` is reserved (RFC 2606): such addresses and links lead nowhere.
        """
        return [
            field.name
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), str)
            and re.search(r"\.example(?=[/:>]|$)|your_own$", value)
        ]

    @property
    def sandbox(self) -> bool:
        return self.payment_provider == "sandbox"

    @property
    def cdn(self) -> bool:
        return not self.is_emulated


def _local(name: str, payment_window: int) -> Stage:
    return Stage(
        name=name,
        region="us-east-1",
        production=False,
        is_emulated=True,
        emulator=os.environ.get("AWS_ENDPOINT_URL", DEFAULT_ENDPOINT).rstrip("/"),
        public_url=os.environ.get("DOORBUSTER_URL", DEFAULT_URL).rstrip("/"),
        api_id="d00b5e11",
        payment_provider="sandbox",
        payment_window=payment_window,
        mail_from="orders@doorbuster.example",
        staff_mail="staff@doorbuster.example",
        rate=1_000,
        burst=2_000,
        log_days=1,
        passwords=True,
    )


LOCAL = _local("local", payment_window=30 * 60)
TEST = _local("test", payment_window=60)
"""As local, with a payment window that a test can wait for."""

DEV = Stage(
    name="dev",
    region="us-east-1",
    production=False,
    payment_provider="sandbox",
    payment_window=30 * 60,
    mail_from="orders@dev.doorbuster.example",
    staff_mail="staff@dev.doorbuster.example",
    rate=200,
    burst=400,
    log_days=14,
    passwords=True,
)

PROD = Stage(
    name="prod",
    region="us-east-1",
    production=True,
    payment_provider="stripe",
    payment_public_key="pk_live_your_own",
    payment_window=30 * 60,
    mail_from="orders@doorbuster.example",
    staff_mail="staff@doorbuster.example",
    alarm_mail="alarms@doorbuster.example",
    terms_url="https://doorbuster.example/terms",
    privacy_url="https://doorbuster.example/privacy",
    # An account's default quota; 740 orders a second need most of it (docs/capacity.md).
    rate=10_000,
    burst=5_000,
    log_days=90,
)

STAGES = {stage.name: stage for stage in (LOCAL, TEST, DEV, PROD)}


def selected_stage() -> Stage:
    """Return the stage that ``DOORBUSTER_STAGE`` names, by default ``local``."""
    name = os.environ.get("DOORBUSTER_STAGE", "local")
    if name not in STAGES:
        raise InvalidStage(f"DOORBUSTER_STAGE={name}: the stages are {', '.join(STAGES)}")
    return STAGES[name]
