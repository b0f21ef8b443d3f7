"""OrderConfirmed → a letter to the buyer, once."""

from functools import partial

from shop.edge.http import setting
from shop.edge.reaction import Happening, reaction
from shop.orders.actions.telling import confirm_by_mail
from shop.orders.gateway.mail import SesMail
from shop.orders.store import DynamoLetters, DynamoOrders
from shop.orders.wire.letters import confirmation

letter = partial(confirmation, shop_url=setting("SHOP_URL"))
orders = DynamoOrders()
letters = DynamoLetters()
mail = SesMail(setting("MAIL_FROM"))


@reaction
def handler(event: Happening) -> None:
    confirm_by_mail(
        event.subject, letter=letter, at=event.now, orders=orders, letters=letters, mail=mail
    )
