#include "pdm_queue.h"

#include <string.h>

static kws_decimator decimator;
static int16_t queue[PDM_QUEUE_BLOCKS][PDM_BLOCK_SAMPLES];
/* Blocks since the start, modulo 2^32; the difference is what the queue holds. */
static volatile uint32_t produced;
static volatile uint32_t consumed;
static volatile uint32_t overruns;
static uint32_t taken; /* samples of the oldest block that were moved already */

/* What was written to memory before is there before what is written after it. */
static inline void publish(void)
{
    __asm volatile("dmb" ::: "memory");
}

void pdm_queue_start(uint32_t gain)
{
    (void)kws_decimator_init(&decimator, gain);
    produced = 0;
    consumed = 0;
    overruns = 0;
    taken = 0;
}

void pdm_queue_put(const uint8_t *bits)
{
    if (produced - consumed == PDM_QUEUE_BLOCKS) {
        overruns++;
        return;
    }
    (void)kws_decimator_process(&decimator, bits, PDM_BLOCK_BYTES, queue[produced % PDM_QUEUE_BLOCKS],
                                PDM_BLOCK_SAMPLES);
    publish();
    produced++;
}

void pdm_queue_lost(uint32_t blocks)
{
    overruns += blocks;
}

int pdm_queue_ready(void)
{
    return produced != consumed;
}

size_t pdm_queue_get(int16_t *pcm, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && pdm_queue_ready()) {
        const size_t left = PDM_BLOCK_SAMPLES - taken;
        const size_t part = left < capacity - count ? left : capacity - count;
        memcpy(pcm + count, queue[consumed % PDM_QUEUE_BLOCKS] + taken, part * sizeof pcm[0]);
        count += part;
        taken += (uint32_t)part;
        if (taken == PDM_BLOCK_SAMPLES) {
            taken = 0;
            publish();
            consumed++;
        }
    }
    return count;
}

uint32_t pdm_queue_overruns(void)
{
    return overruns;
}
