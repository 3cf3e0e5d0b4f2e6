/* An app cannot go on where the library or the board says no: it names the error and ends. */
#ifndef KWS_APPS_REQUIRE_H
#define KWS_APPS_REQUIRE_H

#include "board.h"
#include "kws/kws.h"

#include "text.h"

static inline const char *code_name(int32_t code)
{
    switch (code) {
    case BOARD_ERROR_CLOCK:
        return "BOARD_ERROR_CLOCK";
    case BOARD_ERROR_MICROPHONE:
        return "BOARD_ERROR_MICROPHONE";
    default:
        return kws_error_name(code);
    }
}

__attribute__((noinline, noreturn)) static void refuse(int32_t code)
{
    text line = {.length = 0};
    text_string(&line, "{\"error\":\"");
    text_string(&line, code_name(code));
    text_string(&line, "\"}");
    text_end(&line);
    board_exit(1);
}

/* The code or count itself if it is not negative. */
static inline uint32_t require(int32_t code)
{
    if (code < 0) {
        refuse(code);
    }
    return (uint32_t)code;
}

#endif
