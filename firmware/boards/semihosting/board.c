/* An emulated board: samples and bytes by semihosting, the clock from its clock.h; neither lamp nor watchdog. */
#include "board.h"

#include "clock.h"
#include "cortex_m.h"
#include "semihosting.h"

/* fopen's "rb" and "wb" in SYS_OPEN's numbering. */
#define OPEN_READ 1u
#define OPEN_WRITE 5u
#define STOPPED_APPLICATION_EXIT 0x20026u

static uint32_t input;
static uint32_t output;

static uint32_t open_console(uint32_t mode)
{
    static const char name[] = ":tt";
    const uint32_t arguments[3] = {(uint32_t)(uintptr_t)name, mode, sizeof name - 1};
    return semihosting_call(SEMIHOSTING_OPEN, arguments);
}

void board_init(void)
{
    clock_start();
    input = open_console(OPEN_READ);
    output = open_console(OPEN_WRITE);
}

int32_t board_audio_start(void)
{
    return BOARD_OK;
}

/* The microphone is the input: int16 little-endian, as this CPU keeps them. */
size_t board_audio_read(int16_t *pcm, size_t capacity)
{
    static uint8_t half; /* of a sample whose second half has not come yet */
    static size_t halves;
    uint8_t *bytes = (uint8_t *)pcm;
    size_t count = halves;
    bytes[0] = half;
    while (count < sizeof pcm[0]) {
        const size_t got = board_read(bytes + count, capacity * sizeof pcm[0] - count);
        if (got == 0) {
            return 0;
        }
        count += got;
    }
    halves = count % sizeof pcm[0];
    half = bytes[count - 1];
    return count / sizeof pcm[0];
}

uint32_t board_audio_overruns(void)
{
    return 0; /* the emulator waits for the CPU */
}

void board_led(int on)
{
    (void)on;
}

void board_watchdog_feed(void)
{
}

size_t board_read(void *buffer, size_t capacity)
{
    const uint32_t arguments[3] = {input, (uint32_t)(uintptr_t)buffer, (uint32_t)capacity};
    /* The call returns how many bytes it did not read. */
    return capacity - semihosting_call(SEMIHOSTING_READ, arguments);
}

int board_input_waiting(void)
{
    return BOARD_UNKNOWN; /* semihosting's read waits, and nothing asks beforehand */
}

void board_write(const void *data, size_t count)
{
    const uint8_t *next = (const uint8_t *)data;
    while (count > 0) {
        const uint32_t arguments[3] = {output, (uint32_t)(uintptr_t)next, (uint32_t)count};
        const size_t left = semihosting_call(SEMIHOSTING_WRITE, arguments);
        if (left >= count) {
            board_exit(254); /* nobody reads any more */
        }
        next += count - left;
        count = left;
    }
}

uint32_t board_ticks(void)
{
    return clock_ticks();
}

uint32_t board_ticks_per_second(void)
{
    return CLOCK_HZ;
}

void board_exit(int status)
{
    const uint32_t arguments[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)status};
    for (;;) {
        semihosting_call(SEMIHOSTING_EXIT_EXTENDED, arguments);
    }
}

/* To standard error, apart from what the app wrote. */
void board_fault_write(const char *line)
{
    semihosting_call(SEMIHOSTING_WRITE0, line);
}
