/* Which frames the network hears: docs/SPEC.md, "Voice gate". Twin of kws/fixedpoint/voice_gate.py. */
#include "kws/voice_gate.h"

#include <string.h>

#define FLOOR_ONE 256
#define HIGHEST_FLOOR (127 * FLOOR_ONE)

static int16_t *floors_of(void *memory)
{
    return (int16_t *)((kws_voice_gate_state *)memory + 1);
}

void kws_voice_gate_reset(const kws_model *model, void *memory)
{
    kws_voice_gate_state *state = (kws_voice_gate_state *)memory;
    state->hold = model->gate->settle_frames;
    state->oldest = 0;
    state->count = 0;
    for (uint32_t i = 0; i < model->gate->bands; i++) {
        floors_of(memory)[i] = HIGHEST_FLOOR;
    }
}

/* Whether the frame is loud; the floors follow it. */
static int is_loud(const kws_voice_gate *gate, int16_t *floors, const int8_t *features)
{
    const int32_t margin = gate->margin, rise = gate->rise, lowest = gate->lowest;
    int32_t excess = 0;
    for (uint32_t i = 0; i < gate->bands; i++) {
        /* GATE/1 */
        int32_t level = floors[i];
        const int32_t above = features[i] * FLOOR_ONE - level;
        if (above > margin) {
            excess += above - margin;
        }
        /* GATE/2 */
        if (above > 0) {
            level += above < rise ? above : rise;
        } else {
            level += above >> gate->fall_shift;
        }
        floors[i] = (int16_t)(level < lowest ? lowest : level);
    }
    return excess >= gate->limit;
}

const int8_t *kws_voice_gate_run(const kws_model *model, void *memory, void *network, const int8_t *features)
{
    const kws_voice_gate *gate = model->gate;
    kws_voice_gate_state *state = (kws_voice_gate_state *)memory;
    int16_t *floors = floors_of(memory);
    int8_t *queue = (int8_t *)(floors + gate->bands);
    /* GATE/3 */
    if (state->hold > 0) {
        state->hold--;
    }
    if (is_loud(gate, floors, features) && state->hold < gate->hold_frames) {
        state->hold = gate->hold_frames;
    }
    /* GATE/4 */
    uint32_t place = (uint32_t)state->oldest + state->count;
    if (place >= gate->places) {
        place -= gate->places;
    }
    memcpy(queue + place * gate->bands, features, gate->bands);
    if (state->count < gate->places) {
        state->count++;
    } else {
        state->oldest = (uint16_t)(state->oldest + 1u < gate->places ? state->oldest + 1u : 0u);
    }
    /* GATE/5 */
    if (state->hold == 0) {
        return gate->asleep;
    }
    /* GATE/6 */
    const int8_t *posteriors = gate->asleep;
    for (uint32_t call = 0; call < gate->calls && state->count > 0; call++) {
        (void)kws_network_run(model->network, network, queue + state->oldest * gate->bands, &posteriors);
        state->oldest = (uint16_t)(state->oldest + 1u < gate->places ? state->oldest + 1u : 0u);
        state->count--;
    }
    return posteriors;
}
