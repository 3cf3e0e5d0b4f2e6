/* The clock of Arm's MPS2 boards as FPGA images AN385, AN386 and AN500 have it. */
#ifndef KWS_CLOCK_H
#define KWS_CLOCK_H

#include <stdint.h>

/* CMSDK APB timer 0: counts down from RELOAD at the 25 MHz system clock, all 32 bits. */
#define TIMER_BASE 0x40000000u
#define TIMER_CTRL (*(volatile uint32_t *)(TIMER_BASE + 0x0u))
#define TIMER_VALUE (*(volatile uint32_t *)(TIMER_BASE + 0x4u))
#define TIMER_RELOAD (*(volatile uint32_t *)(TIMER_BASE + 0x8u))
#define TIMER_ENABLE 1u
#define CLOCK_HZ 25000000u

static inline void clock_start(void)
{
    TIMER_CTRL = 0;
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CTRL = TIMER_ENABLE;
}

static inline uint32_t clock_ticks(void)
{
    return UINT32_MAX - TIMER_VALUE;
}

#endif
