/* From reset to main(), and what happens on a fault. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "semihosting.h"

/* Addresses, from the linker script; there is nothing behind the names. */
extern uint32_t board_stack_top[];
extern uint8_t board_data_start[], board_data_end[], board_data_load[];
extern uint8_t board_bss_start[], board_bss_end[];

int main(void);
void board_reset(void);
void board_fault(void);
void board_fault_report(const uint32_t *frame);

/* The Armv7-M exceptions; the board's interrupts follow them and are never enabled. */
typedef struct vector_table {
    uint32_t *stack_top;
    void (*handlers[15])(void);
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
    },
};

void board_reset(void)
{
    memcpy(board_data_start, board_data_load, (uintptr_t)board_data_end - (uintptr_t)board_data_start);
    memset(board_bss_start, 0, (uintptr_t)board_bss_end - (uintptr_t)board_bss_start);
    board_init();
    board_exit(main());
}

/* Naked, because the exception frame lies where the stack pointer is before any prologue. */
__attribute__((naked)) void board_fault(void)
{
    __asm volatile("mrs r0, msp\n"
                   "b board_fault_report\n");
}

static void hexadecimal(char *text, uint32_t value)
{
    for (uint32_t i = 0; i < 8; i++) {
        text[i] = "0123456789abcdef"[(value >> (28u - 4u * i)) & 15u];
    }
}

void board_fault_report(const uint32_t *frame)
{
    static char message[] = "board: fault at pc xxxxxxxx, exception xxxxxxxx, fault status xxxxxxxx\n";
    uint32_t exception;
    __asm volatile("mrs %0, ipsr" : "=r"(exception));
    hexadecimal(message + 19, frame[6]);
    hexadecimal(message + 39, exception);
    hexadecimal(message + 62, *(const volatile uint32_t *)0xE000ED28u); /* CFSR */
    semihosting_call(SEMIHOSTING_WRITE0, message);
    board_exit(255);
}
