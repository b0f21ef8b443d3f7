"""Emails through Amazon SES."""

from typing import Any

import boto3

from shop.kernel.contacts import deliverable_email
from shop.kernel.errors import Unavailable
from shop.orders.ports import Email

RETRYABLE_ERRORS = frozenset(
    {"TooManyRequestsException", "SendingPausedException", "LimitExceededException"}
)


class SesEmailSender:
    """See :class:`shop.orders.ports.EmailSender`. ``sender`` is an address that SES may use."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._client: Any = boto3.client("sesv2")

    def send(self, to: str, email: Email) -> None:
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [deliverable_email(to)]},
                Content={
                    "Simple": {
                        "Subject": {"Data": email.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": email.text, "Charset": "UTF-8"},
                            "Html": {"Data": email.html, "Charset": "UTF-8"},
                        },
                    }
                },
            )
        except self._client.exceptions.ClientError as error:
            # Unavailable lets the event be delivered again; other errors need a person.
            if error.response["Error"]["Code"] in RETRYABLE_ERRORS:
                raise Unavailable("The email service is unavailable. Please try again.") from None
            raise
