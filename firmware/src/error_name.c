/* On its own, so that a program with a decimator and no model links it, too. */
#include "kws/kws.h"

const char *kws_error_name(int32_t code)
{
    switch (code) {
    case KWS_OK:
        return "KWS_OK";
    case KWS_ERROR_ARGUMENT:
        return "KWS_ERROR_ARGUMENT";
    case KWS_ERROR_MEMORY:
        return "KWS_ERROR_MEMORY";
    case KWS_ERROR_ALIGNMENT:
        return "KWS_ERROR_ALIGNMENT";
    case KWS_ERROR_MODEL:
        return "KWS_ERROR_MODEL";
    case KWS_ERROR_UNINITIALISED:
        return "KWS_ERROR_UNINITIALISED";
    default:
        return "not a code of kws";
    }
}
