/* Is the model in flash whole, and one that this program can run? docs/SPEC.md, "Model slot". */
#include "kws/model_slot.h"

/* What the CRC does not cover: the fields that are needed to find it, and itself. */
#define HEAD_BYTES (offsetof(kws_slot_header, crc) + sizeof(uint32_t))

uint32_t kws_crc32(uint32_t crc, const void *data, size_t bytes)
{
    /* A nibble at a time: 64 bytes of table instead of 1024, at twice the time. */
    static const uint32_t table[16] = {
        0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
        0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
    };
    const uint8_t *next = (const uint8_t *)data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= next[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

/* Whether `bytes` from `start` lie in the slot behind its header. */
static int inside(const kws_slot_header *slot, const void *start, size_t bytes)
{
    const uintptr_t first = (uintptr_t)slot + sizeof *slot;
    const uintptr_t end = (uintptr_t)slot + slot->bytes;
    const uintptr_t at = (uintptr_t)start;
    return at >= first && at <= end && bytes <= end - at;
}

int32_t kws_slot_check(const kws_slot_header *slot, size_t slot_bytes, size_t ram_bytes, const kws_model **model)
{
    if (slot == NULL || model == NULL) {
        return KWS_ERROR_ARGUMENT;
    }
    if ((uintptr_t)slot % sizeof(void *) != 0) {
        return KWS_ERROR_ALIGNMENT;
    }
    if (slot_bytes < sizeof *slot || slot->magic != KWS_SLOT_MAGIC) {
        return KWS_ERROR_SLOT_ABSENT;
    }
    if (slot->version != KWS_SLOT_VERSION) {
        return KWS_ERROR_SLOT_VERSION;
    }
    if (slot->bytes > slot_bytes) {
        return KWS_ERROR_SLOT_SIZE;
    }
    if (slot->bytes < sizeof *slot || slot->bytes % 4u != 0 ||
        slot->crc != kws_crc32(0, (const uint8_t *)slot + HEAD_BYTES, slot->bytes - HEAD_BYTES) ||
        slot->id[sizeof slot->id - 1] != '\0') {
        return KWS_ERROR_SLOT_CORRUPT;
    }
    if (slot->arch != KWS_ARCH) {
        return KWS_ERROR_SLOT_ARCH;
    }
    if (slot->format != KWS_MODEL_FORMAT) {
        return KWS_ERROR_SLOT_FORMAT;
    }
    if (slot->address != slot || !inside(slot, slot->model, sizeof *slot->model) ||
        (uintptr_t)slot->model % sizeof(void *) != 0) {
        return KWS_ERROR_SLOT_ADDRESS;
    }
    if (slot->ram_bytes > ram_bytes) {
        return KWS_ERROR_SLOT_MEMORY;
    }
    *model = slot->model;
    return KWS_OK;
}

const char *kws_slot_error_name(int32_t code)
{
    switch (code) {
    case KWS_ERROR_SLOT_ABSENT:
        return "KWS_ERROR_SLOT_ABSENT";
    case KWS_ERROR_SLOT_VERSION:
        return "KWS_ERROR_SLOT_VERSION";
    case KWS_ERROR_SLOT_SIZE:
        return "KWS_ERROR_SLOT_SIZE";
    case KWS_ERROR_SLOT_CORRUPT:
        return "KWS_ERROR_SLOT_CORRUPT";
    case KWS_ERROR_SLOT_ARCH:
        return "KWS_ERROR_SLOT_ARCH";
    case KWS_ERROR_SLOT_FORMAT:
        return "KWS_ERROR_SLOT_FORMAT";
    case KWS_ERROR_SLOT_ADDRESS:
        return "KWS_ERROR_SLOT_ADDRESS";
    case KWS_ERROR_SLOT_MEMORY:
        return "KWS_ERROR_SLOT_MEMORY";
    default:
        return kws_error_name(code);
    }
}
