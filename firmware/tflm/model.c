/*
 * The exported model without its network: front end, decision and labels are taken from the
 * generated source, and the linker drops the C copy of the weights, to which nothing refers.
 */
#define kws_model_data kws_model_data_with_network
#include "kws_model.c"
#undef kws_model_data

extern const kws_model kws_model_data;
const kws_model kws_model_data = {
    .format = KWS_MODEL_FORMAT,
    .arch = KWS_ARCH,
    .frontend = &frontend,
    .network = NULL,
    .decision = &decision,
    .labels = labels,
    .label_count = KWS_MODEL_NAMES,
    .network_bytes = 0,
#if KWS_MODEL_HAS_GATE
    .gate = &voice_gate,
    .gate_bytes = KWS_MODEL_GATE_BYTES,
#endif
};
