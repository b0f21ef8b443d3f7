"""Whether a query finds a text, by the words of both."""

from shop.catalog.model import tokenize
from shop.catalog.model.tokenizer import tokenize_query


def finds(query: str, text: str) -> bool:
    """Return whether an indexed text has all words of one reading of the query."""
    words = set(tokenize(text))
    return any(reading and words.issuperset(reading) for reading in tokenize_query(query))
