/* The clock of an nRF51822: nRF51 Series Reference Manual, "Timer/counter (TIMER)". */
#ifndef KWS_CLOCK_H
#define KWS_CLOCK_H

#include <stdint.h>

/* TIMER0, the one with 32 bits, at 16 MHz; a capture copies the count to CC[0]. */
#define TIMER0_BASE 0x40008000u
#define TIMER0_TASKS_START (*(volatile uint32_t *)(TIMER0_BASE + 0x000u))
#define TIMER0_TASKS_CAPTURE0 (*(volatile uint32_t *)(TIMER0_BASE + 0x040u))
#define TIMER0_MODE (*(volatile uint32_t *)(TIMER0_BASE + 0x504u))
#define TIMER0_BITMODE (*(volatile uint32_t *)(TIMER0_BASE + 0x508u))
#define TIMER0_PRESCALER (*(volatile uint32_t *)(TIMER0_BASE + 0x510u))
#define TIMER0_CC0 (*(volatile uint32_t *)(TIMER0_BASE + 0x540u))
#define TIMER_MODE_TIMER 0u
#define TIMER_BITMODE_32BIT 3u
#define CLOCK_HZ 16000000u

static inline void clock_start(void)
{
    TIMER0_MODE = TIMER_MODE_TIMER;
    TIMER0_BITMODE = TIMER_BITMODE_32BIT;
    TIMER0_PRESCALER = 0;
    TIMER0_TASKS_START = 1;
}

static inline uint32_t clock_ticks(void)
{
    TIMER0_TASKS_CAPTURE0 = 1;
    return TIMER0_CC0;
}

#endif
