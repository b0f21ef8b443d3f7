"""Lambda workers are forks of one process per layer, and as separate as interpreters."""

import io
import os
import signal
import sys
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import emulator_patches
from local.forked_workers import ForkedProcess, ForkedWorkers
from tests.local.polling import GUARD_SECONDS, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")

LAYER = {
    "shared/__init__.py": "",
    "shared/rules.py": "import os\nPID = os.getpid()\nSEEN = []\n",
    "shared/rows.py": "import os\nTABLE = os.environ['TABLE']\n",
    "shared/options.py": "import os\nMODE = os.environ.get('MODE', 'plain')\n",
    "shared/broken.py": "raise RuntimeError('broken')\n",
}
HANDLER = """
import os, random, sys
from shared import options, rows, rules

def handler(event, context):
    rules.SEEN.append(context.aws_request_id)
    return {
        "pid": os.getpid(),
        "template": rules.PID,
        "table": rows.TABLE,
        "mode": options.MODE,
        "environment": dict(os.environ),
        "seen": rules.SEEN,
        "random": random.random(),
        "main": sys.argv,
        "threads": len(os.listdir("/proc/self/task")),
        "descriptors": sorted(map(int, os.listdir("/proc/self/fd"))),
    }
"""


class Lambdas:
    """Functions on MiniStack's own workers, each with code, layer and variables."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        from ministack.core import lambda_runtime
        from ministack.services import lambda_svc

        self.runtime: Any = lambda_runtime
        self.templates = ForkedWorkers()
        self._layers: dict[str, bytes] = {}
        monkeypatch.setattr(lambda_runtime, "zipfile", zipfile)
        monkeypatch.setattr(lambda_runtime, "subprocess", lambda_runtime.subprocess)
        monkeypatch.setattr(
            lambda_svc, "_resolve_layer_zip", lambda layer: self._layers[layer["Arn"]]
        )
        emulator_patches.share_unpacked_packages(folder / "packages")
        self.templates.attach()

    def invoke(
        self,
        name: str,
        *,
        code: str = HANDLER,
        layer: Mapping[str, str] | None = LAYER,
        package: Mapping[str, str] | None = None,
        **variables: str,
    ) -> Any:
        """Return the result of a function; raise its error."""
        layers = []
        if layer is not None:
            content = zipped({f"python/{file}": text for file, text in layer.items()})
            layers = [{"Arn": str(hash(content))}]
            self._layers[layers[0]["Arn"]] = content
        config = {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            "Handler": "main.handler",
            "Runtime": "python3.13",
            "Timeout": GUARD_SECONDS,
            "Layers": layers,
            "Environment": {"Variables": {"TABLE": "things", **variables}},
        }
        files = {"main.py": textwrap.dedent(code), **(package or {})}
        worker, _ = self.runtime.acquire_worker(name, config, zipped(files))
        try:
            answer = worker.invoke({}, request_id=f"request of {name}")
        finally:
            self.runtime.release_worker(worker)
        if answer["status"] != "ok":
            raise RuntimeError(answer["error"])
        return answer["result"]

    def process(self, name: str) -> Any:
        """Return the process of a function's only worker."""
        (worker,) = self.runtime._workers[f"000000000000:us-east-1:{name}:$LATEST"]
        return worker._proc

    def is_fork(self, name: str) -> bool:
        return isinstance(self.process(name), ForkedProcess)


def zipped(files: Mapping[str, str]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, text in files.items():
            writer.writestr(zipfile.ZipInfo(name), text)  # a fixed date: the same bytes each time
    return archive.getvalue()


@pytest.fixture
def lambdas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Lambdas]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    running = Lambdas(monkeypatch, tmp_path)
    yield running
    running.runtime.reset()
    running.templates.close()


def test_functions_share_one_import_of_their_layer(lambdas: Lambdas) -> None:
    first, second = lambdas.invoke("first"), lambdas.invoke("second")
    assert first["template"] == second["template"]
    assert len({first["pid"], second["pid"], first["template"]}) == 3


def test_worker_serves_its_function_again_without_another_fork(lambdas: Lambdas) -> None:
    first, again = lambdas.invoke("sell"), lambdas.invoke("sell")
    assert first["pid"] == again["pid"]
    assert again["seen"] == ["request of sell"] * 2


def test_function_sees_only_its_own_state_and_environment(lambdas: Lambdas) -> None:
    one = lambdas.invoke("one", TABLE="ones", SECRET_OF_ONE="s")
    two = lambdas.invoke("two", TABLE="twos")
    assert (one["table"], two["table"]) == ("ones", "twos")
    assert (one["seen"], two["seen"]) == (["request of one"], ["request of two"])
    assert one["environment"]["SECRET_OF_ONE"] == "s"
    assert "SECRET_OF_ONE" not in two["environment"]
    assert two["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "two"
    assert one["random"] != two["random"]


def test_environment_is_that_of_an_interpreter_of_its_own(lambdas: Lambdas) -> None:
    fork = lambdas.invoke("fork", MODE="a")
    own = lambdas.invoke("own", MODE="a", package={"json.py": "from json_ import *"})
    assert (lambdas.is_fork("fork"), lambdas.is_fork("own")) == (True, False)
    per_worker = {"PWD", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_LOG_STREAM_NAME", "_LAMBDA_LAYERS_DIRS"}
    names = {"AWS_LAMBDA_FUNCTION_NAME", "_LAMBDA_FUNCTION_ARN"} | per_worker
    expected = {k: v for k, v in own["environment"].items() if k not in names}
    assert {k: v for k, v in fork["environment"].items() if k not in names} == expected
    assert set(fork["environment"]) == set(own["environment"])


def test_module_that_reads_a_variable_is_imported_by_each_worker(lambdas: Lambdas) -> None:
    assert lambdas.invoke("first", MODE="a")["mode"] == "a"
    assert lambdas.invoke("second", MODE="b")["mode"] == "b"
    assert lambdas.is_fork("second")


def test_function_that_differs_in_a_variable_read_before_has_its_own_interpreter(
    lambdas: Lambdas,
) -> None:
    # The first function has no MODE, so nothing shows that functions differ in it.
    assert lambdas.invoke("first")["mode"] == "plain"
    assert lambdas.invoke("second", MODE="b")["mode"] == "b"
    assert not lambdas.is_fork("second")
    assert lambdas.is_fork("first")


def test_module_that_cannot_be_imported_fails_only_where_it_is_used(lambdas: Lambdas) -> None:
    lambdas.invoke("first")
    with pytest.raises(RuntimeError, match="broken"):
        lambdas.invoke("second", code="import shared.broken\ndef handler(*_): return 1")


def test_package_with_a_module_of_its_own_is_not_replaced(lambdas: Lambdas) -> None:
    code = "import colorsys\ndef handler(*_): return colorsys.NAME"
    layer = {**LAYER, "shared/colors.py": "import colorsys"}
    package = {"colorsys.py": "NAME = 'mine'"}
    assert lambdas.invoke("first", layer=layer)["table"] == "things"
    assert lambdas.invoke("second", layer=layer, code=code, package=package) == "mine"


def test_layer_that_starts_a_thread_is_not_forked(lambdas: Lambdas) -> None:
    start = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
    assert lambdas.invoke("sell", layer={**LAYER, "shared/watch.py": start})["threads"] == 1
    assert not lambdas.is_fork("sell")


def test_function_runs_if_its_layer_ends_the_template(lambdas: Lambdas) -> None:
    layer = {**LAYER, "shared/fatal.py": "import os\nos._exit(3)"}
    assert lambdas.invoke("sell", layer=layer)["table"] == "things"
    assert not lambdas.is_fork("sell")


def test_function_without_layers_has_its_own_interpreter(lambdas: Lambdas) -> None:
    assert lambdas.invoke("plain", code="def handler(*_): return 1", layer=None) == 1
    assert not lambdas.is_fork("plain")


def test_worker_has_no_thread_and_no_descriptor_of_the_template(lambdas: Lambdas) -> None:
    lambdas.invoke("first")
    second = lambdas.invoke("second")
    assert second["threads"] == 1
    # Its three streams, and the folder that it lists.
    assert len(second["descriptors"]) == 4
    assert second["main"][0].endswith("_worker.py")


def test_changed_layer_is_imported_and_the_template_of_the_old_one_ends(lambdas: Lambdas) -> None:
    old = lambdas.invoke("sell")
    lambdas.runtime.invalidate_worker("sell")
    changed = {**LAYER, "shared/rules.py": LAYER["shared/rules.py"] + "# changed"}
    new = lambdas.invoke("sell", layer=changed)
    assert old["template"] != new["template"]
    assert not psutil.pid_exists(old["template"])


def test_template_stays_while_another_worker_of_it_runs(lambdas: Lambdas) -> None:
    old = lambdas.invoke("other")
    changed = {**LAYER, "shared/rules.py": LAYER["shared/rules.py"] + "# changed"}
    lambdas.invoke("sell", layer=changed)
    assert lambdas.invoke("other")["pid"] == old["pid"]


def test_next_request_after_a_crash_gets_a_new_worker(lambdas: Lambdas) -> None:
    before = lambdas.invoke("sell")
    os.kill(before["pid"], signal.SIGKILL)
    assert lambdas.process("sell").wait(GUARD_SECONDS) == -signal.SIGKILL
    assert lambdas.invoke("sell")["pid"] != before["pid"]


def test_next_request_after_a_crash_of_the_template_gets_a_new_one(lambdas: Lambdas) -> None:
    before = lambdas.invoke("sell")
    os.kill(before["template"], signal.SIGKILL)
    assert lambdas.process("sell").wait(GUARD_SECONDS) == -signal.SIGKILL
    after = lambdas.invoke("sell")
    assert after["template"] != before["template"]
    assert lambdas.is_fork("sell")


def test_exit_code_of_a_worker_is_reported(lambdas: Lambdas) -> None:
    lambdas.invoke("sell", code="import os\ndef handler(*_): return os.getpid()")
    process = lambdas.process("sell")
    assert process.poll() is None
    process.stdin.close()  # MiniStack's script ends with its input
    assert process.wait(GUARD_SECONDS) == 0


def test_output_of_a_fork_is_the_functions_log(lambdas: Lambdas) -> None:
    lambdas.invoke("other")
    lambdas.invoke("sell", code="def handler(*_): print('sold')")
    (worker,) = lambdas.runtime._workers["000000000000:us-east-1:sell:$LATEST"]
    answer = worker.invoke({}, request_id="r")
    assert answer["log"] == "sold"


def test_workers_end_with_the_emulator(lambdas: Lambdas) -> None:
    """The kernel closes the socket of a killed emulator; then the template ends its workers."""
    pid = lambdas.invoke("sell")["pid"]
    (template,) = lambdas.templates._templates.values()
    template._control.close()
    eventually(lambda: not psutil.pid_exists(pid))
    assert template.process.wait(GUARD_SECONDS) == 0
