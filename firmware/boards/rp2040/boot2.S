/*
 * The second-stage boot loader: the boot ROM copies the flash's first 256 bytes to the end of SRAM,
 * checks that the last four are the CRC-32 of the others, and calls the first. It makes the flash
 * readable as memory and starts the program behind it.
 *
 * Read data (03h) with 24 address bits, one line, no dummy cycles: what every serial flash knows, the
 * Pico's W25Q16JV up to 50 MHz. At the 125 MHz to come the flash's clock is a quarter, 31.25 MHz. The
 * program runs from RAM, so that nothing but its start is as slow as this.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ XIP_SSI, 0x18000000
    .equ SSI_CTRLR0, 0x00
    .equ SSI_CTRLR1, 0x04
    .equ SSI_SSIENR, 0x08
    .equ SSI_SER, 0x10
    .equ SSI_BAUDR, 0x14
    .equ XIP_SSI_SPI_CTRLR0, 0x180000F4
    /* SPI_FRF standard, DFS_32 32 bits, TMOD EEPROM read */
    .equ CTRLR0_VALUE, (0 << 21) | (31 << 16) | (3 << 8)
    /* XIP_CMD 03h, no WAIT_CYCLES, INST_L 8 bits, ADDR_L six nibbles, TRANS_TYPE all on one line */
    .equ SPI_CTRLR0_VALUE, (0x03 << 24) | (0 << 11) | (2 << 8) | (6 << 2) | 0
    .equ VTOR, 0xE000ED08
    .equ PROGRAM, 0x10000100

    .section .boot2, "ax"
    .global boot2
    .type boot2, %function
    .thumb_func
boot2:
    push {lr}
    ldr r3, =XIP_SSI
    movs r0, #0
    movs r1, #1
    str r0, [r3, #SSI_SSIENR]       /* the registers change only while it is off */
    movs r2, #4
    str r2, [r3, #SSI_BAUDR]
    ldr r2, =CTRLR0_VALUE
    str r2, [r3, #SSI_CTRLR0]
    str r0, [r3, #SSI_CTRLR1]       /* one word at a time */
    ldr r2, =SPI_CTRLR0_VALUE
    ldr r0, =XIP_SSI_SPI_CTRLR0
    str r2, [r0]
    str r1, [r3, #SSI_SER]
    str r1, [r3, #SSI_SSIENR]
    pop {r0}
    cmp r0, #0                      /* the boot ROM calls with 0; a program that wants the flash back, with its own */
    beq 1f
    bx r0
1:
    ldr r0, =PROGRAM
    ldr r1, =VTOR
    str r0, [r1]
    ldmia r0!, {r1, r2}
    msr msp, r1
    bx r2
    .align 2
    .ltorg
