"""`make export FILE=… CURRENCY=…`: write the products of the shop into a Shopify CSV."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from rich.console import Console
from rich.markup import escape

from local.cloud import CLOUD_HOME
from local.http_actors import HttpClient
from local.importer import staff_client
from local.processes import CloudError
from shop.kernel.errors import counted

MAX_PRODUCTS_NAMED = 3
"""Products that a line names; it counts the others."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.exporter", description=__doc__)
    parser.add_argument("file", type=Path, help="file to write")
    parser.add_argument("--currency", required=True, help="currency of the prices, such as USD")
    parser.add_argument("--home", default=os.environ.get("DOORBUSTER_HOME", str(CLOUD_HOME)))
    parser.add_argument("--url", help="base URL of a shop that is not on this machine")
    parser.add_argument("--token", help="access token of its staff")
    args = parser.parse_args()
    console = Console(highlight=False)
    try:
        text, products, omitted = download(staff_client(args), args.currency)
        args.file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        console.print(f"[red]✗[/red] {escape(f'{args.file}: {error.strerror}.')}")
        raise SystemExit(1) from None
    except CloudError as failure:
        console.print(f"[red]✗[/red] {escape(str(failure))}", soft_wrap=True)
        raise SystemExit(1) from None
    for text in omitted_texts(omitted):
        console.print(f"  [yellow]![/yellow] {escape(text)}", soft_wrap=True)
    without = f"; {len(omitted):,} omitted" if omitted else ""
    written = counted(products, "product")
    console.print(f"  [green]✓[/green] {written} in {escape(str(args.file))}{without}")


def omitted_texts(omitted: Mapping[str, str]) -> list[str]:
    """Return each reason once, with the products that it is about."""
    ids_by_reason: dict[str, list[str]] = {}
    for product_id, reason in omitted.items():
        ids_by_reason.setdefault(reason, []).append(product_id)
    texts = []
    for reason, ids in ids_by_reason.items():
        more = len(ids) - MAX_PRODUCTS_NAMED
        named = ", ".join(ids[:MAX_PRODUCTS_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        texts.append(
            f"{named}: {reason}" if len(ids) == 1 else f"{len(ids):,} products ({named}): {reason}"
        )
    return texts


def download(staff: HttpClient, currency: str) -> tuple[str, int, dict[str, str]]:
    """Return the file, the number of its products, and the reasons of those that it omits.

    Raises :class:`CloudError` if the shop rejects the request.
    """
    files, omitted, cursor = list[str](), dict[str, str](), ""
    while True:
        query = urlencode({"currency": currency, **({"cursor": cursor} if cursor else {})})
        reply = staff.request(f"GET /staff/exports/products?{query}")
        if reply.status != 200:
            raise CloudError(f"The export returned {reply.status}: {reply.text[:400]}")
        for product in reply.body["products"]:
            if product.get("csv"):
                # Only the first file has the line of column names.
                files.append(product["csv"].partition("\n")[2] if files else product["csv"])
            else:
                omitted[product["id"]] = product["omitted"]
        cursor = reply.body.get("cursor") or ""
        if not cursor:
            return "".join(files), len(files), omitted


if __name__ == "__main__":
    main()
