/* From reset to main(), and what happens on a fault; for Armv6-M and Armv7-M. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "cortex_m.h"
#include "interrupts.h"

extern uint8_t board_data_start[], board_data_end[], board_data_load[];
extern uint8_t board_bss_start[], board_bss_end[];

int main(void);
void board_reset(void);
void board_fault(void);
void board_fault_report(const uint32_t *frame);

#define EXCEPTIONS 15u
#define AT(interrupt) (EXCEPTIONS + (interrupt))

/* The architecture's exceptions, then the board's interrupts. One without a handler is never enabled. */
typedef struct vector_table {
    uint32_t *stack_top;
    void (*handlers[EXCEPTIONS + BOARD_INTERRUPTS])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    board_stack_top,
    {
        board_reset,
        board_fault, /* NMI */
        board_fault, /* HardFault */
        board_fault, /* MemManage */
        board_fault, /* BusFault */
        board_fault, /* UsageFault */
        NULL,
        NULL,
        NULL,
        NULL,
        board_fault, /* SVCall */
        board_fault, /* DebugMonitor */
        NULL,
        board_fault, /* PendSV */
        board_fault, /* SysTick */
        BOARD_HANDLERS(AT)
    },
};

void board_reset(void)
{
#if defined(__ARM_FEATURE_MVE)
    /* Before anything else: the library's own memset has vector instructions. */
    SCB_CPACR |= CPACR_CP10_CP11_FULL;
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    /* A boot loader may have left the vectors with itself and interrupts disabled. */
    SCB_VTOR = (uint32_t)(uintptr_t)board_vectors;
    memcpy(board_data_start, board_data_load, (uintptr_t)board_data_end - (uintptr_t)board_data_start);
    memset(board_bss_start, 0, (uintptr_t)board_bss_end - (uintptr_t)board_bss_start);
    enable_interrupts();
    board_init();
    board_exit(main());
}

/* Naked, because the exception frame lies where the stack pointer is before any prologue. */
__attribute__((naked)) void board_fault(void)
{
    __asm volatile("mrs r0, msp\n"
                   "bl board_fault_report\n" ::: "memory");
}

static void hexadecimal(char *text, uint32_t value)
{
    for (uint32_t i = 0; i < 8; i++) {
        text[i] = "0123456789abcdef"[(value >> (28u - 4u * i)) & 15u];
    }
}

/* Called from assembler alone, which a link-time optimiser does not see. */
__attribute__((used)) void board_fault_report(const uint32_t *frame)
{
    static char line[] = "{\"error\":\"fault at pc xxxxxxxx, exception xxxxxxxx, status xxxxxxxx\"}\n";
    uint32_t exception;
    __asm volatile("mrs %0, ipsr" : "=r"(exception));
    hexadecimal(line + 22, frame[6]);
    hexadecimal(line + 42, exception);
#if defined(__ARM_ARCH_6M__)
    hexadecimal(line + 59, 0); /* Armv6-M does not say what the fault was */
#else
    hexadecimal(line + 59, SCB_CFSR);
#endif
    board_fault_write(line);
    board_exit(255);
}
