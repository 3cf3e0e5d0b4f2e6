/*
 * Boots a UF2 file on rp2040js, plays a PDM microphone's bits to it and writes what its UART sends.
 *
 *     node rp2040.mjs IMAGE.uf2 BITS SECONDS
 *
 * BITS is a file of bytes, the first bit of each being its highest. The boot ROM is not part of rp2040js: what it
 * does, copying the second-stage boot loader to SRAM and calling it with LR 0, is done here. rp2040js steps its PIO
 * as fast as it can; here it is stepped by the divider that the program set.
 */
import {readFileSync} from 'node:fs';
import {RP2040} from 'rp2040js';

const [image, bitsFile, seconds] = process.argv.slice(2);
const HERTZ = 125e6;
const NANOS = 1e9 / HERTZ;
const FLASH = 0x10000000, BOOT2 = 0x20041f00, BOOT2_BYTES = 256;
const DATA_PIN = 3; // PIN_PDM_DATA of firmware/boards/rp2040/board.c

const chip = new RP2040();
chip.logger = {debug() {}, info() {}, warn() {}, error(...what) { console.error(...what); process.exitCode = 1; }};

const uf2 = readFileSync(image);
for (let at = 0; at < uf2.length; at += 512) {
    const address = uf2.readUInt32LE(at + 12), size = uf2.readUInt32LE(at + 16);
    chip.flash.set(uf2.subarray(at + 32, at + 32 + size), address - FLASH);
}
chip.sram.set(chip.flash.subarray(0, BOOT2_BYTES), BOOT2 - 0x20000000);
chip.core.SP = BOOT2;
chip.core.LR = 0;
chip.core.PC = BOOT2;

const bits = readFileSync(bitsFile);
const pio = chip.pio[0], machine = pio.machines[0], pin = chip.gpio[DATA_PIN];
let next = 0;
pio.run = () => {};

/* A microphone puts its bit on the line before it is taken. */
function stepPio() {
    const instruction = pio.instructions[machine.pc];
    if (instruction >>> 13 === 2) {
        pin.setInputValue(next < 8 * bits.length && (bits[next >> 3] >> (7 - (next & 7)) & 1) === 1);
        next += 1;
    }
    pio.step();
}

const sent = [];
chip.uart[0].onByte = (byte) => sent.push(byte);

const end = Number(seconds) * HERTZ;
let cycles = 0, pioAt = 0;
while (cycles < end && next < 8 * bits.length) {
    let passed;
    if (chip.core.waiting) {
        const alarm = chip.clock.nanosToNextAlarm / NANOS;
        passed = Math.max(1, pio.stopped ? alarm || 1 : pioAt - cycles);
    } else {
        passed = chip.core.executeInstruction();
    }
    cycles += passed;
    chip.clock.tick(passed * NANOS);
    if (pio.stopped) {
        pioAt = cycles;
    } else {
        while (pioAt <= cycles) {
            stepPio();
            pioAt += machine.clockDivInt + machine.clockDivFrac / 256;
        }
    }
}
process.stdout.write(Buffer.from(sent));
process.stderr.write(`${next} bits in ${(cycles / HERTZ).toFixed(3)} s\n`);
process.exit(process.exitCode ?? 0);
