/*
 * Framing of the verification link: docs/SPEC-link.md. Twin of kws/engines/link_message.py.
 *
 * A message is sync, type, sequence number, length, payload and CRC. All numbers are little-endian.
 */
#ifndef KWS_LINK_MESSAGE_H
#define KWS_LINK_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define LINK_VALUES_BYTES 512u             /* most bytes of samples or values in a message */
#define LINK_PAYLOAD_BYTES (4u + LINK_VALUES_BYTES)

/* Bits a second that listening takes: 100 blocks of 336 bytes and what 50 frames of some labels need. */
#define LINK_LISTEN_BAUD 400000u

enum {
    LINK_IDENTIFY = 0x01,
    LINK_RESET = 0x02,
    LINK_TRACE = 0x03,
    LINK_PROCESS = 0x04,
    LINK_LOAD_INPUT = 0x05,
    LINK_RUN_NETWORK = 0x06,
    LINK_DECIDE = 0x07,
    LINK_OPEN = 0x08,
    LINK_LISTEN = 0x09,

    LINK_FEATURES = 0x41,
    LINK_LAYER = 0x42,
    LINK_STATE = 0x43,
    LINK_POSTERIORS = 0x44,
    LINK_FRAME = 0x45,
    LINK_PCM = 0x46,

    LINK_REPLY = 0x80, /* or-ed to the request's type */
    LINK_ERROR = 0xFF
};

enum {
    LINK_BAD_CRC = 1,
    LINK_BAD_LENGTH = 2,
    LINK_UNKNOWN_TYPE = 3,
    LINK_NO_FRONTEND = 4,
    LINK_NO_WINDOW = 5,
    LINK_TOO_SLOW = 6,
    LINK_NO_MICROPHONE = 7
};

typedef struct link_message {
    uint8_t type;
    uint8_t sequence;
    uint16_t length;
    uint8_t payload[LINK_PAYLOAD_BYTES];
} link_message;

/*
 * Wait for the next request. Bytes outside a message are skipped; a message that is damaged or too
 * long is answered with LINK_ERROR here and skipped. Returns 0 at the end of the input, else 1.
 */
int link_receive(link_message *message);

/* Send a message whose payload is `head` and then `data`, together at most LINK_PAYLOAD_BYTES. */
void link_send(uint8_t type, uint8_t sequence, const void *head, size_t head_bytes, const void *data, size_t data_bytes);

void link_send_error(uint8_t sequence, uint8_t code);

/* Numbers in messages, whatever the byte order of the CPU. */
static inline void link_put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void link_put32(uint8_t *to, uint32_t value)
{
    link_put16(to, value);
    link_put16(to + 2, value >> 16);
}

static inline uint32_t link_get16(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8;
}

static inline uint32_t link_get32(const uint8_t *from)
{
    return link_get16(from) | link_get16(from + 2) << 16;
}

#endif
