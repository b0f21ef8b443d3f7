"""The whole cloud on a laptop: `make up`, `make down`, `make reset`, and a fixture for tests.

A cloud is a home folder, a stage and two ports, so that a developer's shop and a test's run side
by side::

    cloud = Cloud(home, stage="test", port=0, lifeline=True)
    cloud.up()
    cloud.url                # http://127.0.0.1:49231, one plain base URL
    cloud.client("dynamodb") # boto3, at the emulator
    cloud.outputs()["OrdersTable"]
    cloud.down()

What a home holds: ``settings.json`` (ports), ``cdk.out``, ``state`` and ``s3`` (all that is kept
between two starts), ``tmp`` (the Lambdas' folders), and the logs.
"""

import argparse
import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from botocore.exceptions import ClientError
from rich.markup import escape

from infra.stages import STAGES
from infra.synthesis import assembly_of
from local import cdk_deploy
from local.assembly import link
from local.emulator import COMPLETE, LAMBDAS_LOG, RUNNING, SAVE_TIMEOUT_SECONDS, is_whole, saves
from local.processes import (
    LOOPBACK,
    ROOT,
    CloudError,
    free_port,
    is_port_in_use,
    port_owner,
    servers,
    start_server,
    stop,
    workers,
)
from local.progress import Progress, run_logged
from local.stack_updates import StackUpdates

CLOUD_HOME = ROOT / ".local" / "cloud"
PORT = 8000
EMULATOR_PORT = 4566
REGION = "us-east-1"
DEPLOYED_PARAMETER = "/doorbuster/deployed"
"""The parameter that tells which assembly an emulator's state holds; it comes and goes with it."""
SAVE_INTERVAL_SECONDS = 30
"""Seconds between two saves of a shop in use. What a power cut may take."""


class Cloud:
    """One emulated AWS with the shop's stacks on it, and its front door."""

    def __init__(
        self,
        home: Path = CLOUD_HOME,
        *,
        stage: str | None = None,
        port: int | None = None,
        lifeline: bool = False,
        auth: bool = False,
        quiet: bool = False,
    ) -> None:
        """``stage`` is ``local`` or ``test``, ``port`` the front door's (0 takes any free one).
        For ``None`` they are what they were before in this home.

        With ``lifeline`` the cloud ends when this process does, however it does. With ``auth``
        the emulator enforces IAM, inside Lambdas too.
        """
        self.home = home.resolve()
        self.progress = Progress(quiet=quiet)
        self._lifeline = lifeline
        self._auth = auth
        self._requested_port = port
        self._pipe: tuple[int, int] | None = None
        self.port = PORT
        self.emulator_port = 0
        self.stage: str = stage or self._settings().get("stage", "local")
        self._restore_settings()

    # ------------------------------------------------------------------ addresses

    @property
    def url(self) -> str:
        """The base URL that clients use, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def endpoint(self) -> str:
        """Where the emulated AWS answers."""
        return f"http://{LOOPBACK}:{self.emulator_port}"

    def environment(self) -> dict[str, str]:
        """For programs that speak to this cloud: its addresses, dummy credentials, no profile."""
        drop = ("AWS_", "DOORBUSTER_", "PYTHON", "CDK_", "VIRTUAL_ENV", "MINISTACK_", "LAMBDA_")
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(drop) and not name.lower().endswith("_proxy")
        }
        tools = [str(ROOT / ".venv" / "bin"), str(ROOT / "node_modules" / ".bin")]
        return {
            **env,
            "PATH": os.pathsep.join([*tools, env.get("PATH", os.defpath)]),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "1",
            "DOORBUSTER_STAGE": self.stage,
            "DOORBUSTER_URL": self.url,
            "DOORBUSTER_HOME": str(self.home),
        }

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated AWS."""
        import boto3

        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )

    def outputs(self) -> dict[str, str]:
        """The outputs of all stacks, by their names."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {
            output["OutputKey"]: output["OutputValue"]
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"] != "CDKToolkit"
            for output in stack.get("Outputs", [])
        }

    # ------------------------------------------------------------------ up and down

    def up(self, *, seed: bool = True, stacks: bool = True) -> None:
        """Bring everything up, from whatever state it is in; what is in order is left alone.

        Without ``stacks`` this is an emulated AWS and nothing on it.
        """
        with self._exclusive():
            self._clean_up_after_crash()
            self._choose_ports()
            self._start_emulator()
            if not stacks:
                return
            changed = self._deploy_stacks()
            if self._auth:
                # It refuses the CDK CLI's own roles, whose rights hang on aws:ResourceAccount.
                self._stop_emulator()
                self._start_emulator(auth=True)
            self._start_proxy()
            if seed:
                self._seed()
            if changed:
                self.save()

    def down(self) -> None:
        """Stop everything this cloud started, Lambda workers included; all data is kept."""
        with self._exclusive():
            self._down()

    def reset(self) -> None:
        """Stop, and empty: products, orders, users, stacks. The ports stay."""
        with self._exclusive():
            self._down()
            self.erase()

    def erase(self) -> None:
        """Forget all state; the cloud must be down."""
        for name in ("state", "s3", "tmp"):
            shutil.rmtree(self.home / name, ignore_errors=True)

    def save(self) -> None:
        """Have the emulator write its state now, and wait until it is on disk."""
        state = self.home / "state"
        before = max((save.name for save in saves(state)), default="")
        for process in servers(self.home, "local.emulator"):
            process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 60
        while not any(save.name > before and (save / COMPLETE).exists() for save in saves(state)):
            if time.monotonic() > deadline:
                raise CloudError(
                    f"The emulator did not save its state; see {self._log('emulator')}"
                )
            time.sleep(0.05)

    def is_up(self) -> bool:
        """Whether both servers run and answer."""
        return bool(self.emulator_port) and self._emulator_answers() and self._proxy_answers()

    # ------------------------------------------------------------------ the steps

    def _clean_up_after_crash(self) -> None:
        """Clear away what a killed run left: workers of a dead emulator, their folders."""
        if servers(self.home, "local.emulator"):
            return
        orphans = workers(self.home)
        if orphans:
            self.progress.print(
                f"  An earlier run was killed; ending its {len(orphans)} Lambda workers."
            )
            stop(orphans, grace=2)
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        state = self.home / "state"
        whole = [save for save in saves(state) if is_whole(save)]
        if (state / RUNNING).exists() and whole:
            at = datetime.fromtimestamp((whole[0] / COMPLETE).stat().st_mtime).astimezone()
            self.progress.print(
                f"  The emulated AWS was killed; the shop goes on as saved at {at:%T}."
            )
        if saves(state) and not whole:
            aside = self.home / f"damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
            aside.mkdir()
            for name in ("state", "s3"):
                (self.home / name).rename(aside / name)
            self.progress.print(
                f"  The saved state is damaged. It lies in {aside}; the shop begins empty."
            )

        if not whole:
            # Buckets lie on disk at once, also those of a start that was killed before any save.
            self.erase()

    def _choose_ports(self) -> None:
        door = servers(self.home, "local.cdn_proxy")
        if not door and is_port_in_use(self.port):
            if self._requested_port == 0:
                self.port = free_port()
            else:
                raise CloudError(
                    f"Port {self.port} is taken by {port_owner(self.port)}.\n"
                    f"Choose another: make up PORT={free_port(self.port + 1)}"
                )
        if not servers(self.home, "local.emulator"):
            kept = self.emulator_port
            wish = EMULATOR_PORT if self.home == CLOUD_HOME else None
            self.emulator_port = free_port(kept or wish)
            if kept and kept != self.emulator_port:
                self.progress.print(
                    f"  Port {kept} is taken by {escape(port_owner(kept))}; "
                    f"the cloud moves to {self.emulator_port}."
                )
        self._settings_file.write_text(
            json.dumps(
                {"stage": self.stage, "port": self.port, "emulator_port": self.emulator_port}
            )
        )

    def _start_emulator(self, *, auth: bool = False) -> None:
        running = servers(self.home, "local.emulator")
        if running and self._emulator_answers(timeout=10):
            return
        if running:
            self.progress.print("  The emulator runs but does not answer; starting it again.")
            stop([*running, *workers(self.home)], grace=5)
            self._clean_up_after_crash()
        for name in ("tmp", "state", "s3"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        log = self._log("emulator")
        if log.exists() and log.stat().st_size > 20_000_000:
            log.unlink()
        with self.progress.step("start the emulated AWS (MiniStack)"):
            env = {
                **self.environment(),
                "BIND_HOST": LOOPBACK,
                "GATEWAY_PORT": str(self.emulator_port),
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "TMPDIR": str(self.home / "tmp"),
                "PERSIST_STATE": "1",
                "STATE_DIR": str(self.home / "state"),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(self.home / "s3"),
                "MINISTACK_REGION": REGION,
                "AUTH": "true" if auth else "false",
            }
            # A Lambda must not learn from the emulator what its own settings leave out.
            for name in list(env):
                if name.startswith("DOORBUSTER_"):
                    del env[name]
            process = start_server(
                "local.emulator",
                self.home,
                "--port",
                str(self.emulator_port),
                "--save-every",
                "0" if self._lifeline else str(SAVE_INTERVAL_SECONDS),
                env=env,
                lifeline=self._lifeline_descriptor(),
            )
            if not self._emulator_answers(timeout=60, while_runs=process):
                raise CloudError(self._log_tail("emulator"))

    def _deploy_stacks(self) -> bool:
        """Deploy what changed. Returns whether anything was deployed.

        Three fingerprints decide: ``sources`` of all inputs, ``templates`` of the inputs of the
        synthesis, ``assembly`` of its result with the present packages and addresses.
        """
        facts = {"stage": self.stage, "url": self.url, "endpoint": self.endpoint}
        sources = cdk_deploy.sources_fingerprint(facts)
        deployed = self._deployed()
        if deployed.get("sources") == sources:
            return False
        earlier, assembly = self.home / "cdk.out", self.home / f"cdk.out.{os.getpid()}"
        for left_over in self.home.glob("cdk.out.*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with self.progress.step(f"templates of stage {self.stage}"):
            templates = assembly_of(STAGES[self.stage]).folder
            link(templates, assembly, url=self.url, endpoint=self.endpoint)
        fingerprint = cdk_deploy.assembly_fingerprint(assembly)
        changed = deployed.get("assembly") != fingerprint
        same_stacks = (
            earlier.is_dir()
            and deployed.get("templates") == str(templates)
            and deployed.get("assembly") == cdk_deploy.assembly_fingerprint(earlier)
        )
        if changed and not (same_stacks and self._update_stacks(earlier, assembly)):
            self._deploy_with_cdk(assembly)
        shutil.rmtree(earlier, ignore_errors=True)
        assembly.rename(earlier)
        self._note_deployed(
            {"sources": sources, "templates": str(templates), "assembly": fingerprint}
        )
        return changed

    def _update_stacks(self, earlier: Path, assembly: Path) -> bool:
        """Update the stacks whose packages or addresses changed. Returns whether it worked."""
        updates = StackUpdates(self.client, earlier, assembly)
        try:
            with self.progress.step(f"update {len(updates.changed)} stacks"):
                updates.run()
        except (CloudError, ClientError) as error:
            self.progress.print(f"  {escape(str(error))}\n  The CDK CLI deploys instead.")
            return False
        return True

    def _deploy_with_cdk(self, assembly: Path) -> None:
        env = {**self.environment(), "PYTHONPATH": str(ROOT)}
        if not self._has_stack("CDKToolkit"):
            cdk_deploy.bootstrap(env=env, log=self._log("bootstrap"), progress=self.progress)
        try:
            cdk_deploy.deploy(assembly, env=env, log=self._log("deploy"), progress=self.progress)
        except CloudError as error:
            raise CloudError(
                f"{error}\nmake up tries again from here; make reset empties the cloud first."
            ) from None

    def _note_deployed(self, fingerprints: dict[str, str]) -> None:
        self.client("ssm").put_parameter(
            Name=DEPLOYED_PARAMETER,
            Value=json.dumps(fingerprints),
            Type="String",
            Overwrite=True,
        )

    def _start_proxy(self) -> None:
        upstream = f"{self.endpoint}/_aws/execute-api/{self._api()}/$default"
        for process in servers(self.home, "local.cdn_proxy"):
            line = process.cmdline()
            if upstream in line and str(self.port) in line and self._proxy_answers():
                return
            stop([process], grace=3)
        with self.progress.step(f"open the front door on {self.url}"):
            process = start_server(
                "local.cdn_proxy",
                self.home,
                "--port",
                str(self.port),
                "--upstream",
                upstream,
                env=self.environment(),
                lifeline=self._lifeline_descriptor(),
            )
            deadline = time.monotonic() + 20
            while not self._proxy_answers():
                if time.monotonic() > deadline or not process.is_running():
                    raise CloudError(self._log_tail("cdn_proxy"))
                time.sleep(0.05)

    def _seed(self) -> None:
        if importlib.util.find_spec("local.seed") is None:
            return
        python_path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "shared" / "python")])
        with self.progress.step("seed the shop"):
            run_logged(
                [sys.executable, "-m", "local.seed"],
                env={**self.environment(), "PYTHONPATH": python_path},
                log=self._log("seed"),
            )

    def _stop_emulator(self) -> None:
        if stop(servers(self.home, "local.emulator"), grace=SAVE_TIMEOUT_SECONDS + 30):
            self.progress.print("  The emulator did not stop in order: its last changes are lost.")
        stop(workers(self.home), grace=2)

    def _down(self) -> None:
        running = servers(self.home)
        if running or workers(self.home):
            with self.progress.step("stop the cloud"):
                stop(servers(self.home, "local.cdn_proxy"), grace=3)
                self._stop_emulator()
        left = [*servers(self.home), *workers(self.home)]
        if left:
            raise CloudError(f"Still running: {', '.join(str(p.pid) for p in left)}")
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    # ------------------------------------------------------------------ what is

    def _restore_settings(self) -> None:
        kept = self._settings()
        if kept.get("stage", self.stage) != self.stage:
            raise CloudError(f"{self.home} holds stage {kept['stage']}, not {self.stage}.")
        self.port = (
            self._requested_port
            or kept.get("port")
            or (PORT if self._requested_port is None else free_port())
        )
        self.emulator_port = kept.get("emulator_port", 0)

    @property
    def _settings_file(self) -> Path:
        return self.home / "settings.json"

    def _settings(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._settings_file.read_text())
        except (OSError, ValueError):
            return {}
        return kept

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def _log_tail(self, name: str) -> str:
        said = self._log(name).read_text(errors="replace").splitlines()[-20:]
        words = "\n".join(f"    {text}" for text in said)
        return f"The {name.replace('_', ' ')} did not start ({self._log(name)}):\n{words}"

    def _emulator_answers(
        self, *, timeout: float = 2, while_runs: psutil.Process | None = None
    ) -> bool:
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5).close()  # noqa: S310
                return True
            if time.monotonic() > deadline:
                return False
            if while_runs is not None and not while_runs.is_running():
                return False
            time.sleep(0.05)

    def _proxy_answers(self) -> bool:
        return bool(servers(self.home, "local.cdn_proxy")) and is_port_in_use(self.port)

    def _deployed(self) -> dict[str, str]:
        ssm = self.client("ssm")
        try:
            deployed: dict[str, str] = json.loads(
                ssm.get_parameter(Name=DEPLOYED_PARAMETER)["Parameter"]["Value"]
            )
        except ssm.exceptions.ParameterNotFound:
            return {}
        return deployed

    def _has_stack(self, name: str) -> bool:
        pages = self.client("cloudformation").get_paginator("list_stacks").paginate()
        return any(
            stack["StackName"] == name
            and stack["StackStatus"].endswith("_COMPLETE")
            and stack["StackStatus"] not in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE")
            for page in pages
            for stack in page["StackSummaries"]
        )

    def _api(self) -> str:
        found = self.client("apigatewayv2").get_apis()["Items"]
        http = [api["ApiId"] for api in found if api["ProtocolType"] == "HTTP"]
        if len(http) != 1:
            raise CloudError(f"The front door leads to one HTTP API; the cloud has {len(http)}.")
        api: str = http[0]
        return api

    def _lifeline_descriptor(self) -> int | None:
        if not self._lifeline:
            return None
        if self._pipe is None:
            self._pipe = os.pipe()
        return self._pipe[0]

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One `up`, `down` or `reset` at a time for a home."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.progress.print("  Another make up, down or reset is at work; waiting for it.")
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._restore_settings()
            yield


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.cloud", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "reset", "outputs"))
    parser.add_argument("--home", type=Path, default=CLOUD_HOME)
    parser.add_argument("--stage", choices=("local", "test"))
    parser.add_argument("--port", type=int, help=f"the front door's; {PORT} at first")
    args = parser.parse_args()
    started = time.monotonic()
    try:
        cloud = Cloud(args.home, stage=args.stage, port=args.port)
        if args.verb == "up":
            cloud.up()
            print_next_steps(cloud, time.monotonic() - started)
        elif args.verb == "down":
            cloud.down()
            cloud.progress.print("  Nothing is left running; the shop's data is kept.")
        elif args.verb == "reset":
            cloud.reset()
            cloud.progress.print("  Stopped and emptied. make up begins anew.")
        else:
            print(json.dumps(cloud.outputs(), indent=2, sort_keys=True))
    except CloudError as refused:
        print(f"✗ {refused}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(
            "\nInterrupted. make up goes on from here; make down stops what runs.", file=sys.stderr
        )
        raise SystemExit(130) from None


def print_next_steps(cloud: Cloud, seconds: float) -> None:
    cloud.progress.print(
        f"\n  [bold]The shop is open at {cloud.url}[/bold]  [dim]{seconds:.1f} s[/dim]\n"
        f"\n    curl {cloud.url}/.well-known/ucp"
        f"\n    curl {cloud.url}/catalog/search -H 'content-type: application/json' "
        """-d '{"query": "backpack"}'"""
        "\n    make demo                 a purchase from search to delivery"
        "\n    make import FILE=…        a product file, CSV or YAML"
        "\n    make down                 stop; the data is kept"
        f"\n\n  The emulated AWS answers at {cloud.endpoint} (region {REGION}, any credentials);"
        f"\n  the Lambdas' words, each fault with its trace, are in {cloud.home}/{LAMBDAS_LOG}.\n"
    )


if __name__ == "__main__":
    main()
