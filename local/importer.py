"""`make import FILE=…`: import a product file over the staff API.

A small file is one request. The shop imports a larger one in the background (an import job). Both
say the same about a file. Rejected rows are shown with their line and their place in a spreadsheet.
"""

import argparse
import io
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlencode

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.cloud import CLOUD_HOME, Cloud
from local.http_actors import HttpClient, HttpResponse, send_form, sign_in
from local.processes import CloudError
from local.seed import STAFF, STAFF_PASSWORD
from shop.catalog.model.csv_stream import CsvStream
from shop.catalog.model.import_content import UNTAXED_CLASS
from shop.catalog.model.row_places import RowPlaces
from shop.catalog.model.yaml_list import item_texts
from shop.kernel.errors import InvalidRequest, Unprocessable, counted
from shop.kernel.money import CURRENCIES
from shop.kernel.text_files import decode_text, detect_wrong_file_type

MAX_PRODUCTS_PER_REQUEST = 200
"""Some seconds of work for one Lambda; the gateway allows 30."""
MAX_BYTES_PER_REQUEST = 2_000_000
"""Below the 4 MB that a request allows."""
MAX_ROWS_SHOWN = 50
"""Rejected rows that are shown; the rest is counted."""

POLL_SECONDS = 1.0

MAX_PRODUCTS_NAMED = 20
"""Products that a notice names; it counts the others."""

KINDS = {".csv": "text/csv", ".yaml": "application/yaml", ".yml": "application/yaml"}
FORMATS = {"text/csv": "csv", "application/yaml": "yaml"}
"""Formats of import jobs by content type."""


@dataclass
class ImportReport:
    """The numbers of a report."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    stock_created: int = 0
    stock_unchanged: int = 0

    def add(self, report: dict[str, Any]) -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + report[name])

    @property
    def stored(self) -> int:
        return self.created + self.changed + self.unchanged


@dataclass
class Notices:
    """The notices of a report: those on the file, and those on products by their text."""

    on_file: dict[str, None] = field(default_factory=dict)
    on_products: dict[str, list[tuple[list[int], str]]] = field(default_factory=dict)

    def add(self, report: dict[str, Any]) -> None:
        self.on_file.update(dict.fromkeys(report["notices"]))
        for row in report["product_notices"]:
            place = (list(row["lines"]), str(row["product"]))
            self.on_products.setdefault(row["notice"], []).append(place)

    def texts(self) -> list[str]:
        """Return each text once, with the products that it is about."""
        return [
            *self.on_file,
            *(
                f"{_products(sorted(places))}: {text}"
                for text, places in sorted(self.on_products.items(), key=lambda item: min(item[1]))
            ),
        ]


def _products(places: list[tuple[list[int], str]]) -> str:
    named = [
        f"{'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines))} ({product})"
        for lines, product in places[:MAX_PRODUCTS_NAMED]
    ]
    more = len(places) - len(named)
    return ", ".join(named) + (f" and {counted(more, 'more product')}" if more else "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.importer", description=__doc__)
    parser.add_argument("file", type=Path, help="Shopify's product CSV, or YAML")
    parser.add_argument("--currency", help="currency of the prices in the file, such as USD")
    parser.add_argument(
        "--decimal", choices=("point", "comma"), default="point", help="129.99 or 129,99"
    )
    parser.add_argument(
        "--encoding", default="utf-8", help="encoding of a file without a byte order mark"
    )
    parser.add_argument("--media", help="base URL of pictures that the file names without a URL")
    parser.add_argument("--home", default=os.environ.get("DOORBUSTER_HOME", str(CLOUD_HOME)))
    parser.add_argument("--url", help="base URL of a shop that is not on this machine")
    parser.add_argument("--token", help="access token of its staff")
    args = parser.parse_args()
    console = Console(highlight=False)
    try:
        text, kind = read_products(args.file, args.encoding)
        currency = args.currency or ask_for_currency(args.file, sys.stdin)
        terms = {"currency": currency, "decimal": args.decimal}
        terms |= {"media": args.media} if args.media else {}
        staff = staff_client(args)
        send = upload if is_small(text, kind) else upload_whole
        stored = send(text, kind, terms, staff, console)
    except (CloudError, RuntimeError) as failure:
        console.print(f"[red]✗[/red] {escape(str(failure))}", soft_wrap=True)
        raise SystemExit(1) from None
    raise SystemExit(0 if stored else 1)


def staff_client(args: argparse.Namespace) -> HttpClient:
    """Return the client of the local shop's staff or, with ``--url``, of the token's user."""
    if args.url:
        if not args.token:
            raise CloudError("Another shop needs --token, the access token of its staff.")
        return HttpClient(args.url.rstrip("/"), args.token)
    cloud = Cloud(Path(args.home))
    if not cloud.is_up():
        raise CloudError("The shop does not run. Start it with: make up")
    return HttpClient(cloud.url, sign_in(cloud, STAFF, STAFF_PASSWORD, staff=True))


def ask_for_currency(file: Path, terminal: TextIO) -> str:
    """Ask for the currency of a file. Raises :class:`CloudError` without a terminal or answer."""
    if not terminal.isatty():
        raise CloudError(
            "The file does not name the currency of its prices."
            f" Add it: make import FILE={file} CURRENCY=USD"
        )
    print(f"Currency of the prices in {file.name} (such as USD): ", end="", flush=True)
    currency = terminal.readline().strip().upper()
    if currency not in CURRENCIES:
        raise CloudError("The currency must be an ISO 4217 code, such as USD or EUR.")
    return currency


def read_products(file: Path, encoding: str = "utf-8") -> tuple[str, str]:
    """Return a file's text and content type. Raises :class:`CloudError` if it has no products."""
    try:
        text = decode_text(file.read_bytes(), encoding)
    except OSError as error:
        raise CloudError(f"{file}: {error.strerror}.") from None
    except InvalidRequest as error:
        raise CloudError(f"{file.name}: {error.detail}") from None
    if (other := detect_wrong_file_type(text)) is not None:
        raise CloudError(
            f"{file.name}: {other} Send Shopify's product CSV or a YAML list of products."
        )
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise CloudError(
            f"{file.name}: Must be Shopify's product CSV (.csv) or a YAML list of products (.yaml)."
            " Give the file the name of its format."
        )
    return text, kind


def upload(text: str, kind: str, terms: dict[str, str], staff: HttpClient, console: Console) -> int:
    """Import a small file in one request and print its report. Returns the products accepted."""
    started = time.monotonic()
    route, headers = f"POST /staff/imports?{urlencode(terms)}", {"Content-Type": kind}
    reply = staff.request(route, raw=text.encode(), headers=headers)
    if reply.status >= 300:
        raise RuntimeError(_failure_message(reply))
    total, notices = ImportReport(), Notices()
    total.add(reply.body)
    notices.add(reply.body)
    seconds = time.monotonic() - started
    texts = [*notices.texts(), *content_texts(reply.body)]
    print_report(total, reply.body["rejected"], texts, seconds, console)
    return total.stored


def is_small(text: str, kind: str) -> bool:
    """Return whether the shop imports a file in one request; the count ends as soon as not."""
    if len(text.encode()) > MAX_BYTES_PER_REQUEST:
        return False
    try:
        return all(n <= MAX_PRODUCTS_PER_REQUEST for n in _product_counts(text, kind))
    except Unprocessable:
        return True  # the shop reports what is wrong


def _product_counts(text: str, kind: str) -> Iterator[int]:
    """Yield the number of products after each row or item of a file."""
    lines = io.StringIO(text, newline="")
    if kind != "text/csv":
        yield from (n for n, _ in enumerate(item_texts(lines), 1))
        return
    stream = CsvStream(lines)
    places = RowPlaces(stream.header, stream.delimiter, ())
    for row in stream.rows():
        places.add(row)
        yield len(places.first_row)


def upload_whole(
    text: str, kind: str, terms: dict[str, str], staff: HttpClient, console: Console
) -> int:
    """Import a file in the background and print its report. Returns the products accepted."""
    created = staff.post("/staff/import-jobs", {**terms, "format": FORMATS[kind]})
    send_form(created["upload"], text.encode())
    path = f"/staff/import-jobs/{created['id']}"
    job: dict[str, Any] = staff.post(f"{path}/start")
    columns = (TextColumn("  products"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=None)
        while job.get("finished_at") is None:
            time.sleep(POLL_SECONDS)
            job = staff.get(path)
            progress.update(bar, total=job["products"] or None, completed=job["products_done"])
        seconds = progress.tasks[0].elapsed or 0.0
    if job["status"] == "failed":
        raise RuntimeError(f"No product was imported: {job['problem']['detail']}")
    page = staff.get(f"{path}/rejected")
    rejected = list(page["rejected"])
    while page.get("cursor"):
        page = staff.get(f"{path}/rejected?{urlencode({'cursor': page['cursor']})}")
        rejected += page["rejected"]
    total = ImportReport()
    total.add(job)
    texts = [*job["notices"], *_folded(job), *content_texts(job)]
    print_report(total, rejected, texts, seconds, console)
    return total.stored


def content_texts(report: dict[str, Any]) -> list[str]:
    """Return sentences about the statuses and tax classes that the products of the file have."""
    texts = []
    if statuses := report.get("statuses"):
        names = [f"{s['products']:,} {s['status'].replace('_', ' ')}" for s in statuses]
        texts.append(f"Products of the file by status: {', '.join(names)}")
    if classes := report.get("tax_classes"):
        names = [
            f"{c['tax_class']}{' (untaxed)' if c['tax_class'] == UNTAXED_CLASS else ''}"
            f" {counted(c['variants'], 'variant')} of {counted(c['products'], 'product')}"
            for c in classes
        ]
        texts.append(f"Tax classes: {', '.join(names)}")
    return texts


def _folded(job: dict[str, Any]) -> list[str]:
    """Return the texts of folded notices, with the products that they are about."""
    texts = []
    for row in job["product_notices"]:
        places = [(list(e["lines"]), str(e["product"])) for e in row["examples"]]
        more = int(row["products"]) - len(places)
        named = _products(places) + (f" and {counted(more, 'more product')}" if more else "")
        texts.append(f"{named}: {row['notice']}")
    return texts


def place(row: dict[str, Any]) -> str:
    """Return the place of a rejected row: its line, and its cell or row in a spreadsheet."""
    line, number, column = f"line {row['line']}", row.get("row"), row.get("column")
    if number and column:
        return f"{line}, cell {column}{number}"
    return f"{line}, row {number}" if number and number != row["line"] else line


def print_report(
    total: ImportReport,
    rejected: list[dict[str, Any]],
    notices: list[str],
    seconds: float,
    console: Console,
) -> None:
    """Print the rejected rows with their reasons, then the notices, then the sum."""
    for row in rejected[:MAX_ROWS_SHOWN]:
        product = f" ({row['product']})" if row.get("product") else ""
        text = f"{place(row)}{product}: {row['reason']}"
        console.print(f"  [yellow]![/yellow] {escape(text)}", soft_wrap=True)
    if len(rejected) > MAX_ROWS_SHOWN:
        console.print(f"  [yellow]![/yellow] and {len(rejected) - MAX_ROWS_SHOWN} more")
    for notice in notices:
        console.print(f"  [dim]· {escape(notice)}[/dim]", soft_wrap=True)
    if total.stock_unchanged and total.stock_created:
        have = "has" if total.stock_unchanged == 1 else "have"
        known = counted(total.stock_unchanged, "SKU")
        console.print(f"  [dim]· {known} {have} stock already; it is unchanged[/dim]")
    products = counted(total.stored, "product")
    if total.stored and not (total.created or total.changed or total.stock_created):
        outcome = f"{products}, all unchanged" if total.stored > 1 else f"{products}, unchanged"
    else:
        skus = counted(total.stock_created, "SKU")
        outcome = (
            f"{products}: {total.created:,} new, {total.changed:,} changed, "
            f"{total.unchanged:,} unchanged; stock created for {skus}"
        )
    rows = f"; {rejected_text(rejected)} rejected" if rejected else ""
    mark = "[green]✓[/green]" if total.stored else "[red]✗[/red]"
    console.print(f"  {mark} {outcome}{rows} [dim]{seconds:.1f} s[/dim]", soft_wrap=True)


def rejected_text(rejected: list[dict[str, Any]]) -> str:
    """Return the numbers of rejected products, and of rejected rows that name no product."""
    products = len({row["product"] for row in rejected if row.get("product")})
    rows = sum(not row.get("product") for row in rejected)
    numbers = ((products, "product"), (rows, "row"))
    return " and ".join(counted(number, noun) for number, noun in numbers if number)


def _failure_message(reply: HttpResponse) -> str:
    try:
        reason = str(reply.body["detail"])
    except (ValueError, KeyError):
        reason = reply.text[:400]
    if reply.status >= 500:
        return f"The shop answered {reply.status}: {reason} Run the import again."
    return f"No product was imported: {reason}"


if __name__ == "__main__":
    main()
