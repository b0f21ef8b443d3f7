"""Run MiniStack, the emulated AWS, with corrections for a shop whose data is kept.

MiniStack 1.5.33 without corrections (docs/local-cloud.md has each finding):

- saves its state only in an orderly stop, file by file, so a kill in between mixes two moments;
- keeps the position up to which a stream was read, but not the stream: after a restart, as many
  changes as were read before are lost;
- marks running workflows as failed;
- rejects a stack with an alarm on a sum of metrics;
- fails at a bearer token whose parts are JSON but no objects; API Gateway returns 401;
- refuses every preflight, because it does not read the names of a template's CORS settings;
- loses the bytes of a body that are not UTF-8, before a Lambda could reject them;
- unpacks code and layers for every worker, thousands of files each;
- ends a Lambda at its timeout on AWS, however slow or busy the laptop is;
- writes Lambda logs to CloudWatch Logs only;
- identifies queues by URLs with its port, so that readers do not find them on another port.

This module saves completely or not at all, also on request (SIGUSR1) and at intervals. A forked
child writes the save, so no request waits. Streams are saved with their tables. A workflow resumes
in its last step, whose task runs again with a new token, like a redrive on AWS. Queue URLs follow
the port.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path

from local import emulator_patches, lambda_logs
from local.processes import watch_lifeline
from local.state_persistence import StatePersistence
from local.workflow_resumption import resume_workflows

RUNNING = "running"
"""A file that an orderly stop removes: without an emulator, its presence shows a kill."""
LAMBDAS_LOG = "lambdas.log"


def main() -> None:
    """Serve until a signal. ``local.cloud`` passes the settings as environment variables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--save-every", type=float, default=0, help="seconds; 0 never")
    parser.add_argument("--lifeline", type=int)
    args = parser.parse_args()
    if args.lifeline is not None:
        threading.Thread(target=watch_lifeline, args=(args.lifeline,), daemon=True).start()

    from ministack import app

    # A forked child may inherit held locks; StatePersistence resets them.
    warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
    persistence = StatePersistence(app, args.home / "state")
    persistence.attach()
    emulator_patches.simplify_metric_math_alarms()
    emulator_patches.reject_malformed_tokens()
    emulator_patches.read_cors_of_templates()
    emulator_patches.preserve_body_bytes()
    emulator_patches.extend_timeouts()
    emulator_patches.share_unpacked_packages(args.home / "tmp" / "packages")
    lambda_logs.write_logs_to(args.home / LAMBDAS_LOG)
    running = args.home / "state" / RUNNING
    running.touch()
    signal.signal(signal.SIGUSR1, lambda *_: persistence.request())
    threading.Thread(
        target=persistence.save_periodically, args=(args.save_every,), daemon=True
    ).start()
    threading.Thread(target=resume_workflows, args=(app, args.port), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()
    # MiniStack's threads may still wait for a Lambda or a callback; the last save is done.
    _end_workers()
    running.unlink()
    logging.shutdown()
    os._exit(0)


def _end_workers() -> None:
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()


if __name__ == "__main__":
    main()
