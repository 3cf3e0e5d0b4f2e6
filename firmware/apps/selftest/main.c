/*
 * Does this board compute what the host computed? Runs the test vectors that were exported with the
 * model and compares every byte; writes `selftest: 24 frames, 0 differences: PASS`, or the first
 * difference and FAIL, and ends with status 0 or 1.
 */
#include "board.h"
#include "kws/kws.h"
#include "kws_model.h"
#include "kws_vectors.h"

#include "../require.h"
#include "../text.h"

typedef struct verdict {
    uint32_t differences;
    text first;
} verdict;

static void compare(verdict *v, const char *what, uint32_t step, const int8_t *got, const int8_t *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (got[i] == wanted[i]) {
            continue;
        }
        if (v->differences++ == 0) {
            text_string(&v->first, "selftest: first difference: ");
            text_string(&v->first, what);
            text_string(&v->first, " ");
            text_unsigned(&v->first, step, 1);
            text_string(&v->first, ", element ");
            text_unsigned(&v->first, i, 1);
            text_string(&v->first, ": board ");
            text_signed(&v->first, got[i]);
            text_string(&v->first, ", host ");
            text_signed(&v->first, wanted[i]);
        }
    }
}

static int conclude(verdict *v, uint32_t steps, uint32_t wanted, const char *unit)
{
    text line = {.length = 0};
    if (v->differences > 0) {
        text_end(&v->first);
    }
    text_string(&line, "selftest: ");
    text_unsigned(&line, steps, 1);
    if (steps != wanted) {
        text_string(&line, " of ");
        text_unsigned(&line, wanted, 1);
    }
    text_string(&line, unit);
    text_unsigned(&line, v->differences, 1);
    const int passed = v->differences == 0 && steps == wanted;
    text_string(&line, passed ? " differences: PASS" : " differences: FAIL");
    text_end(&line);
    return passed ? 0 : 1;
}

#if KWS_MODEL_HAS_FRONTEND

int main(void)
{
    static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
    static verdict v;
    kws_spotter *spotter;
    require(kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory));
    uint32_t frames = 0;
    for (uint32_t used = 0; used < KWS_VECTORS_SAMPLES;) {
        kws_result result;
        used += require(kws_spotter_process(spotter, kws_vectors_pcm + used, KWS_VECTORS_SAMPLES - used, &result));
        if (result.posteriors && frames < KWS_VECTORS_FRAMES) {
            compare(&v, "features of frame", frames, result.features, kws_vectors_features[frames], KWS_MODEL_BANDS);
            compare(&v, "posteriors of frame", frames, result.posteriors, kws_vectors_posteriors[frames],
                    KWS_MODEL_LABELS);
        }
        frames += result.posteriors ? 1u : 0u;
    }
    return conclude(&v, frames, KWS_VECTORS_FRAMES, " frames, ");
}

#else

int main(void)
{
    static kws_word memory[KWS_MODEL_NETWORK_WORDS];
    static verdict v;
    require(kws_network_reset(&kws_model_network, memory));
    for (uint32_t call = 0; call < KWS_VECTORS_CALLS; call++) {
        const int8_t *output;
        require(kws_network_run(&kws_model_network, memory, kws_vectors_input[call], &output));
        compare(&v, "output of call", call, output, kws_vectors_output[call], KWS_MODEL_OUTPUT_SIZE);
    }
    return conclude(&v, KWS_VECTORS_CALLS, KWS_VECTORS_CALLS, " calls, ");
}

#endif
