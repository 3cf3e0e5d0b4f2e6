/* Input and output by semihosting, the clock from a CMSDK timer. */
#include "board.h"

#include "semihosting.h"

/* fopen's "rb" and "wb" in SYS_OPEN's numbering. */
#define OPEN_READ 1u
#define OPEN_WRITE 5u
#define STOPPED_APPLICATION_EXIT 0x20026u

/* CMSDK APB timer 0: counts down from RELOAD at the 25 MHz system clock, all 32 bits. */
#define TIMER_BASE 0x40000000u
#define TIMER_CTRL (*(volatile uint32_t *)(TIMER_BASE + 0x0u))
#define TIMER_VALUE (*(volatile uint32_t *)(TIMER_BASE + 0x4u))
#define TIMER_RELOAD (*(volatile uint32_t *)(TIMER_BASE + 0x8u))
#define TIMER_ENABLE 1u
#define TIMER_HZ 25000000u

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
    TIMER_CTRL = 0;
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CTRL = TIMER_ENABLE;
    input = open_console(OPEN_READ);
    output = open_console(OPEN_WRITE);
}

size_t board_read(void *buffer, size_t capacity)
{
    const uint32_t arguments[3] = {input, (uint32_t)(uintptr_t)buffer, (uint32_t)capacity};
    /* The call returns how many bytes it did not read. */
    return capacity - semihosting_call(SEMIHOSTING_READ, arguments);
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
    return UINT32_MAX - TIMER_VALUE;
}

uint32_t board_ticks_per_second(void)
{
    return TIMER_HZ;
}

void board_exit(int status)
{
    const uint32_t arguments[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)status};
    for (;;) {
        semihosting_call(SEMIHOSTING_EXIT_EXTENDED, arguments);
    }
}
