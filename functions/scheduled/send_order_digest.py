"""Every five minutes: email the staff a digest of the new orders of each window that has ended."""

from datetime import datetime
from functools import partial
from typing import Any

from shop.entrypoints.http import required_setting
from shop.entrypoints.scheduler import scheduled
from shop.orders.actions.order_digest import send_order_digests
from shop.orders.gateway.mail import SesEmailSender
from shop.orders.schemas.order_digest import order_digest_email
from shop.orders.store.new_orders import DynamoDigestEmails, DynamoNewOrders

minutes = int(required_setting("ORDER_DIGEST_MINUTES"))
staff_address = required_setting("STAFF_MAIL")
build_email = partial(order_digest_email, shop_url=required_setting("SHOP_URL"))
new_orders = DynamoNewOrders()
sent_emails = DynamoDigestEmails()
email_sender = SesEmailSender(required_setting("MAIL_FROM"))


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    sent, orders = send_order_digests(
        minutes,
        staff_address,
        at=at,
        build_email=build_email,
        new_orders=new_orders,
        sent_emails=sent_emails,
        email_sender=email_sender,
    )
    return {"sent": sent, "orders": orders}
