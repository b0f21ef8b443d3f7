"""Letters to customers through SES."""

from typing import Any

import boto3

from shop.kernel.errors import Unavailable
from shop.orders.ports import Letter

LATER = frozenset({"TooManyRequestsException", "SendingPausedException", "LimitExceededException"})


class SesMail:
    """See :class:`shop.orders.ports.Mail`. ``sender`` is an address that SES may send from."""

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._client: Any = boto3.client("sesv2")

    def send(self, to: str, letter: Letter) -> None:
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": letter.text, "Charset": "UTF-8"},
                            "Html": {"Data": letter.html, "Charset": "UTF-8"},
                        },
                    }
                },
            )
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in LATER:
                raise Unavailable("the mail service takes no letters just now") from None
            raise
