"""StockLow → a letter to the shop's staff, once per crossing."""

from shop.edge.http import setting
from shop.edge.reaction import Happening, reaction
from shop.inventory.actions import tell_low_stock
from shop.inventory.model import LowStock
from shop.inventory.store.alarms import DynamoStockLetters
from shop.inventory.wire.thresholds import low_stock_letter
from shop.orders.gateway.mail import SesMail

staff = setting("STAFF_MAIL")
letters = DynamoStockLetters()
mail = SesMail(setting("MAIL_FROM"))


@reaction
def handler(event: Happening) -> None:
    news = LowStock.told(event.subject, event.at, event.data)
    tell_low_stock(news, staff, letter=low_stock_letter, at=event.now, letters=letters, mail=mail)
