/*
 * What the start-up needs of a board, and the core's registers that boards use, named as in Arm's
 * architecture reference manuals for Armv6-M and Armv7-M.
 *
 * A board's interrupts.h says how many interrupts it has and who handles them:
 *
 *     #define BOARD_INTERRUPTS 48
 *     #define BOARD_HANDLERS(at) [at(2)] = uarte0_interrupt, [at(29)] = pdm_interrupt
 *     void uarte0_interrupt(void);
 *     void pdm_interrupt(void);
 */
#ifndef KWS_CORTEX_M_H
#define KWS_CORTEX_M_H

#include <stdint.h>

#define NVIC_ISER(interrupt) (*(volatile uint32_t *)(0xE000E100u + 4u * ((interrupt) / 32u)))
#define NVIC_ICER(interrupt) (*(volatile uint32_t *)(0xE000E180u + 4u * ((interrupt) / 32u)))
#define NVIC_BIT(interrupt) (1u << ((interrupt) % 32u))
#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08u)
#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_CP10_CP11_FULL (15u << 20) /* floating point and vectors; none after a reset */
#define SCB_CFSR (*(volatile uint32_t *)0xE000ED28u)

/* Addresses, from the linker script; there is nothing behind the names. */
extern uint32_t board_stack_bottom[], board_stack_top[];
extern uint32_t board_vectors[];

/*
 * Called with a line that tells of a fault, ending in a line end: write it without interrupts, as
 * nothing else runs any more.
 */
void board_fault_write(const char *line);

static inline void enable_interrupt(uint32_t interrupt)
{
    NVIC_ISER(interrupt) = NVIC_BIT(interrupt);
}

static inline void disable_interrupts(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static inline void enable_interrupts(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

/* An interrupt ends the sleep even where it is disabled here, so that none slips in before it. */
static inline void wait_for_interrupt(void)
{
    __asm volatile("dsb\n wfi" ::: "memory");
}

/* For good. An interrupt that is enabled and never taken would end every sleep; `count` is BOARD_INTERRUPTS. */
__attribute__((noreturn)) static inline void sleep_forever(uint32_t count)
{
    disable_interrupts();
    for (uint32_t interrupt = 0; interrupt < count; interrupt += 32u) {
        NVIC_ICER(interrupt) = NVIC_ISER(interrupt); /* those that are enabled */
    }
    for (;;) {
        wait_for_interrupt();
    }
}

#endif
