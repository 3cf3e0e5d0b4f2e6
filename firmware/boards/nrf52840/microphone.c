/*
 * The PDM peripheral writes blocks of samples by EasyDMA to two buffers in turn, and an interrupt
 * counts them. Block n lies in buffer n % 2 from its end until block n + 1 has ended, which is one
 * block's time, and the app needs it for as long as copying takes: so a frame's computation may last
 * nearly two blocks, a frame's time, and nothing is lost.
 */
#include <string.h>

#include "board.h"
#include "cortex_m.h"
#include "interrupts.h"
#include "microphone.h"
#include "pins.h"

#define BLOCK_SAMPLES 160u /* 10 ms */

static int16_t blocks[2][BLOCK_SAMPLES];
static volatile uint32_t written; /* blocks that the peripheral has ended */
static volatile uint32_t next;    /* the block that the app reads next; at most one behind `written` */
static volatile uint32_t overruns;
static uint32_t taken; /* samples of block `next` that the app has already */

void pdm_interrupt(void)
{
    if (PDM_EVENTS_END) {
        PDM_EVENTS_END = 0;
        written++;
        if (written - next > 1) {
            /* The buffer of that block is being overwritten now. */
            next++;
            overruns++;
        }
    }
    if (PDM_EVENTS_STARTED) {
        PDM_EVENTS_STARTED = 0;
        /* Block `written` has begun; the pointer is taken over when it ends. */
        PDM_SAMPLE_PTR = (uint32_t)(uintptr_t)blocks[(written + 1u) % 2u];
    }
    (void)PDM_EVENTS_STARTED; /* the writes arrive before the handler returns, or it would be called again */
}

void microphone_start(void)
{
#if defined(PIN_PDM_POWER)
    GPIO_OUTSET(PIN_PDM_POWER) = GPIO_BIT(PIN_PDM_POWER);
    GPIO_PIN_CNF(PIN_PDM_POWER) = GPIO_PIN_CNF_OUTPUT;
#endif
    GPIO_OUTCLR(PIN_PDM_CLK) = GPIO_BIT(PIN_PDM_CLK);
    GPIO_PIN_CNF(PIN_PDM_CLK) = GPIO_PIN_CNF_OUTPUT;
    GPIO_PIN_CNF(PIN_PDM_DIN) = GPIO_PIN_CNF_INPUT;
    PDM_PSEL_CLK = PIN_PDM_CLK;
    PDM_PSEL_DIN = PIN_PDM_DIN;
    /* 32 MHz / 25 / 80 = 16 kHz exactly. */
    PDM_PDMCLKCTRL = PDM_PDMCLKCTRL_1280K;
    PDM_RATIO = PDM_RATIO_80;
    PDM_MODE = PDM_MODE_MONO_LEFTFALLING;
    PDM_GAINL = MICROPHONE_GAIN;
    PDM_GAINR = MICROPHONE_GAIN;
    PDM_SAMPLE_PTR = (uint32_t)(uintptr_t)blocks[0];
    PDM_SAMPLE_MAXCNT = BLOCK_SAMPLES;
    PDM_INTENSET = PDM_INT_STARTED | PDM_INT_END;
    PDM_ENABLE = PDM_ENABLE_ENABLED;
    enable_interrupt(PDM_INTERRUPT);
    PDM_TASKS_START = 1;
}

size_t board_audio_read(int16_t *pcm, size_t capacity)
{
    static uint32_t block; /* the one that `taken` is of */
    for (;;) {
        disable_interrupts();
        while (next == written) {
            wait_for_interrupt();
            enable_interrupts();
            disable_interrupts();
        }
        if (block != next) {
            block = next;
            taken = 0;
        }
        enable_interrupts();
        const size_t left = BLOCK_SAMPLES - taken;
        const size_t count = capacity < left ? capacity : left;
        memcpy(pcm, blocks[block % 2u] + taken, count * sizeof pcm[0]);
        disable_interrupts();
        const int intact = next == block;
        if (intact) {
            taken += (uint32_t)count;
            if (taken == BLOCK_SAMPLES) {
                next++;
            }
        }
        enable_interrupts();
        if (intact) {
            return count;
        }
    }
}

uint32_t board_audio_overruns(void)
{
    return overruns;
}
