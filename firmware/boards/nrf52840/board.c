/* nRF52840: clocks, lamp, watchdog, ticks. The microphone is in microphone.c, the UART in serial.c. */
#include "board.h"

#include "cortex_m.h"
#include "interrupts.h"
#include "microphone.h"
#include "pins.h"
#include "serial.h"

#define TICKS_PER_SECOND 16000000u
#define OSCILLATOR_TICKS (TICKS_PER_SECOND / 50u) /* a crystal starts in less than a millisecond */
#define WATCHDOG_SECONDS 2u
#define LFCLK_HZ 32768u

static int oscillator_runs;

/* The internal oscillator that the CPU starts with is off by up to a few percent; the crystal is not. */
static void start_oscillator(void)
{
    const uint32_t before = board_ticks();
    CLOCK_EVENTS_HFCLKSTARTED = 0;
    CLOCK_TASKS_HFCLKSTART = 1;
    while (!oscillator_runs && board_ticks() - before < OSCILLATOR_TICKS) {
        oscillator_runs = CLOCK_EVENTS_HFCLKSTARTED != 0;
    }
}

/*
 * From revision 3 on a reset closes the debug port, and it takes both UICR.APPROTECT and the program to open
 * it: a program that does not leaves a probe only the way of erasing everything. Who has locked the chip by
 * UICR stays locked. Earlier revisions have no such register.
 */
static void open_debug_port(void)
{
    if (FICR_INFO_VARIANT_BUILD_CODE(FICR_INFO_VARIANT) >= BUILD_CODE_OF_REVISION_3) {
        APPROTECT_DISABLE = APPROTECT_DISABLE_SWDISABLE;
    }
}

void board_init(void)
{
    open_debug_port();
    NVMC_ICACHECNF = NVMC_ICACHECNF_CACHEEN;
    TIMER0_BITMODE = TIMER0_BITMODE_32BIT;
    TIMER0_PRESCALER = 0;
    TIMER0_TASKS_START = 1;
    start_oscillator();
    board_led(0);
    GPIO_PIN_CNF(PIN_LED) = GPIO_PIN_CNF_OUTPUT;
    serial_start();
    if (POWER_RESETREAS & POWER_RESETREAS_DOG) {
        static const char line[] = "{\"restart\":\"watchdog\"}\n";
        board_write(line, sizeof line - 1);
    }
    POWER_RESETREAS = POWER_RESETREAS; /* a one clears the bit, which would stay over the next reset */
}

int32_t board_audio_start(void)
{
    if (!oscillator_runs) {
        return BOARD_ERROR_CLOCK;
    }
    /* It starts the RC oscillator that it counts by, and nothing stops it again but a reset. */
    WDT_CRV = WATCHDOG_SECONDS * LFCLK_HZ - 1u;
    WDT_CONFIG = WDT_CONFIG_SLEEP_RUN;
    WDT_TASKS_START = 1;
    microphone_start();
    return BOARD_OK;
}

void board_led(int on)
{
    if ((on != 0) == LED_IS_ON_WHEN_HIGH) {
        GPIO_OUTSET(PIN_LED) = GPIO_BIT(PIN_LED);
    } else {
        GPIO_OUTCLR(PIN_LED) = GPIO_BIT(PIN_LED);
    }
}

void board_watchdog_feed(void)
{
    WDT_RR0 = WDT_RR_RELOAD;
}

uint32_t board_ticks(void)
{
    TIMER0_TASKS_CAPTURE0 = 1;
    return TIMER0_CC0;
}

uint32_t board_ticks_per_second(void)
{
    return TICKS_PER_SECOND;
}

void board_exit(int status)
{
    (void)status;
    serial_finish();
    sleep_forever(BOARD_INTERRUPTS);
}
