#include "pdm_board.h"

#include "board.h"

#include "cortex_m.h"
#include "interrupts.h"
#include "pdm_queue.h"

byte_ring pdm_board_received;
byte_ring pdm_board_sending;

static void sleep_until(int (*ready)(void))
{
    for (;;) {
        disable_interrupts();
        const int done = ready();
        if (!done) {
            wait_for_interrupt();
        }
        enable_interrupts();
        if (done) {
            return;
        }
    }
}

size_t board_audio_read(int16_t *pcm, size_t capacity)
{
    sleep_until(pdm_queue_ready);
    return pdm_queue_get(pcm, capacity);
}

uint32_t board_audio_overruns(void)
{
    return pdm_queue_overruns();
}

static int has_received(void)
{
    return !byte_ring_empty(&pdm_board_received);
}

size_t board_read(void *buffer, size_t capacity)
{
    uint8_t *bytes = (uint8_t *)buffer;
    size_t count = 0;
    sleep_until(has_received);
    while (count < capacity && has_received()) {
        bytes[count++] = byte_ring_take(&pdm_board_received);
    }
    return count;
}

int board_input_waiting(void)
{
    return has_received();
}

static int has_room(void)
{
    return !byte_ring_full(&pdm_board_sending);
}

/* The interrupt sends; this waits only for room. */
void board_write(const void *data, size_t count)
{
    const uint8_t *bytes = (const uint8_t *)data;
    for (size_t i = 0; i < count; i++) {
        sleep_until(has_room);
        byte_ring_put(&pdm_board_sending, bytes[i]);
        disable_interrupts();
        pdm_board_start_sending();
        enable_interrupts();
    }
}

void board_exit(int status)
{
    (void)status;
    disable_interrupts();
    pdm_board_send_all();
    sleep_forever(BOARD_INTERRUPTS);
}

/* What was to be sent before comes before it. */
void board_fault_write(const char *line)
{
    disable_interrupts();
    pdm_board_send_all();
    while (*line != '\0') {
        byte_ring_put(&pdm_board_sending, (uint8_t)*line++);
        pdm_board_send_all();
    }
}
