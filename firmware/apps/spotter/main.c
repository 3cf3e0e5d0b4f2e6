/*
 * The product: listens to the board's microphone and says which words it heard and when, as JSON
 * values, one a line:
 *
 *     {"kws":"0.1.0","model":"5d1f0c2a9e3b4477"}                     first of all
 *     {"t":3.42,"word":"yes","score":0.93}                           a detection
 *     {"t":7.10,"overruns":2}                                        blocks of samples lost since the start
 *     {"t":9.00,"frames":449,"ticks":1200,"ticks_per_second":25000000,"overruns":0}
 *     {"error":"BOARD_ERROR_CLOCK"}
 *
 * `t` is the time of the newest sample heard, in seconds; what was lost is not in it. Where the input
 * ends, which a microphone never does, a last line says how many frames were processed and how many
 * ticks of the board's clock that took.
 */
#include "board.h"
#include "kws/kws.h"
#include "kws/model.h"

#include "../app_model.h"
#include "../require.h"
#include "../text.h"

#define CHUNK_SAMPLES 160u
#define LAMP_SAMPLES (KWS_SAMPLE_RATE * 3u / 10u) /* how long the lamp tells of a detection */

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

static void begin_report(text *line, const stream_time *time)
{
    text_string(line, "{\"t\":");
    text_unsigned(line, time->seconds, 1);
    text_string(line, ".");
    text_unsigned(line, time->samples * 100u / KWS_SAMPLE_RATE, 2);
}

static void end_report(text *line)
{
    text_string(line, "}");
    text_end(line);
}

/* A line takes 200 bytes of stack, which the others do without while the library runs. */
__attribute__((noinline)) static void report_model(void)
{
    text line = {.length = 0};
    text_string(&line, "{\"kws\":\"" KWS_VERSION "\",\"model\":\"");
    text_string(&line, app_model_id());
    text_string(&line, "\"");
    end_report(&line);
}

__attribute__((noinline)) static void report_detection(const kws_spotter *spotter, const stream_time *time,
                                                       const kws_result *result)
{
    text line = {.length = 0};
    const uint32_t full = spotter->model->decision->full_score;
    begin_report(&line, time);
    text_string(&line, ",\"word\":");
    text_quoted(&line, kws_label(spotter, result->label));
    text_string(&line, ",\"score\":");
    text_hundredths(&line, (result->score * 200u + full) / (2u * full));
    end_report(&line);
}

__attribute__((noinline)) static void report_overruns(const stream_time *time, uint32_t overruns)
{
    text line = {.length = 0};
    begin_report(&line, time);
    text_string(&line, ",\"overruns\":");
    text_unsigned(&line, overruns, 1);
    end_report(&line);
}

__attribute__((noinline)) static void report_end(const stream_time *time, uint32_t frames, uint64_t ticks)
{
    text line = {.length = 0};
    begin_report(&line, time);
    text_string(&line, ",\"frames\":");
    text_unsigned(&line, frames, 1);
    text_string(&line, ",\"ticks\":");
    text_unsigned(&line, ticks, 1);
    text_string(&line, ",\"ticks_per_second\":");
    text_unsigned(&line, board_ticks_per_second(), 1);
    text_string(&line, ",\"overruns\":");
    text_unsigned(&line, board_audio_overruns(), 1);
    end_report(&line);
}

int main(void)
{
    static kws_word memory[APP_SPOTTER_WORDS];
    static int16_t pcm[CHUNK_SAMPLES];
    const kws_model *model = app_model();
    kws_spotter *spotter;
    report_model();
    require(kws_spotter_init(&spotter, model, memory, sizeof memory));
    require(board_audio_start());
    stream_time time = {0, 0};
    uint64_t ticks = 0;
    uint32_t frames = 0;
    uint32_t overruns = 0;
    uint32_t overruns_second = UINT32_MAX; /* told of at most once a second: a line takes time too */
    uint32_t lamp = 0;                     /* samples for which the lamp stays lit */
    size_t samples;
    while ((samples = board_audio_read(pcm, CHUNK_SAMPLES)) > 0) {
        for (size_t used = 0; used < samples;) {
            kws_result result;
            const uint32_t before = board_ticks();
            const size_t taken = require(kws_spotter_process(spotter, pcm + used, samples - used, &result));
            ticks += board_ticks() - before;
            advance(&time, taken);
            used += taken;
            if (result.posteriors) {
                frames++;
                board_watchdog_feed();
            }
            if (result.label >= 0) {
                board_led(1);
                lamp = LAMP_SAMPLES;
                report_detection(spotter, &time, &result);
            }
        }
        if (lamp > 0) {
            lamp -= lamp < samples ? lamp : (uint32_t)samples;
            board_led(lamp > 0);
        }
        if (board_audio_overruns() != overruns && time.seconds != overruns_second) {
            overruns = board_audio_overruns();
            overruns_second = time.seconds;
            report_overruns(&time, overruns);
        }
    }
    report_end(&time, frames, ticks);
    return 0;
}
