"""The shop on a laptop: an emulated AWS, the shop's stacks, and a proxy instead of CloudFront.

A cloud has a home folder, a stage and two ports, so that a developer's shop and a test's run side
by side::

    cloud = Cloud(home, stage="test", port=0, lifeline=True)
    cloud.up()
    cloud.url                # http://127.0.0.1:49231, one plain base URL
    cloud.client("dynamodb") # boto3, at the emulator
    cloud.outputs()["OrdersTable"]
    cloud.down()

A home contains ``settings.json`` (ports), ``cdk.out``, ``state`` and ``s3`` (the data that
survives a restart), ``tmp`` (the Lambdas' folders), and the logs.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from rich.markup import escape

from local.cloud_environment import REGION, client_environment, emulator_environment
from local.crash_recovery import erase, recover
from local.processes import (
    LOOPBACK,
    ROOT,
    CloudError,
    answers,
    free_port,
    is_listening,
    is_port_in_use,
    is_running,
    log_tail,
    port_owner,
    servers,
    start_server,
    stop,
    workers,
)
from local.progress import Progress, run_logged
from local.stack_deployment import StackDeployment
from local.state_persistence import COMPLETE, SAVE_TIMEOUT_SECONDS, saves

CLOUD_HOME = ROOT / ".local" / "cloud"
PORT = 8000
EMULATOR_PORT = 4566
SAVE_INTERVAL_SECONDS = 30
"""Seconds between two saves of a shop in use. A power cut loses the changes since the last one."""
START_TIMEOUT_SECONDS = 120
"""Time for a server to answer. A server that ends is noticed at once."""
PORT_ATTEMPTS = 5
"""Ports that the emulated AWS tries when other programs take one after it was chosen."""


class Cloud:
    """One emulated AWS with the shop's stacks, and its CDN proxy."""

    def __init__(
        self,
        home: Path = CLOUD_HOME,
        *,
        stage: str | None = None,
        port: int | None = None,
        lifeline: bool = False,
        auth: bool = False,
        quiet: bool = False,
        samples: bool | None = None,
    ) -> None:
        """``stage`` is ``local`` or ``test``, ``port`` the proxy's (0 chooses a free one), and
        ``samples`` whether the shop has sample products. ``None`` keeps the values of this home.

        With ``lifeline`` the cloud ends when this process ends, in any way. With ``auth``
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
        self.has_samples: bool = self._settings().get("samples", True)
        if samples is not None:
            self.has_samples = samples
        self._restore_settings()

    # ------------------------------------------------------------------ addresses

    @property
    def url(self) -> str:
        """The base URL that clients use, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def endpoint(self) -> str:
        """The address of the emulated AWS."""
        return f"http://{LOOPBACK}:{self.emulator_port}"

    def environment(self) -> dict[str, str]:
        """Return the environment of programs that use this cloud."""
        return client_environment(
            endpoint=self.endpoint, url=self.url, stage=self.stage, home=self.home
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulated AWS."""
        import boto3

        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )

    def outputs(self) -> dict[str, str]:
        """Return the outputs of all stacks by name."""
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
        """Start what does not run and deploy what changed.

        Without ``stacks`` this is an empty emulated AWS.
        """
        with self._exclusive():
            with self.progress.short_step("look for processes of an earlier run"):
                running = servers(self.home, "local.emulator")
            if not running:
                recover(self.home, self.progress)
            with self.progress.short_step("choose the ports"):
                self._choose_ports()
            self._start_emulator()
            if not stacks:
                return
            changed = self._deployment().run()
            if self._auth:
                # It denies the CDK CLI's roles, which depend on aws:ResourceAccount.
                with self.progress.step(
                    "stop the emulated AWS, to enforce IAM from its next start"
                ):
                    self._stop_emulator()
                self._start_emulator(auth=True)
            self._start_proxy()
            if seed:
                self._seed()
            if changed:
                with self.progress.step("save the state of the emulated AWS"):
                    self.save()

    def down(self) -> None:
        """Stop all processes of this cloud, Lambda workers included. All data stays."""
        with self._exclusive():
            self._down()

    def reset(self) -> None:
        """Stop, and delete products, orders, users and stacks. The ports stay."""
        with self._exclusive():
            self._down()
            erase(self.home)

    def save(self) -> None:
        """Save the emulator's state now, and wait until it is on disk."""
        state = self.home / "state"
        before = max((save.name for save in saves(state)), default="")
        emulators = servers(self.home, "local.emulator")
        for process in emulators:
            process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + SAVE_TIMEOUT_SECONDS + 30
        while not any(save.name > before and (save / COMPLETE).exists() for save in saves(state)):
            if time.monotonic() > deadline or not any(map(is_running, emulators)):
                log = self._log("emulator")
                raise CloudError(f"The emulator did not save its state; see {log}")
            time.sleep(0.05)

    def is_up(self) -> bool:
        """Return whether both servers run and answer."""
        emulators = servers(self.home, "local.emulator")
        answering = emulators and self._emulator_answers(emulators[0], timeout=2)
        return bool(answering) and self._proxy_answers()

    # ------------------------------------------------------------------ the steps

    def _choose_ports(self) -> None:
        proxy = servers(self.home, "local.cdn_proxy")
        if not proxy and is_port_in_use(self.port):
            if self._requested_port == 0:
                self.port = free_port()
            else:
                raise CloudError(
                    f"Port {self.port} is in use by {port_owner(self.port)}.\n"
                    f"Choose another port: make up PORT={free_port(self.port + 1)}"
                )
        if not servers(self.home, "local.emulator"):
            stored = self.emulator_port
            preferred = EMULATOR_PORT if self.home == CLOUD_HOME else None
            self.emulator_port = free_port(stored or preferred)
            if stored and stored != self.emulator_port:
                self.progress.print(
                    f"  Port {stored} is in use by {escape(port_owner(stored))}; "
                    f"the emulated AWS uses port {self.emulator_port}."
                )
        self._store_settings()

    def _store_settings(self) -> None:
        settings = {"stage": self.stage, "port": self.port, "emulator_port": self.emulator_port}
        settings["samples"] = self.has_samples
        self._settings_file.write_text(json.dumps(settings))

    def _start_emulator(self, *, auth: bool = False) -> None:
        running = servers(self.home, "local.emulator")
        if running:
            with self.progress.short_step("wait for an answer of the running emulated AWS"):
                if self._emulator_answers(running[0], timeout=10):
                    return
            self.progress.print("  The emulator runs but does not answer; it is started again.")
            stop([*running, *workers(self.home)], grace=5)
            recover(self.home, self.progress)
        for name in ("tmp", "state", "s3"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        log = self._log("emulator")
        if log.exists() and log.stat().st_size > 20_000_000:
            log.unlink()
        with self.progress.step("start the emulated AWS (MiniStack)"):
            for _ in range(PORT_ATTEMPTS):
                process = self._new_emulator(auth=auth)
                if self._emulator_answers(process, timeout=START_TIMEOUT_SECONDS):
                    return
                if is_running(process) or not is_port_in_use(self.emulator_port):
                    break
                # Another program, such as a second shop, took the port after it was chosen.
                self.emulator_port = free_port()
                self._store_settings()
            raise CloudError(log_tail(self._log("emulator")))

    def _new_emulator(self, *, auth: bool) -> psutil.Process:
        return start_server(
            "local.emulator",
            self.home,
            "--port",
            str(self.emulator_port),
            "--save-every",
            "0" if self._lifeline else str(SAVE_INTERVAL_SECONDS),
            env=emulator_environment(
                self.environment(), port=self.emulator_port, home=self.home, auth=auth
            ),
            lifeline=self._lifeline_descriptor(),
        )

    def _deployment(self) -> StackDeployment:
        return StackDeployment(
            stage=self.stage,
            url=self.url,
            endpoint=self.endpoint,
            home=self.home,
            client=self.client,
            environment=self.environment(),
            progress=self.progress,
            save=self.save,
        )

    def _start_proxy(self) -> None:
        with self.progress.short_step("look up the shop's API"):
            upstream = f"{self.endpoint}/_aws/execute-api/{self._api()}/$default"
        for process in servers(self.home, "local.cdn_proxy"):
            line = process.cmdline()
            if upstream in line and str(self.port) in line and self._proxy_answers():
                return
            stop([process], grace=3)
        with self.progress.step(f"start the CDN proxy at {self.url}"):
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
            deadline = time.monotonic() + START_TIMEOUT_SECONDS
            while not self._proxy_answers():
                if time.monotonic() > deadline or not process.is_running():
                    raise CloudError(log_tail(self._log("cdn_proxy")))
                time.sleep(0.05)

    def _seed(self) -> None:
        python_path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "shared" / "python")])
        verb, options = ("create", ()) if self.has_samples else ("archive", ("--archive",))
        env = {**self.environment(), "PYTHONPATH": python_path}
        with self.progress.step(f"create missing users, and {verb} sample products"):
            seed = [sys.executable, "-m", "local.seed", *options]
            run_logged(seed, env=env, log=self._log("seed"))

    def _stop_emulator(self) -> None:
        if stop(servers(self.home, "local.emulator"), grace=SAVE_TIMEOUT_SECONDS + 30):
            self.progress.print("  The emulator had to be killed: its last changes are lost.")
        stop(workers(self.home), grace=2)

    def _down(self) -> None:
        running = servers(self.home)
        if running or workers(self.home):
            with self.progress.step("save the state and stop the shop"):
                stop(servers(self.home, "local.cdn_proxy"), grace=3)
                self._stop_emulator()
        remaining = [*servers(self.home), *workers(self.home)]
        if remaining:
            raise CloudError(f"Still running: {', '.join(str(p.pid) for p in remaining)}")
        with self.progress.short_step("delete the temporary files"):
            shutil.rmtree(self.home / "tmp", ignore_errors=True)
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    # ------------------------------------------------------------------ state

    def _restore_settings(self) -> None:
        stored = self._settings()
        if stored.get("stage", self.stage) != self.stage:
            raise CloudError(f"{self.home} contains stage {stored['stage']}, not {self.stage}.")
        self.port = (
            self._requested_port
            or stored.get("port")
            or (PORT if self._requested_port is None else free_port())
        )
        self.emulator_port = stored.get("emulator_port", 0)

    @property
    def _settings_file(self) -> Path:
        return self.home / "settings.json"

    def _settings(self) -> dict[str, Any]:
        try:
            stored: dict[str, Any] = json.loads(self._settings_file.read_text())
        except (OSError, ValueError):
            return {}
        return stored

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def _emulator_answers(self, process: psutil.Process, *, timeout: float) -> bool:
        return answers(process, self.emulator_port, "/_ministack/health", timeout=timeout)

    def _proxy_answers(self) -> bool:
        proxies = servers(self.home, "local.cdn_proxy")
        return any(is_listening(process, self.port) for process in proxies)

    def _api(self) -> str:
        found = self.client("apigatewayv2").get_apis()["Items"]
        http = [api["ApiId"] for api in found if api["ProtocolType"] == "HTTP"]
        if len(http) != 1:
            raise CloudError(f"The CDN proxy needs one HTTP API; the emulated AWS has {len(http)}.")
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
        """Allow one `up`, `down` or `reset` at a time for a home."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.progress.print(
                    "  Another make up, down or reset is running; waiting for its end."
                )
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._restore_settings()
            yield
