"""However often Ctrl-C or SIGTERM comes, and whatever is going on: the command ends, with nothing half made."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import foreground
import pytest

from kws import interrupts, workers

# Far more than it takes, and far less than what the programs below would do undisturbed.
PATIENCE = 40

PROGRAM = """
import sys, time
if __name__ != "__main__":
    time.sleep({start!r})
sys.path[:0] = {path!r}
import foreground, test_interrupts

if __name__ == "__main__":
    exec(foreground.SETUP)
    from kws import interrupts
    interrupts.install()
    try:
        test_interrupts.{name}({argument!r})
    except KeyboardInterrupt:
        sys.exit(130)
"""


class Sleeper:
    """Each job takes longer than the test has patience for."""

    def __call__(self, job: int) -> int:
        time.sleep(0.01 if job == 0 else 300)
        return job

    def close(self) -> None:
        pass


class Laden(Sleeper):
    """More than a pipe holds, as a model is."""

    def __init__(self) -> None:
        self.ballast = bytes(1_000_000)


def say(text: str) -> None:
    print(text, flush=True)


def work_in_processes(_: str) -> None:
    say("ready")
    for job, _ in workers.run(Sleeper(), range(6), 2):
        say(f"job {job}")


def work_with_much_to_hand_over(_: str) -> None:
    say("ready")
    list(workers.run(Laden(), range(6), 2))


def write_a_file(path: str) -> None:
    from kws.files import replacing, scratch

    with replacing(path) as temporary, scratch("test") as folder:
        temporary.write_text("half")
        (folder / "a").write_text("b")
        sleep_deaf(str(folder))


def speak(_: str) -> None:
    """Longer than any test has patience for, and nearly all the while inside espeak-ng."""
    from kws.datasets import espeak

    say("ready")
    while True:
        espeak.say("internationalization " * 8, "en-us+f3")


def sleep_deaf(ready: str = "ready") -> None:
    """As in a library that neither returns nor asks for signals, from the word on."""
    while True:
        try:
            if ready:
                say(ready)
                ready = ""
            time.sleep(300)
        except BaseException:
            time.sleep(0.001)


def sleep_deaf_ready(_: str) -> None:
    sleep_deaf()


def start(folder: Path, name: str, argument: str = "", start: float = 0) -> subprocess.Popen[str]:
    """Run the function ``name`` of this module; its processes take ``start`` seconds longer to begin."""
    script = folder / "program.py"
    path = [str(Path(__file__).parent), str(Path(workers.__file__).parents[1])]
    script.write_text(PROGRAM.format(path=path, name=name, argument=argument, start=start))
    # In a group of its own, as a shell starts a command.
    return subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def ended(program: subprocess.Popen[str]) -> str:
    try:
        _, said = program.communicate(timeout=PATIENCE)
    finally:
        program.kill()
    group_is_gone(program.pid)
    return said


def group_is_gone(group: int) -> None:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("processes live on")


# Each signal and each pause with the fast tests; their other pairs with the slow ones.
@pytest.mark.parametrize(
    ("number", "pause"),
    [
        pytest.param(number, pause, marks=() if i == j else pytest.mark.slow)
        for i, pause in enumerate((0.02, 0.2, 0.0, 0.4))
        for j, number in enumerate((signal.SIGINT, signal.SIGTERM))
    ],
)
def test_any_number_of_signals_to_the_group(tmp_path, number, pause):
    program = start(tmp_path, "work_in_processes")
    assert program.stdout.readline() == "ready\n"
    time.sleep(random.Random(f"{number}{pause}").uniform(0, 1.5))
    for _ in range(4):
        try:
            os.killpg(program.pid, number)
        except ProcessLookupError:
            break
        time.sleep(pause)
    said = ended(program)
    assert "Traceback" not in said
    # At its very end the interpreter gives signals back their own way to end it, which a shell cannot tell apart.
    assert program.returncode in (interrupts.CODE[number], -number)


def test_two_signals_while_jobs_are_under_way(tmp_path):
    program = start(tmp_path, "work_in_processes")
    assert [program.stdout.readline() for _ in range(2)] == ["ready\n", "job 0\n"]
    os.kill(program.pid, signal.SIGINT)
    os.kill(program.pid, signal.SIGINT)
    assert "Traceback" not in ended(program)
    assert program.returncode == 130


def test_processes_that_take_long_to_start(tmp_path):
    program = start(tmp_path, "work_with_much_to_hand_over", start=interrupts.GRACE_SECONDS + 1)
    assert program.stdout.readline() == "ready\n"
    time.sleep(0.5)
    os.killpg(program.pid, signal.SIGINT)
    assert ended(program) == ""
    assert program.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_that_comes_while_a_library_calls_back(tmp_path, number):
    program = start(tmp_path, "speak")
    assert program.stdout.readline() == "ready\n"
    time.sleep(0.3)
    os.kill(program.pid, number)
    assert "Traceback" not in ended(program)
    assert program.returncode == interrupts.CODE[number]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_does_not_listen_is_ended(tmp_path, number):
    program = start(tmp_path, "sleep_deaf_ready")
    program.stdout.readline()
    os.kill(program.pid, number)
    assert ended(program) == "kws: interrupted\n"
    assert program.returncode == interrupts.CODE[number]


def test_nothing_half_made_is_left(tmp_path):
    out = tmp_path / "out"
    program = start(tmp_path, "write_a_file", str(out / "model.bin"))
    folder = Path(program.stdout.readline().strip())
    os.kill(program.pid, signal.SIGTERM)
    ended(program)
    assert list(out.iterdir()) == []
    assert not folder.exists()


def test_held_signals_arrive_at_the_end():
    handlers = {n: signal.signal(n, signal.default_int_handler) for n in (signal.SIGINT, signal.SIGTERM)}
    reached = []

    def hold(number):
        with interrupts.held():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
            signal.raise_signal(number)
            signal.raise_signal(number)
            reached.append("the end")
        reached.append("too far")

    try:
        for number in handlers:
            with pytest.raises(KeyboardInterrupt):
                hold(number)
            assert signal.getsignal(number) == signal.default_int_handler
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert reached == ["the end"] * 2


def test_the_command_is_quiet_about_many_signals(tmp_path):
    """While it waits for samples; the first posteriors say that it does."""
    model = Path(__file__).parents[1] / "models" / "commands12-tiny.tflite"
    with subprocess.Popen(
        [*foreground.KWS, "listen", str(model), "--input", "-", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        env={**os.environ, "PYTHONPATH": str(Path(workers.__file__).parents[1])},
    ) as program:
        # A pipe holds 64 KiB: when more has been written, somebody reads it.
        program.stdin.write(bytes(200_000))
        program.stdin.flush()
        for _ in range(3):
            os.kill(program.pid, signal.SIGINT)
        _, said = program.communicate(timeout=PATIENCE)
    assert b"Traceback" not in said
    assert program.returncode in (0, 130, -signal.SIGINT)
