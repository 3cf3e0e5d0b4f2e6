/* The constants of a voice gate, which `kws export` fills in, and its state: docs/SPEC.md, "Voice gate". */
#ifndef KWS_VOICE_GATE_H
#define KWS_VOICE_GATE_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kws_voice_gate {
    const int8_t *asleep;  /* [labels], the posteriors of a frame that the network sleeps through */
    int32_t limit;         /* of the sum over the bands of what exceeds floor and margin, Q.8 */
    int32_t margin;        /* Q.8 */
    int32_t rise;          /* of a floor in a frame, Q.8 */
    int32_t lowest;        /* floor, Q.8 */
    uint16_t hold_frames;  /* that the network is awake from a loud frame on */
    uint16_t settle_frames; /* that it is awake after a reset, hold_frames or more */
    uint16_t bands;
    uint16_t places;       /* newest frames that are kept while it sleeps */
    uint8_t calls;         /* of the network in a frame, at most */
    uint8_t fall_shift;
};

/* The first part of its memory; int16_t floors[bands] and int8_t queue[places][bands] follow. */
typedef struct kws_voice_gate_state {
    uint16_t hold;   /* frames left to be awake */
    uint16_t oldest; /* place of the oldest frame that waits */
    uint16_t count;  /* frames that wait */
} kws_voice_gate_state;

#define KWS_VOICE_GATE_BYTES(bands, places) \
    (KWS_SIZEOF(kws_voice_gate_state) + 2u * (bands) + 1u * (places) * (bands))

void kws_voice_gate_reset(const kws_model *model, void *memory);
const int8_t *kws_voice_gate_run(const kws_model *model, void *memory, void *network, const int8_t *features);

#ifdef __cplusplus
}
#endif

#endif
