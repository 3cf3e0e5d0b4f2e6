/* An app cannot go on where the library says no: it names the error and ends. */
#ifndef KWS_APPS_REQUIRE_H
#define KWS_APPS_REQUIRE_H

#include "board.h"
#include "kws/kws.h"

#include "text.h"

/* The code or count itself if it is not negative. */
static inline uint32_t require(int32_t code)
{
    if (code < 0) {
        text line = {.length = 0};
        text_string(&line, kws_error_name(code));
        text_end(&line);
        board_exit(1);
    }
    return (uint32_t)code;
}

#endif
