/*
 * Does this device compute what the computer computed that wrote this package? Runs the test vectors
 * and compares every byte. Written by `kws export`; do not edit.
 */
#ifndef KWS_SELFTEST_H
#define KWS_SELFTEST_H

#include "kws_vectors.h"

typedef struct kws_selftest {
    int32_t code;         /* KWS_OK, or what the library said */
    uint32_t frames;      /* completed, of KWS_VECTORS_FRAMES */
    uint32_t differences; /* bytes of features and posteriors that are not as expected */
} kws_selftest;

static inline uint32_t kws_selftest_compare(const int8_t *got, const int8_t *wanted, uint32_t count)
{
    uint32_t different = 0;
    for (uint32_t i = 0; i < count; i++) {
        different += got[i] != wanted[i] ? 1u : 0u;
    }
    return different;
}

static inline kws_selftest kws_selftest_run(void)
{
    static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
    kws_selftest test = {KWS_OK, 0, 0};
    kws_spotter *spotter = NULL;
    test.code = kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
    for (uint32_t at = 0; test.code >= 0 && at < KWS_VECTORS_SAMPLES; at += (uint32_t)test.code) {
        kws_result result;
        test.code = kws_spotter_process(spotter, kws_vectors_pcm + at, KWS_VECTORS_SAMPLES - at, &result);
        if (test.code < 0 || !result.posteriors) {
            continue;
        }
        if (test.frames < KWS_VECTORS_FRAMES) {
            test.differences +=
                kws_selftest_compare(result.features, kws_vectors_features[test.frames], KWS_MODEL_BANDS);
            test.differences +=
                kws_selftest_compare(result.posteriors, kws_vectors_posteriors[test.frames], KWS_MODEL_LABELS);
        }
        test.frames++;
    }
    return test;
}

static inline int kws_selftest_passed(const kws_selftest *test)
{
    return test->code >= 0 && test->frames == KWS_VECTORS_FRAMES && test->differences == 0;
}

#endif
