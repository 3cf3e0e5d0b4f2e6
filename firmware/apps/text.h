/* A line of text put together in memory and written at once; no printf, no libc. */
#ifndef KWS_TEXT_H
#define KWS_TEXT_H

#include "board.h"

/* What does not fit is cut off; the line end always fits. */
typedef struct text {
    char characters[192];
    size_t length;
} text;

static inline void text_string(text *line, const char *string)
{
    while (*string != '\0' && line->length < sizeof line->characters - 1) {
        line->characters[line->length++] = *string++;
    }
}

#define TEXT_QUOTED_ROOM 64u /* what is kept for the line's rest, so that a long name cannot spoil it */

/* As a JSON string. What is too long for the line is cut off inside the quotes. */
static inline void text_quoted(text *line, const char *string)
{
    text_string(line, "\"");
    for (; *string != '\0' && line->length < sizeof line->characters - TEXT_QUOTED_ROOM; string++) {
        const uint8_t byte = (uint8_t)*string;
        if (byte < 0x20u) {
            text_string(line, "\\u00");
            line->characters[line->length++] = (char)('0' + (byte >> 4));
            line->characters[line->length++] = "0123456789abcdef"[byte & 15u];
        } else {
            if (byte == '"' || byte == '\\') {
                text_string(line, "\\");
            }
            line->characters[line->length++] = *string;
        }
    }
    text_string(line, "\"");
}

/* Divides by ten and returns what remains; 16 bits at a time, as a 64-bit division is a large function. */
static inline uint32_t text_divide(uint64_t *value)
{
    uint64_t quotient = 0;
    uint32_t rest = 0;
    for (uint32_t shift = 64; shift > 0;) {
        shift -= 16;
        rest = rest << 16 | (uint32_t)(*value >> shift & 0xFFFFu);
        quotient |= (uint64_t)(rest / 10u) << shift;
        rest %= 10u;
    }
    *value = quotient;
    return rest;
}

/* In decimal, with leading zeros up to `digits` characters. */
static inline void text_unsigned(text *line, uint64_t value, uint32_t digits)
{
    char reversed[20];
    uint32_t count = 0;
    while (value > 0 || count < digits || count == 0) {
        reversed[count++] = (char)('0' + text_divide(&value));
    }
    while (count > 0 && line->length < sizeof line->characters - 1) {
        line->characters[line->length++] = reversed[--count];
    }
}

static inline void text_signed(text *line, int32_t value)
{
    if (value < 0) {
        text_string(line, "-");
    }
    text_unsigned(line, value < 0 ? (uint64_t)(-(int64_t)value) : (uint64_t)value, 1);
}

/* Hundredths as a decimal fraction: 342 is 3.42. */
static inline void text_hundredths(text *line, uint32_t value)
{
    text_unsigned(line, value / 100, 1);
    text_string(line, ".");
    text_unsigned(line, value % 100, 2);
}

/* Write the line with a line end and empty it. */
static inline void text_end(text *line)
{
    line->characters[line->length++] = '\n';
    board_write(line->characters, line->length);
    line->length = 0;
}

#endif
