/*
 * From a PDM microphone's DMA buffer to board_audio_read: the interrupt handler makes samples of each
 * block of bits as it comes in and queues them; the main program takes them when it has time. So a
 * network or a line on the UART may take as long as the queue is, while the DMA buffer stays short.
 *
 * One producer, the interrupt handler, and one consumer, the main program, on one core.
 */
#ifndef KWS_PDM_QUEUE_H
#define KWS_PDM_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "kws/decimator.h"

#define PDM_BLOCK_SAMPLES 64u /* 4 ms: how long an interrupt may be late */
#define PDM_BLOCK_BYTES (PDM_BLOCK_SAMPLES * KWS_DECIMATOR_BYTES_PER_SAMPLE)
#define PDM_QUEUE_BLOCKS 8u   /* 32 ms: how long the main program may be late; a power of two */

/* Empty the queue and start a stream. `gain` is kws_decimator_init's. */
void pdm_queue_start(uint32_t gain);

/* From the interrupt handler: PDM_BLOCK_BYTES bytes, bits as kws_decimator_process takes them. */
void pdm_queue_put(const uint8_t *bits);

/* From the interrupt handler: `blocks` blocks were overwritten before the handler came to see them. */
void pdm_queue_lost(uint32_t blocks);

/* Whether pdm_queue_get would move anything. */
int pdm_queue_ready(void);

/* Move at most `capacity` samples to `pcm`; returns how many. */
size_t pdm_queue_get(int16_t *pcm, size_t capacity);

/* Blocks lost since the start: overwritten in the DMA buffer, or with no room in the queue. */
uint32_t pdm_queue_overruns(void);

#endif
