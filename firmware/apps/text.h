/* A line of text put together in memory and written at once; no printf, no libc. */
#ifndef KWS_TEXT_H
#define KWS_TEXT_H

#include "board.h"

/* What does not fit is cut off; the line end always fits. */
typedef struct text {
    char characters[128];
    size_t length;
} text;

static inline void text_string(text *line, const char *string)
{
    while (*string != '\0' && line->length < sizeof line->characters - 1) {
        line->characters[line->length++] = *string++;
    }
}

/* In decimal, with leading zeros up to `digits` characters. */
static inline void text_unsigned(text *line, uint64_t value, uint32_t digits)
{
    char reversed[20];
    uint32_t count = 0;
    while (value > 0 || count < digits || count == 0) {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
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
