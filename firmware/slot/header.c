/* The header in front of a model that is linked on its own. The builder fills in bytes and crc. */
#include "kws/model_slot.h"
#include "kws_model.h"

#if !KWS_MODEL_HAS_FRONTEND
#error "this model is a bare network, which cannot hear, so it cannot be put into the model slot"
#endif

typedef char kws_assert_header[(sizeof(kws_slot_header) == 64u) ? 1 : -1];
typedef char kws_assert_id[(sizeof KWS_MODEL_ID <= sizeof((kws_slot_header *)0)->id) ? 1 : -1];

extern const kws_slot_header kws_slot;

__attribute__((section(".slot_header"), used)) const kws_slot_header kws_slot = {
    .magic = KWS_SLOT_MAGIC,
    .version = KWS_SLOT_VERSION,
    .address = &kws_slot,
    .model = &kws_model_data,
    .ram_bytes = KWS_MODEL_SPOTTER_BYTES,
    .format = KWS_MODEL_FORMAT,
    .arch = KWS_ARCH,
    .id = KWS_MODEL_ID,
};
