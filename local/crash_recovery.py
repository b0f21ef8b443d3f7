"""Recover a cloud's home after a killed run: workers, folders, incomplete or damaged saves."""

import shutil
from datetime import datetime
from pathlib import Path

from local.emulator import RUNNING
from local.processes import stop, workers
from local.progress import Progress
from local.state_persistence import COMPLETE, is_whole, saves


def recover(home: Path, progress: Progress) -> None:
    """Clean up after a run that was killed. No emulator of this home may be running."""
    with progress.short_step("end the Lambda workers of an earlier run"):
        orphans = workers(home)
        if orphans:
            progress.print(f"  An earlier run was killed; its {len(orphans)} workers are ended.")
            stop(orphans, grace=2)
    with progress.short_step("delete the temporary files of an earlier run"):
        shutil.rmtree(home / "tmp", ignore_errors=True)
    with progress.short_step("check the saved state"):
        _check_state(home, progress)


def _check_state(home: Path, progress: Progress) -> None:
    state = home / "state"
    complete = [save for save in saves(state) if is_whole(save)]
    was_killed = (state / RUNNING).exists()
    if was_killed and complete:
        at = datetime.fromtimestamp((complete[0] / COMPLETE).stat().st_mtime).astimezone()
        progress.print(
            f"  The emulated AWS was killed; the shop continues with the state of {at:%T}."
        )
    if saves(state) and not complete:
        aside = home / f"damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        aside.mkdir()
        for name in ("state", "s3"):
            (home / name).rename(aside / name)
        progress.print(f"  The saved state is damaged; it was moved to {aside}. The shop is empty.")
    elif was_killed and not complete:
        progress.print("  The emulated AWS was killed before its first save; the shop is empty.")
    if not complete:
        # Buckets are on disk at once, also those of a start that was killed before any save.
        erase(home)


def erase(home: Path) -> None:
    """Delete all state; the cloud must be down."""
    for name in ("state", "s3", "tmp"):
        shutil.rmtree(home / name, ignore_errors=True)
