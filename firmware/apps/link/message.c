#include "message.h"

#include <string.h>

#include "board.h"

#define SYNC_0 0x4Bu
#define SYNC_1 0x57u
#define SYNC_BYTES 2u
#define HEADER_BYTES 4u /* after the sync */
#define CRC_BYTES 2u

/* CRC-16/CCITT-FALSE, bit by bit: a table would cost 512 bytes of flash to save no time that counts. */
static uint32_t crc16(uint32_t crc, const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        crc ^= (uint32_t)data[i] << 8;
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = crc & 0x8000u ? (crc << 1) ^ 0x1021u : crc << 1;
        }
        crc &= 0xFFFFu;
    }
    return crc;
}

/* Returns 0 if the input ends before `count` bytes have come. */
static int read_exactly(uint8_t *to, size_t count)
{
    while (count > 0) {
        const size_t got = board_read(to, count);
        if (got == 0) {
            return 0;
        }
        to += got;
        count -= got;
    }
    return 1;
}

static int find_sync(void)
{
    uint8_t byte = 0;
    uint8_t before;
    do {
        before = byte;
        if (!read_exactly(&byte, 1)) {
            return 0;
        }
    } while (before != SYNC_0 || byte != SYNC_1);
    return 1;
}

int link_receive(link_message *message)
{
    for (;;) {
        uint8_t header[HEADER_BYTES];
        uint8_t crc[CRC_BYTES];
        if (!find_sync() || !read_exactly(header, sizeof header)) {
            return 0;
        }
        message->type = header[0];
        message->sequence = header[1];
        message->length = (uint16_t)link_get16(header + 2);
        if (message->length > LINK_PAYLOAD_BYTES) {
            link_send_error(message->sequence, LINK_BAD_LENGTH);
            continue;
        }
        if (!read_exactly(message->payload, message->length) || !read_exactly(crc, sizeof crc)) {
            return 0;
        }
        if (crc16(crc16(0xFFFFu, header, sizeof header), message->payload, message->length) == link_get16(crc)) {
            return 1;
        }
        link_send_error(message->sequence, LINK_BAD_CRC);
    }
}

void link_send(uint8_t type, uint8_t sequence, const void *head, size_t head_bytes, const void *data, size_t data_bytes)
{
    static uint8_t bytes[SYNC_BYTES + HEADER_BYTES + LINK_PAYLOAD_BYTES + CRC_BYTES];
    const size_t length = head_bytes + data_bytes;
    uint8_t *payload = bytes + SYNC_BYTES + HEADER_BYTES;
    bytes[0] = SYNC_0;
    bytes[1] = SYNC_1;
    bytes[2] = type;
    bytes[3] = sequence;
    link_put16(bytes + 4, (uint32_t)length);
    if (head_bytes > 0) {
        memcpy(payload, head, head_bytes);
    }
    if (data_bytes > 0) {
        memcpy(payload + head_bytes, data, data_bytes);
    }
    link_put16(payload + length, crc16(0xFFFFu, bytes + SYNC_BYTES, HEADER_BYTES + length));
    board_write(bytes, SYNC_BYTES + HEADER_BYTES + length + CRC_BYTES);
}

void link_send_error(uint8_t sequence, uint8_t code)
{
    link_send(LINK_ERROR, sequence, &code, 1, NULL, 0);
}
