/*
 * UARTE0. What is written is copied and sent by EasyDMA while the app goes on; what arrives goes to a
 * ring, a byte an interrupt, which is early enough even at 1 MBd thanks to the receiver's own FIFO.
 */
#include <string.h>

#include "board.h"
#include "cortex_m.h"
#include "interrupts.h"
#include "pins.h"
#include "serial.h"

#if BOARD_BAUD == 115200
#define BAUDRATE UARTE0_BAUDRATE_115200
#elif BOARD_BAUD == 1000000
#define BAUDRATE UARTE0_BAUDRATE_1M
#else
#error "BAUD must be 115200 or 1000000"
#endif

#define SENDING_BYTES 128u
#define RECEIVED_BYTES 256u /* divides 2^32 */

static uint8_t sending[SENDING_BYTES]; /* in RAM, where alone EasyDMA reads */
static volatile int busy;              /* whether `sending` is being sent */
static uint8_t received_byte;
static uint8_t received[RECEIVED_BYTES];
static volatile uint32_t received_count;
static uint32_t read_count;

void uarte0_interrupt(void)
{
    while (UARTE0_EVENTS_ENDRX) {
        UARTE0_EVENTS_ENDRX = 0;
        received[received_count % RECEIVED_BYTES] = *(volatile uint8_t *)&received_byte;
        received_count++;
        UARTE0_TASKS_STARTRX = 1;
    }
    if (UARTE0_EVENTS_ENDTX) {
        UARTE0_EVENTS_ENDTX = 0;
        busy = 0;
    }
    (void)UARTE0_EVENTS_ENDTX; /* the writes arrive before the handler returns, or it would be called again */
}

void serial_start(void)
{
    GPIO_OUTSET(PIN_UART_TX) = GPIO_BIT(PIN_UART_TX);
    GPIO_PIN_CNF(PIN_UART_TX) = GPIO_PIN_CNF_OUTPUT;
    GPIO_PIN_CNF(PIN_UART_RX) = GPIO_PIN_CNF_INPUT_PULLUP;
    UARTE0_PSEL_TXD = PIN_UART_TX;
    UARTE0_PSEL_RXD = PIN_UART_RX;
    UARTE0_BAUDRATE = BAUDRATE;
    UARTE0_ENABLE = UARTE0_ENABLE_ENABLED;
    UARTE0_RXD_PTR = (uint32_t)(uintptr_t)&received_byte;
    UARTE0_RXD_MAXCNT = 1;
    UARTE0_INTENSET = UARTE0_INT_ENDRX | UARTE0_INT_ENDTX;
    enable_interrupt(UARTE0_INTERRUPT);
    UARTE0_TASKS_STARTRX = 1;
}

size_t board_read(void *buffer, size_t capacity)
{
    uint8_t *to = (uint8_t *)buffer;
    size_t count = 0;
    disable_interrupts();
    while (received_count == read_count) {
        wait_for_interrupt();
        enable_interrupts();
        disable_interrupts();
    }
    enable_interrupts();
    if (received_count - read_count > RECEIVED_BYTES) {
        read_count = received_count - RECEIVED_BYTES; /* the older ones are overwritten */
    }
    while (count < capacity && read_count != received_count) {
        to[count++] = received[read_count++ % RECEIVED_BYTES];
    }
    return count;
}

int board_input_waiting(void)
{
    return received_count != read_count;
}

static void wait_until_sent(void)
{
    disable_interrupts();
    while (busy) {
        wait_for_interrupt();
        enable_interrupts();
        disable_interrupts();
    }
    enable_interrupts();
}

static void send(const uint8_t *data, size_t count)
{
    memcpy(sending, data, count);
    __asm volatile("dmb" ::: "memory"); /* in memory before the DMA reads it */
    busy = 1;
    UARTE0_TXD_PTR = (uint32_t)(uintptr_t)sending;
    UARTE0_TXD_MAXCNT = (uint32_t)count;
    UARTE0_TASKS_STARTTX = 1;
}

void board_write(const void *data, size_t count)
{
    const uint8_t *from = (const uint8_t *)data;
    while (count > 0) {
        const size_t part = count < SENDING_BYTES ? count : SENDING_BYTES;
        wait_until_sent();
        send(from, part);
        from += part;
        count -= part;
    }
}

void serial_finish(void)
{
    while (busy) {
        /* With interrupts enabled the handler may be first to see the event. */
        if (UARTE0_EVENTS_ENDTX) {
            UARTE0_EVENTS_ENDTX = 0;
            busy = 0;
        }
    }
}

void board_fault_write(const char *line)
{
    disable_interrupts();
    while (*line != '\0') {
        size_t part = 0;
        while (part < SENDING_BYTES && line[part] != '\0') {
            part++;
        }
        serial_finish();
        send((const uint8_t *)line, part);
        line += part;
    }
    serial_finish();
}
