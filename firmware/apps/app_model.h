/*
 * Which model an app runs: the one it is linked with; or, with -DKWS_MODEL_SLOT, the one that lies in
 * the board's model slot, in RAM of a size that was fixed when the app was built.
 */
#ifndef KWS_APPS_APP_MODEL_H
#define KWS_APPS_APP_MODEL_H

#include "kws/kws.h"

#include "require.h"
#include "text.h"

#ifdef KWS_MODEL_SLOT

#include "kws/model_slot.h"

#define APP_SPOTTER_WORDS KWS_WORDS(KWS_SLOT_RAM_BYTES)

/* The slot's place, from the linker; there is nothing behind the name of its length. */
extern const kws_slot_header kws_slot_origin[];
extern const uint8_t kws_slot_length[];

/* Does not return if there is no model to run: it says why and ends. */
static inline const kws_model *app_model(void)
{
    const kws_model *model = NULL;
    const int32_t code = kws_slot_check(kws_slot_origin, (size_t)(uintptr_t)kws_slot_length, KWS_SLOT_RAM_BYTES, &model);
    if (code != KWS_OK) {
        text line = {.length = 0};
        text_string(&line, "{\"error\":\"");
        text_string(&line, kws_slot_error_name(code));
        if (code == KWS_ERROR_SLOT_MEMORY) {
            text_string(&line, "\",\"needs\":");
            text_unsigned(&line, kws_slot_origin->ram_bytes, 1);
            text_string(&line, ",\"has\":");
            text_unsigned(&line, KWS_SLOT_RAM_BYTES, 1);
            text_string(&line, "}");
        } else {
            text_string(&line, "\"}");
        }
        text_end(&line);
        board_exit(1);
    }
    return model;
}

static inline const char *app_model_id(void)
{
    return kws_slot_origin->id;
}

#else

#include "kws_model.h"

#if !KWS_MODEL_HAS_FRONTEND
#error "this model is a bare network, which cannot hear; the link and selftest apps take it"
#endif

#define APP_SPOTTER_WORDS KWS_MODEL_SPOTTER_WORDS

static inline const kws_model *app_model(void)
{
    return &kws_model_data;
}

static inline const char *app_model_id(void)
{
    return KWS_MODEL_ID;
}

#endif

#endif
