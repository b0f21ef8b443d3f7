"""The command line of the local cloud: ``make up``, ``make down`` and ``make reset``."""

import argparse
import json
import sys
import time
from pathlib import Path

from local.cloud import CLOUD_HOME, PORT, Cloud
from local.cloud_environment import REGION
from local.emulator import LAMBDAS_LOG
from local.processes import CloudError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.commands", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "reset", "outputs"))
    parser.add_argument("--home", type=Path, default=CLOUD_HOME)
    parser.add_argument("--stage", choices=("local", "test"))
    parser.add_argument(
        "--port", type=int, help=f"port of the CDN proxy; {PORT} unless the shop has another"
    )
    parser.add_argument(
        "--samples",
        choices=("yes", "no"),
        help="no: archive the sample products, and create none from now on",
    )
    args = parser.parse_args()
    started = time.monotonic()
    try:
        samples = None if args.samples is None else args.samples == "yes"
        cloud = Cloud(args.home, stage=args.stage, port=args.port, samples=samples)
        if args.verb == "up":
            cloud.up()
            print_next_steps(cloud, time.monotonic() - started)
        elif args.verb == "down":
            cloud.down()
            cloud.progress.print("  All processes of the shop are stopped. Its data is kept.")
        elif args.verb == "reset":
            cloud.reset()
            cloud.progress.print(
                "  The shop is stopped, and its data is deleted. make up starts a new one."
            )
        else:
            print(json.dumps(cloud.outputs(), indent=2, sort_keys=True))
    except CloudError as error:
        print(f"✗ {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(
            "\nInterrupted. make up continues from here; make down stops all processes.",
            file=sys.stderr,
        )
        raise SystemExit(130) from None


def print_next_steps(cloud: Cloud, seconds: float) -> None:
    cloud.progress.print(
        f"\n  [bold]The shop runs at {cloud.url}[/bold]  [dim]{seconds:.1f} s[/dim]\n"
        f"\n    curl {cloud.url}/.well-known/ucp"
        f"\n    curl {cloud.url}/catalog/search -H 'content-type: application/json' "
        """-d '{"query": "backpack"}'"""
        "\n    make demo                 buy something, from search to delivery"
        "\n    make import FILE=…        import a product file, CSV or YAML"
        "\n    make down                 stop the shop; its data is kept"
        f"\n\n  The emulated AWS listens at {cloud.endpoint} (region {REGION}, any credentials)."
        f"\n  The logs of all Lambdas, with the trace of each error, are in"
        f"\n  {cloud.home}/{LAMBDAS_LOG}.\n"
    )


if __name__ == "__main__":
    main()
