/* The clock of Arm's MPS3 with FPGA image AN547: the system counter of the Corstone SSE-300 subsystem. */
#ifndef KWS_CLOCK_H
#define KWS_CLOCK_H

#include <stdint.h>

#define CNTCR (*(volatile uint32_t *)0x58100000u)    /* counter control register, secure alias */
#define CNTCV_LOW (*(volatile uint32_t *)0x58101000u) /* count, bits 31 to 0 */
#define CNTCR_EN 1u
#define CLOCK_HZ 32000000u

static inline void clock_start(void)
{
    CNTCR = CNTCR_EN;
}

static inline uint32_t clock_ticks(void)
{
    return CNTCV_LOW;
}

#endif
