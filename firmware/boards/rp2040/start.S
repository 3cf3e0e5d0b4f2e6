/*
 * Where boot2 goes: a vector table of two words and the code behind it, the only code that runs from
 * flash. It copies the program to RAM, where nothing waits for a serial flash, and starts it.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .section .flash_start, "ax"
    .word board_stack_top
    .word flash_reset

    .type flash_reset, %function
    .thumb_func
flash_reset:
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
