/*
 * The product: hears 16 kHz samples and says which words it heard and when.
 *
 * Reads int16 little-endian PCM from the board and writes a line for each detection,
 *
 *     3.42 s  yes  score 0.93
 *
 * the time being that of the newest sample heard. Where the input ends, a last line says how many
 * frames were processed and what that took.
 */
#include "board.h"
#include "kws/kws.h"
#include "kws_model.h"

#include "../require.h"
#include "../text.h"

#if !KWS_MODEL_HAS_FRONTEND
#error "this model is a bare network, which cannot hear; the link and selftest apps take it"
#endif

#define CHUNK_SAMPLES 160u
#define BYTES_PER_SAMPLE 2u

/* Samples heard, kept as seconds and a rest so that a day of listening needs no 64-bit division. */
typedef struct stream_time {
    uint32_t seconds;
    uint32_t samples;
} stream_time;

static void advance(stream_time *time, size_t samples)
{
    time->samples += (uint32_t)samples;
    while (time->samples >= KWS_SAMPLE_RATE) {
        time->samples -= KWS_SAMPLE_RATE;
        time->seconds++;
    }
}

static void report(const kws_spotter *spotter, const stream_time *time, const kws_result *result)
{
    text line = {.length = 0};
    /* A posterior is at most 255, so this is the mean posterior as a fraction of its greatest value. */
    const uint32_t full = 255u * KWS_MODEL_AVERAGE_FRAMES;
    text_unsigned(&line, time->seconds, 1);
    text_string(&line, ".");
    text_unsigned(&line, time->samples * 100u / KWS_SAMPLE_RATE, 2);
    text_string(&line, " s  ");
    text_string(&line, kws_label(spotter, result->label));
    text_string(&line, "  score ");
    text_hundredths(&line, (result->score * 200u + full) / (2u * full));
    text_end(&line);
}

int main(void)
{
    static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
    static uint8_t bytes[CHUNK_SAMPLES * BYTES_PER_SAMPLE];
    static int16_t pcm[CHUNK_SAMPLES];
    kws_spotter *spotter;
    require(kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory));
    stream_time time = {0, 0};
    uint64_t ticks = 0;
    uint32_t frames = 0;
    size_t waiting = 0; /* bytes of a sample whose second half has not come yet */
    size_t got;
    while ((got = board_read(bytes + waiting, sizeof bytes - waiting)) > 0) {
        const size_t samples = (waiting + got) / BYTES_PER_SAMPLE;
        waiting = (waiting + got) % BYTES_PER_SAMPLE;
        for (size_t i = 0; i < samples; i++) {
            pcm[i] = (int16_t)(uint16_t)(bytes[2 * i] | ((uint32_t)bytes[2 * i + 1] << 8));
        }
        if (waiting > 0) {
            bytes[0] = bytes[samples * BYTES_PER_SAMPLE];
        }
        for (size_t used = 0; used < samples;) {
            kws_result result;
            const uint32_t before = board_ticks();
            const size_t taken = require(kws_spotter_process(spotter, pcm + used, samples - used, &result));
            ticks += board_ticks() - before;
            advance(&time, taken);
            used += taken;
            frames += result.posteriors ? 1u : 0u;
            if (result.label >= 0) {
                report(spotter, &time, &result);
            }
        }
    }
    text line = {.length = 0};
    text_unsigned(&line, frames, 1);
    text_string(&line, " frames, ");
    text_unsigned(&line, ticks, 1);
    text_string(&line, " ticks of 1/");
    text_unsigned(&line, board_ticks_per_second(), 1);
    text_string(&line, " s");
    text_end(&line);
    return 0;
}
