"""`make import FILE=…`: import a product file over the staff API.

A file may be larger than one request allows. A CSV with many products is then uploaded as a whole,
and the shop imports it in the background. Any other file is uploaded in chunks that end with a
product. Rejected rows are shown with their line in the whole file.
"""

import argparse
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import pairwise
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
from shop.catalog.model.csv_rows import CsvTable
from shop.catalog.model.csv_stream import CsvStream
from shop.catalog.model.row_places import RowPlaces, place_rows
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.money import CURRENCIES
from shop.kernel.text_files import count_line_ends, decode_text, detect_wrong_file_type

MAX_PRODUCTS_PER_CHUNK = 200
"""Some seconds of work for one Lambda; the gateway allows 30."""
MAX_BYTES_PER_CHUNK = 2_000_000
"""Below the 4 MB that a request allows."""
MAX_PARALLEL_UPLOADS = 2
"""While the shop writes one chunk, it reads the next one."""
MAX_ROWS_SHOWN = 50
"""Rejected rows that are shown; the rest is counted."""

MAX_PRODUCTS_IN_CHUNKS = 1_000
"""Products of a CSV that is uploaded in chunks; a larger one is imported in the background."""
POLL_SECONDS = 1.0

MAX_PRODUCTS_NAMED = 20
"""Products that a notice names; it counts the others."""

KINDS = {".csv": "text/csv", ".yaml": "application/yaml", ".yml": "application/yaml"}


@dataclass(frozen=True)
class UploadChunk:
    """A part of a file that is a valid file itself; ``first_line`` is its line in the whole."""

    text: str
    products: int
    first_line: int


@dataclass
class ImportReport:
    """The sum of all chunks' reports."""

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
    """The notices of all chunks: those on the file, and those on products by their text."""

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
    return ", ".join(named) + (f" and {more:,} more products" if more else "")


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
        if kind == "text/csv" and has_many_products(text):
            stored = upload_whole(text, terms, staff, console)
        else:
            chunks = list(split_into_chunks(text, kind))
            stored = upload(chunks, kind, terms, staff, console)
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
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise CloudError(f"{file.name}: only .csv (Shopify's) and .yaml files can be imported.")
    try:
        text = decode_text(file.read_bytes(), encoding)
    except OSError as error:
        raise CloudError(f"{file}: {error.strerror}.") from None
    except InvalidRequest as error:
        raise CloudError(f"{file.name}: {error.detail}") from None
    if (other := detect_wrong_file_type(text)) is not None:
        raise CloudError(f"{file.name}: {other} Send Shopify's product CSV or YAML.")
    return text, kind


def upload(
    chunks: list[UploadChunk], kind: str, terms: dict[str, str], staff: HttpClient, console: Console
) -> int:
    """Upload all chunks and print the report. Returns the number of products accepted."""
    total, notices = ImportReport(), Notices()
    rejected: list[dict[str, Any]] = []
    columns = (TextColumn("  products"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())

    def upload_chunk(chunk: UploadChunk) -> HttpResponse:
        query = urlencode({**terms, "first_line": chunk.first_line})
        route, headers = f"POST /staff/imports?{query}", {"Content-Type": kind}
        return staff.request(route, raw=chunk.text.encode(), headers=headers)

    with (
        Progress(*columns, console=console) as progress,
        ThreadPoolExecutor(MAX_PARALLEL_UPLOADS) as executor,
    ):
        bar = progress.add_task("", total=sum(chunk.products for chunk in chunks))
        futures = {executor.submit(upload_chunk, chunk): chunk for chunk in chunks}
        for future in as_completed(futures):
            chunk, reply = futures[future], future.result()
            if reply.status >= 300:
                executor.shutdown(cancel_futures=True)
                raise RuntimeError(_failure_message(reply, chunk, total))
            total.add(reply.body)
            rejected += reply.body["rejected"]
            notices.add(reply.body)
            progress.advance(bar, chunk.products)
        seconds = progress.tasks[0].elapsed or 0.0
    rejected.sort(key=lambda row: int(row["line"]))
    print_report(total, rejected, notices.texts(), seconds, console)
    return total.stored


def has_many_products(text: str) -> bool:
    """Return whether a CSV has too many products for chunks; the count ends as soon as it has."""
    try:
        stream = CsvStream(io.StringIO(text, newline=""))
        places = RowPlaces(stream.header, stream.delimiter, ())
        for row in stream.rows():
            places.add(row)
            if len(places.first_row) > MAX_PRODUCTS_IN_CHUNKS:
                return True
    except Unprocessable:
        return False  # the shop reports what is wrong
    return False


def upload_whole(text: str, terms: dict[str, str], staff: HttpClient, console: Console) -> int:
    """Import a file in the background and print its report. Returns the products accepted."""
    created = staff.post("/staff/import-jobs", terms)
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
    print_report(total, rejected, [*job["notices"], *_folded(job)], seconds, console)
    return total.stored


def _folded(job: dict[str, Any]) -> list[str]:
    """Return the texts of folded notices, with the products that they are about."""
    texts = []
    for row in job["product_notices"]:
        places = [(list(e["lines"]), str(e["product"])) for e in row["examples"]]
        more = int(row["products"]) - len(places)
        named = _products(places) + (f" and {more:,} more products" if more else "")
        texts.append(f"{named}: {row['notice']}")
    return texts


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
        text = f"line {row['line']}{product}: {row['reason']}"
        console.print(f"  [yellow]![/yellow] {escape(text)}", soft_wrap=True)
    if len(rejected) > MAX_ROWS_SHOWN:
        console.print(f"  [yellow]![/yellow] and {len(rejected) - MAX_ROWS_SHOWN} more")
    for notice in notices:
        console.print(f"  [dim]· {escape(notice)}[/dim]", soft_wrap=True)
    if total.stock_unchanged and total.stock_created:
        console.print(
            f"  [dim]· {total.stock_unchanged:,} SKUs have stock already; it is unchanged[/dim]"
        )
    if total.stored and not (total.created or total.changed or total.stock_created):
        outcome = f"{total.stored:,} products, all unchanged"
    else:
        outcome = (
            f"{total.stored:,} products: {total.created:,} new, {total.changed:,} changed, "
            f"{total.unchanged:,} unchanged; stock created for {total.stock_created:,} SKUs"
        )
    plural = "" if len(rejected) == 1 else "s"
    rows = f"; {len(rejected):,} row{plural} rejected" if rejected else ""
    mark = "[green]✓[/green]" if total.stored else "[red]✗[/red]"
    console.print(f"  {mark} {outcome}{rows} [dim]{seconds:.1f} s[/dim]", soft_wrap=True)


def _failure_message(reply: HttpResponse, chunk: UploadChunk, total: ImportReport) -> str:
    try:
        reason = str(reply.body["detail"])
    except (ValueError, KeyError):
        reason = reply.text[:400]
    if not total.stored and chunk.first_line == 1:
        return f"No product was imported: {reason}"
    message = f"From line {chunk.first_line} on ({reply.status}): {reason}"
    if not total.stored:
        return message
    return f"{message}\n{total.stored} products are stored. Run it again to import the others."


# ------------------------------------------------------------------------------------- chunks


def split_into_chunks(text: str, kind: str) -> Iterator[UploadChunk]:
    """Split a file between products, so that every chunk is a valid file of its kind."""
    if kind == "text/csv":
        yield from csv_chunks(text)
    else:
        yield from yaml_chunks(text)


def yaml_chunks(text: str) -> Iterator[UploadChunk]:
    """Split a YAML list; text before the first item belongs to the first chunk."""
    starts = [match.start() for match in re.finditer(r"(?:(?<=[\r\n])|\A)- ", text)]
    edges = [0, *starts[1:], len(text)]
    sizes = [len(text[start:end].encode()) for start, end in pairwise(edges)]
    begin, products, size, line = 0, 0, 0, 1
    for n, end in enumerate(edges[1:]):
        products += 1
        size += sizes[n]
        is_last = n == len(sizes) - 1
        if (
            is_last
            or products == MAX_PRODUCTS_PER_CHUNK
            or size + sizes[n + 1] > MAX_BYTES_PER_CHUNK
        ):
            yield UploadChunk(text[begin:end], products, line)
            line += count_line_ends(text, begin, end)
            begin, products, size = end, 0, 0


def csv_chunks(text: str) -> Iterator[UploadChunk]:
    """Split a CSV where no product continues; each chunk begins with the header line.

    A row that cannot be placed stays with all products that it may belong to, so the shop rejects
    them as it would in the whole file.
    """
    try:
        table = CsvTable(text)
    except Unprocessable:
        yield UploadChunk(text, 1, 1)  # the shop reports what is wrong
        return
    if not (rows := place_rows(table)):
        yield UploadChunk(text, 1, 1)
        return
    keys = [dict.fromkeys((*placed.suspects, *filter(None, [placed.product]))) for placed in rows]
    last = {key: n for n, row_keys in enumerate(keys) for key in row_keys}
    top = "".join(table.lines[: table.header_end])
    start, read, open_until, size, products = table.header_end, table.header_end, -1, 0, set[str]()
    for n, placed in enumerate(rows):
        products.update(keys[n])
        open_until = max([open_until, n, *(last[key] for key in keys[n])])
        # Blank lines above a row go with it.
        size += sum(len(line.encode()) for line in table.lines[read : placed.row.end])
        read = placed.row.end
        is_full = len(products) >= MAX_PRODUCTS_PER_CHUNK or size > MAX_BYTES_PER_CHUNK
        if n == len(rows) - 1 or (n == open_until and is_full):
            body = "".join(table.lines[start:read])
            yield UploadChunk(top + body, len(products), start + 1 - table.header_end)
            start, size = read, 0
            products.clear()


if __name__ == "__main__":
    main()
