/*
 * What a frame costs on this core: runs the exported test vectors and writes one line of JSON with
 * the ticks that the front end, the network and the whole spotter took. The tool that reads it is
 * tools/bench_firmware.py.
 *
 * Under an emulator that advances its clock by a fixed time an instruction, ticks become
 * instructions through the calibration: a loop whose instructions are known.
 */
#include <string.h>

#include "board.h"
#include "kws/kws.h"
#include "kws/voice_gate.h"
#include "kws_model.h"
#include "kws_vectors.h"

#include "../require.h"
#include "../text.h"

#define CALIBRATION_TURNS 500000u
#define INSTRUCTIONS_A_TURN 2u
#define REPEATS 4u /* a tick is some tens of instructions: the more are counted, the less one matters */

static uint32_t calibrate(void)
{
    uint32_t turns = CALIBRATION_TURNS;
    const uint32_t before = board_ticks();
#if defined(__arm__)
    __asm volatile(".syntax unified\n"
                   "1: subs %0, %0, #1\n"
                   "bne 1b\n"
                   : "+l"(turns)
                   :
                   : "cc");
#else
#error "say here what a loop of two instructions looks like on this CPU"
#endif
    return board_ticks() - before;
}

static void field(text *line, const char *name, uint64_t value)
{
    text_string(line, line->length == 0 ? "{\"" : ",\"");
    text_string(line, name);
    text_string(line, "\":");
    text_unsigned(line, value, 1);
}

#if KWS_MODEL_HAS_FRONTEND

static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
static kws_spotter *spotter;

static uint32_t frontend_ticks(void)
{
    uint32_t ticks = 0;
    for (uint32_t i = 0; i < KWS_VECTORS_FRAMES; i++) {
        memcpy(spotter->pcm, kws_vectors_pcm + i * KWS_MODEL_HOP, KWS_MODEL_WINDOW * sizeof spotter->pcm[0]);
        const uint32_t before = board_ticks();
        kws_frontend_run(spotter->model->frontend, spotter->frontend, spotter->pcm, spotter->features);
        ticks += board_ticks() - before;
    }
    return ticks;
}

static uint32_t network_ticks(void)
{
    const int8_t *output;
    const uint32_t before = board_ticks();
    for (uint32_t i = 0; i < KWS_VECTORS_FRAMES; i++) {
        require(kws_network_run(&kws_model_network, spotter->network, kws_vectors_features[i], &output));
    }
    return board_ticks() - before;
}

static uint32_t process_ticks(void)
{
    kws_result result;
    const uint32_t before = board_ticks();
    for (uint32_t used = 0; used < KWS_VECTORS_SAMPLES;) {
        used += require(kws_spotter_process(spotter, kws_vectors_pcm + used, KWS_VECTORS_SAMPLES - used, &result));
    }
    return board_ticks() - before;
}

#if KWS_MODEL_HAS_GATE

#define SOFT_NOISE (kws_vectors_pcm + 1600) /* the vectors' second tenth of a second */
#define SOFT_SAMPLES 1600u
#define ASLEEP_FRAMES 100u

/* Feeds soft noise until the network sleeps, and goes on; the ticks of the frames that it slept through. */
static uint32_t asleep_ticks(void)
{
    uint32_t ticks = 0;
    uint32_t begun = 0; /* since the frame before was complete */
    for (uint32_t at = 0, frames = 0; frames < ASLEEP_FRAMES;) {
        kws_result result;
        const uint32_t before = board_ticks();
        at += require(kws_spotter_process(spotter, SOFT_NOISE + at, SOFT_SAMPLES - at, &result));
        begun += board_ticks() - before;
        at = at == SOFT_SAMPLES ? 0 : at;
        if (result.posteriors == NULL) {
            continue;
        }
        if (result.posteriors == kws_model_data.gate->asleep) {
            ticks += begun;
            frames++;
        }
        begun = 0;
    }
    return ticks;
}

#endif

static void measure(text *line)
{
    uint32_t frontend = 0, network = 0, process = 0;
    for (uint32_t i = 0; i < REPEATS; i++) {
        require(kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory));
        process += process_ticks();
        require(kws_spotter_reset(spotter));
        network += network_ticks();
        frontend += frontend_ticks();
    }
    field(line, "frames", KWS_VECTORS_FRAMES * REPEATS);
    field(line, "frontend", frontend);
    field(line, "network", network);
    field(line, "process", process);
#if KWS_MODEL_HAS_GATE
    require(kws_spotter_reset(spotter));
    field(line, "asleep_frames", ASLEEP_FRAMES);
    field(line, "asleep", asleep_ticks());
#endif
}

#else

static void measure(text *line)
{
    static kws_word memory[KWS_MODEL_NETWORK_WORDS];
    const int8_t *output;
    require(kws_network_reset(&kws_model_network, memory));
    const uint32_t before = board_ticks();
    for (uint32_t i = 0; i < REPEATS * KWS_VECTORS_CALLS; i++) {
        require(kws_network_run(&kws_model_network, memory, kws_vectors_input[i % KWS_VECTORS_CALLS], &output));
    }
    const uint32_t ticks = board_ticks() - before;
    field(line, "frames", KWS_VECTORS_CALLS * REPEATS);
    field(line, "network", ticks);
}

#endif

int main(void)
{
    text line = {.length = 0};
    field(&line, "calibration_instructions", CALIBRATION_TURNS * INSTRUCTIONS_A_TURN);
    field(&line, "calibration", calibrate());
    measure(&line);
    text_string(&line, "}");
    text_end(&line);
    return 0;
}
