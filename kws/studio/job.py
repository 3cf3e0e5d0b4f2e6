"""The process of a job: runs its verbs one after the other and writes down how they ended.

``python -m kws.studio.job FOLDER``, from the project's folder; `kws.studio.jobs` says what the folder holds.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from kws import locks
from kws.files import parse_json, write_atomic


def main(folder: Path) -> int:
    """Run the job of a folder; returns the exit code of the last verb that ran."""
    # The verb gets the signal too, and ends in order; this process then writes the end. A signal that is
    # ignored would be so in the verb, one that is handled is not.
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: told.append(number))
    with locks.locked(folder / "lock") as lock:
        write_atomic(folder / "pid", str(os.getpid()))
        record = parse_json((folder / "job.json").read_bytes())
        started, code = time.monotonic(), 0
        with (folder / "log").open("ab") as log:
            for command in record["commands"]:
                log.write(f"$ {shlex.join(['kws', *command])}\n".encode(errors="replace"))
                log.flush()
                with (folder / "out").open("wb") as out:
                    code = _run(command, out.fileno(), log.fileno(), lock, told)
                if code:
                    break
        seconds = time.monotonic() - started
        write_atomic(folder / "end.json", json.dumps({"code": code, "seconds": round(seconds, 2)}) + "\n")
    return code


def _run(command: list[str], out: int, log: int, lock: int, told: list[int]) -> int:
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "kws", *command],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=log,
        # Where this process is killed, the verb still holds the lock: the job runs on.
        pass_fds=(lock,),
    )
    if told:
        # It came before there was a verb to get it.
        child.send_signal(told[-1])
    code = child.wait()
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
