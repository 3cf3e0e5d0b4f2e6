"""The simulated core by itself: instructions counted, interrupts as Arm's manual says, nothing forgiven."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import needs

from simulator.errors import SimulationError
from simulator.machine import Machine
from simulator.peripheral import Peripheral

pytestmark = needs("cc", "arm-none-eabi-gcc")

RAM, DEVICE = 0x20000000, 0x40000000

HEAD = """
    .syntax unified
    .cpu cortex-m4
    .thumb
    .section .text
    .word 0x20001000, reset + 1
    .word 0, stop + 1
    .space 4 * 12
    .word {first} + 1, {second} + 1
    .global reset
reset:
"""

TAIL = """
stop:
    ldr r0, =0x40000000
    str r0, [r0, #4]
    b .
"""


class Device(Peripheral):
    """A register that raises interrupts, one that ends the run, one that is read."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "DEVICE", DEVICE)
        self.log: list[int] = []
        self.register(0x00, "LINES", on_write=self._set_lines)
        self.register(0x04, "STOP", on_write=lambda _: machine.stop("program"))
        self.register(0x08, "LOG", on_write=self.log.append)
        self.register(0x0C, "NOW", on_read=lambda: machine.now)
        self.register(0x10, "NARROW", mask=0xFF, sizes=(1, 4))

    def _set_lines(self, value: int) -> None:
        for line in (0, 1):
            self.machine.set_interrupt(line, bool(value >> line & 1))


class Bench:
    """A machine with one device and a program in assembler."""

    def __init__(self, folder: Path, program: str, **options: int) -> None:
        source, self.elf = folder / "program.s", folder / "program.elf"
        handlers = {name: name if f"{name}:" in program else "stop" for name in ("first", "second")}
        source.write_text(HEAD.format(**handlers) + program + TAIL)
        command = ["arm-none-eabi-gcc", "-nostdlib", "-Wl,-Ttext=0", "-Wl,-ereset", str(source), "-o", str(self.elf)]
        subprocess.run(command, check=True)
        self.machine = Machine("cortex-m4", 1_000_000, 2, 3, **options)
        self.machine.add_memory("flash", 0, 0x10000, writable=False)
        self.machine.add_memory("ram", RAM, 0x1000)
        self.device = Device(self.machine)
        self.machine.add(self.device)
        self.machine.load(self.elf)

    def run(self) -> Bench:
        self.machine.run(seconds=1)
        assert self.machine.stop_reason == "program"
        return self


SETUP = """
    ldr r4, =0x40000000
    ldr r5, =0xE000E100
    movs r0, #3
    str r0, [r5]
"""

HANDLERS = """
first:
    ldr r0, =0x40000000
    movs r1, #1
    str r1, [r0, #8]
    movs r1, #{lines_of_first}
    str r1, [r0]
    b 1f
1:  movs r1, #11
    str r1, [r0, #8]
    movs r1, #0
    str r1, [r0]
    bx lr
second:
    push {{r4, lr}}
    ldr r0, =0x40000000
    movs r4, #2
    str r4, [r0, #8]
    movs r4, #0
    str r4, [r0]
    movs r4, #12
    str r4, [r0, #8]
    pop {{r4, pc}}
"""


def test_every_instruction_counts_once(tmp_path):
    program = """
        ldr r4, =0x40000000
        movw r1, #1000
        ldr r2, [r4, #12]
    1:  add.w r3, r3, r1, lsl #3
        adds r0, #1
        smlad r5, r0, r1, r5
        itt eq
        moveq r6, r0
        moveq.w r7, r0
        subs.w r1, r1, #1
        bne 1b
        ldr r3, [r4, #12]
        subs r3, r3, r2
        str r3, [r4, #8]
        b stop
    """
    bench = Bench(tmp_path, program).run()
    # Eight instructions a round; the clock is read at the ends of the blocks that read it.
    assert bench.device.log[0] == pytest.approx(8000, abs=12)
    slow = Bench(tmp_path, program, cycles_per_instruction=3).run()
    assert slow.device.log[0] == pytest.approx(24000, abs=36)
    assert slow.machine.instructions == bench.machine.instructions


def test_an_interrupt_returns_to_where_it_came_from(tmp_path):
    program = (
        SETUP
        + """
        movs r0, #10
        movs r1, #20
        movs r2, #30
        movs r3, #40
        movs r7, #1
        cmp r0, r0
        str r7, [r4]
        beq 1f
        b .
    1:  adds r0, r1
        adds r0, r2
        adds r0, r3
        str r0, [r4, #8]
        mov r0, sp
        str r0, [r4, #8]
        b stop
    """
        + HANDLERS.format(lines_of_first=0)
    )
    bench = Bench(tmp_path, program).run()
    assert bench.device.log == [1, 11, 100, 0x20001000]


@pytest.mark.parametrize(
    ("priorities", "log"),
    [
        (0x0000, [1, 11, 2, 12]),  # the same: the second waits
        (0x0020, [1, 2, 12, 11]),  # the second is more urgent and interrupts the first
        (0x2000, [1, 11, 2, 12]),  # less urgent
    ],
)
def test_priorities(tmp_path, priorities, log):
    program = (
        SETUP
        + f"""
        ldr r0, =0xE000E400
        movw r1, #{priorities}
        str r1, [r0]
        movs r1, #1
        str r1, [r4]
        nop
        b stop
    """
        + HANDLERS.format(lines_of_first=2)
    )
    # The first handler ends by lowering both lines; the second's request stays pending all the same.
    assert Bench(tmp_path, program).run().device.log == log


def test_a_line_that_stays_high_calls_again(tmp_path):
    program = (
        SETUP
        + """
        movs r1, #1
        str r1, [r4]
        nop
        b stop
    first:
        ldr r0, =0x40000000
        ldr r2, =0x20000000
        ldr r1, [r2]
        adds r1, #1
        str r1, [r2]
        str r1, [r0, #8]
        cmp r1, #3
        bne 1f
        movs r1, #0
        str r1, [r0]
    1:  bx lr
    """
    )
    assert Bench(tmp_path, program).run().device.log == [1, 2, 3]


def test_masked_interrupts_wait_but_end_the_sleep(tmp_path):
    program = (
        SETUP
        + """
        cpsid i
        wfi
        movs r1, #7
        str r1, [r4, #8]
        cpsie i
        movs r1, #8
        str r1, [r4, #8]
        b stop
    """
        + HANDLERS.format(lines_of_first=0)
    )
    bench = Bench(tmp_path, program)
    bench.machine.after(5000, lambda: bench.machine.set_interrupt(0, True))
    bench.run()
    assert bench.device.log == [7, 1, 11, 8]
    assert 4900 < bench.machine.asleep < 5000
    assert bench.machine.now == pytest.approx(5050, abs=50)


def test_sleep_without_end_is_an_error(tmp_path):
    bench = Bench(tmp_path, "wfi\n b stop")
    with pytest.raises(SimulationError, match="nothing will wake it"):
        bench.machine.run()


def test_unmasking_is_noticed_at_once(tmp_path):
    program = (
        SETUP
        + """
        cpsid i
        movs r1, #1
        str r1, [r4]
        movs r1, #7
        str r1, [r4, #8]
        msr primask, r6
        isb
        movs r1, #8
        str r1, [r4, #8]
        b stop
    """
        + HANDLERS.format(lines_of_first=0)
    )
    assert Bench(tmp_path, program).run().device.log == [7, 1, 11, 8]


def test_a_computation_is_not_disturbed(tmp_path):
    program = (
        SETUP
        + """
        movs r6, #0
        movw r7, #20000
    1:  smlabb r6, r7, r7, r6
        add r6, r6, r7, ror #3
        subs r7, #1
        bne 1b
        str r6, [r4, #8]
        b stop
    first:
        ldr r0, =0x40000000
        movs r1, #0
        movs r2, #0
        movs r3, #0
        str r1, [r0]
        bx lr
    """
    )
    quiet = Bench(tmp_path, program).run()
    disturbed = Bench(tmp_path, program)
    count = 0

    def disturb() -> None:
        nonlocal count
        count += 1
        disturbed.machine.set_interrupt(0, True)
        disturbed.machine.after(97, disturb)

    disturbed.machine.after(97, disturb)
    disturbed.run()
    assert count > 500
    assert disturbed.device.log == quiet.device.log
    assert disturbed.machine.instructions > quiet.machine.instructions + 6 * count - 20


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("ldr r0, =0x40000014\n ldr r1, [r0]", "DEVICE: nothing is modelled at 0x40000014"),
        ("ldr r0, =0x40000000\n ldr r1, [r0]", "LINES cannot be read"),
        ("ldr r0, =0x4000000C\n str r1, [r0]", "NOW cannot be written"),
        ("ldr r0, =0x40000004\n strb r1, [r0]", "STOP is written with 1 bytes"),
        ("ldr r0, =0x40000010\n movw r1, #256\n str r1, [r0]", "NARROW has no bits for 0x100"),
        ("ldr r0, =0x40001000\n ldr r1, [r0]", "fault: 4 bytes at 0x40001000 cannot be accessed"),
        ("ldr r0, =0x100\n str r0, [r0]", "fault: 4 bytes at 0x100 cannot be accessed"),
        ("ldr r0, =0x30000001\n bx r0", "fault: .* at 0x30000000 cannot be accessed"),
        ("udf #0", "fault: Invalid instruction"),
        ("svc #0", "fault: SVC"),
        ("ldr r0, =0xE000E010\n ldr r1, [r0]", "SCS: nothing is modelled at 0xe000e010"),
    ],
)
def test_nothing_is_forgiven(tmp_path, program, message):
    bench = Bench(tmp_path, program + "\n b stop")
    with pytest.raises(SimulationError, match=message):
        bench.machine.run(seconds=1)


def test_faults_are_delivered_if_asked_for(tmp_path):
    bench = Bench(tmp_path, "udf #0")
    bench.machine.deliver_faults = True
    bench.run()
    assert bench.machine.core["CFSR"] == 1 << 16


def test_hex_and_elf_are_the_same_program(tmp_path):
    program = "ldr r0, =0x40000000\n movs r1, #5\n str r1, [r0, #8]\n b stop"
    bench = Bench(tmp_path, program).run()
    file = tmp_path / "program.hex"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "ihex", str(bench.elf), str(file)], check=True)
    other = Bench(tmp_path, "udf #0")
    other.machine.load(file)
    assert other.run().device.log == [5]
    content = file.read_text()
    file.write_text(content.replace(content[9:11], f"{int(content[9:11], 16) ^ 1:02X}", 1))
    with pytest.raises(SimulationError, match="line 1 of the HEX file is damaged"):
        other.machine.load(file)


def test_reset_starts_again(tmp_path):
    program = """
        ldr r1, =0x20000000
        ldr r2, [r1]
        cbnz r2, 1f
        movs r2, #1
        str r2, [r1]
        ldr r0, =0xE000ED0C
        ldr r3, =0x05FA0004
        str r3, [r0]
        b .
    1:  ldr r0, =0x40000000
        str r2, [r0, #8]
        b stop
    """
    bench = Bench(tmp_path, program).run()
    assert bench.machine.resets == ["SYSRESETREQ"]
    assert bench.device.log == [1]
