/*
 * Where boot2 goes: a vector table of two words and the code behind it, the only code that runs from
 * flash. It copies the program to RAM, where nothing waits for a serial flash, and starts it.
 *
 * A debug probe's reset is one of the core alone, and the boot ROM resets next to nothing: without a
 * reset of its own, the DMA would go on writing to where the program before had its buffers.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ RESETS_RESET_SET, 0x4000E000
    /* DMA, IO_BANK0, PADS_BANK0, PIO0, TIMER, UART0: what board_init lets out again */
    .equ PERIPHERALS, (1 << 2) | (1 << 5) | (1 << 8) | (1 << 10) | (1 << 21) | (1 << 22)

    .section .flash_start, "ax"
    .word board_stack_top
    .word flash_reset

    .type flash_reset, %function
    .thumb_func
flash_reset:
    ldr r0, =RESETS_RESET_SET
    ldr r1, =PERIPHERALS
    str r1, [r0]
    ldr r0, =board_text_load
    ldr r1, =board_text_start
    ldr r2, =board_text_end
1:
    ldr r3, [r0]
    str r3, [r1]
    adds r0, #4
    adds r1, #4
    cmp r1, r2
    blo 1b
    ldr r0, =board_reset
    bx r0
    .align 2
    .ltorg
