/*
 * A model in a region of flash of its own, which can be replaced without touching the program:
 * docs/SPEC.md, "Model slot". `kws build BOARD --model MODEL --model-slot` makes both.
 *
 *     const kws_model *model;
 *     int32_t code = kws_slot_check(slot, slot_bytes, sizeof memory, &model);
 *     if (code == KWS_OK) code = kws_spotter_init(&spotter, model, memory, sizeof memory);
 *     else puts(kws_slot_error_name(code));
 *
 * The structures point to each other by absolute addresses of 32 bits, so only the address that the
 * slot was linked for will do.
 */
#ifndef KWS_MODEL_SLOT_H
#define KWS_MODEL_SLOT_H

#include "kws/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KWS_SLOT_MAGIC 0x4D53574Bu /* "KWSM" in memory */
#define KWS_SLOT_VERSION 1u

/* What lies at the slot's start; all numbers are little-endian. The model follows at once. */
typedef struct kws_slot_header {
    uint32_t magic;   /* KWS_SLOT_MAGIC */
    uint32_t version; /* KWS_SLOT_VERSION: of this structure */
    uint32_t bytes;   /* of header and model together; a multiple of 4 */
    uint32_t crc;     /* kws_crc32 of all that follows this field */
    const struct kws_slot_header *address; /* where this header must lie */
    const kws_model *model;                /* inside the slot */
    uint32_t ram_bytes;                    /* that the model's spotter needs */
    uint16_t format;                       /* KWS_MODEL_FORMAT: of the structures behind `model` */
    uint16_t arch;                         /* KWS_ARCH: how the weights are laid out */
    char id[32];                           /* KWS_MODEL_ID, filled up with zeros */
} kws_slot_header;

/* What kws_slot_check finds wrong, the first of it. */
enum {
    KWS_ERROR_SLOT_ABSENT = -20,  /* there is no header: the slot is empty or holds something else */
    KWS_ERROR_SLOT_VERSION = -21, /* the header is of another version than this program knows */
    KWS_ERROR_SLOT_SIZE = -22,    /* it says it is longer than the slot */
    KWS_ERROR_SLOT_CORRUPT = -23, /* the CRC or a length is wrong: damaged, or written in part */
    KWS_ERROR_SLOT_ARCH = -24,    /* the weights are laid out for another core */
    KWS_ERROR_SLOT_FORMAT = -25,  /* the model's structures are of another version of the library */
    KWS_ERROR_SLOT_ADDRESS = -26, /* it was linked for another place */
    KWS_ERROR_SLOT_MEMORY = -27   /* the model needs more RAM than this program has kept for it */
};

/*
 * Look at the slot and point `*model` to its model. Nothing but the header is believed before the
 * CRC has been found right.
 *
 * slot        the slot's start
 * slot_bytes  the slot's length
 * ram_bytes   what there is for kws_spotter_init
 *
 * Returns KWS_OK; or what is wrong, and leaves `*model` as it is.
 */
int32_t kws_slot_check(const kws_slot_header *slot, size_t slot_bytes, size_t ram_bytes, const kws_model **model);

/* The name of a code of kws_slot_check or of kws.h. */
const char *kws_slot_error_name(int32_t code);

/*
 * CRC-32 of IEEE 802.3 as zlib counts it: `crc` is 0 at first, then the value so far. Of the nine
 * characters 123456789 it is 0xCBF43926.
 */
uint32_t kws_crc32(uint32_t crc, const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
