/*
 * Names the words in raw samples on standard input: 16 kHz, one channel, int16, this machine's byte
 * order. From a microphone, for example:
 *
 *     arecord -q -r 16000 -c 1 -f S16_LE -t raw | @{ program }@
 */
#include <stdio.h>

#include "kws_model.h"

#define print(...) (void)printf(__VA_ARGS__)

@% include "common/spotting.c" %@

int main(void)
{
    static int16_t pcm[160];
    const int32_t code = kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
    size_t count;
    if (code < 0) {
        print("{\"error\":\"%s\"}\n", kws_error_name(code));
        return 1;
    }
    while ((count = fread(pcm, sizeof pcm[0], sizeof pcm / sizeof pcm[0], stdin)) > 0) {
        hear(pcm, count);
        (void)fflush(stdout);
    }
    return 0;
}
