/*
 * The verification link: the host sends samples or network inputs, the board answers with all that
 * it made of them; or the board listens to its own microphone and sends what that hears. The protocol is docs/SPEC-link.md; the other end is kws/engines/link.py.
 *
 * Built with KWS_TRACE, so that every layer's output and every state can be sent.
 */
#include <string.h>

#include "board.h"
#include "kws/kws.h"
#include "kws/model.h"
#include "kws_model.h"

#include "../require.h"
#include "message.h"

#define PROTOCOL_VERSION 4u
#define FLAG_HAS_FRONTEND 1u
#define SAMPLES_PER_MESSAGE (LINK_VALUES_BYTES / 2u)
#define SAMPLES_PER_BLOCK (KWS_SAMPLE_RATE / 100u)
#define PCM_HEAD_BYTES 8u

static link_message request;
static uint32_t messages;   /* sent since the request, for the host to miss none */
static uint32_t hook_ticks; /* spent in sending from inside the library */
static int8_t input[KWS_MODEL_INPUT_SIZE];
static int microphone_runs;

#if KWS_MODEL_HAS_FRONTEND
static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
static kws_spotter *spotter;
#else
static kws_word memory[KWS_MODEL_NETWORK_WORDS];
#endif

static void reset(void)
{
#if KWS_MODEL_HAS_FRONTEND
    require(kws_spotter_reset(spotter));
#else
    require(kws_network_reset(&kws_model_network, memory));
#endif
}

static void *network_memory(void)
{
#if KWS_MODEL_HAS_FRONTEND
    return spotter->network;
#else
    return memory;
#endif
}

/* Values in as many messages as they need, each after `head`. */
static void send_values(uint8_t type, const void *head, size_t head_bytes, const void *values, size_t bytes)
{
    const uint8_t *next = (const uint8_t *)values;
    while (bytes > 0) {
        const size_t part = bytes < LINK_VALUES_BYTES ? bytes : LINK_VALUES_BYTES;
        link_send(type, request.sequence, head, head_bytes, next, part);
        messages++;
        next += part;
        bytes -= part;
    }
}

static void on_layer(void *context, uint32_t layer, const int8_t *output, size_t count)
{
    const uint32_t before = board_ticks();
    uint8_t head[2];
    (void)context;
    link_put16(head, layer);
    send_values(LINK_LAYER, head, sizeof head, output, count);
    hook_ticks += board_ticks() - before;
}

/* Sent as they lie in memory: every CPU that kws runs on is little-endian. */
static void on_state(void *context, uint32_t layer, uint32_t state, const void *values, size_t bytes)
{
    const uint32_t before = board_ticks();
    uint8_t head[4];
    (void)context;
    link_put16(head, layer);
    link_put16(head + 2, state);
    send_values(LINK_STATE, head, sizeof head, values, bytes);
    hook_ticks += board_ticks() - before;
}

static uint8_t hexadecimal_digit(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void identify(void)
{
    static const char id[] = KWS_MODEL_ID;
    uint8_t reply[36] = {'K', 'W', 'S', 'L'};
    link_put16(reply + 4, PROTOCOL_VERSION);
    link_put16(reply + 6, KWS_MODEL_HAS_FRONTEND * FLAG_HAS_FRONTEND);
    for (uint32_t i = 0; i < 8; i++) {
        reply[8 + i] = (uint8_t)(hexadecimal_digit(id[2 * i]) << 4 | hexadecimal_digit(id[2 * i + 1]));
    }
#if KWS_MODEL_HAS_FRONTEND
    link_put16(reply + 16, KWS_MODEL_BANDS);
    link_put16(reply + 18, KWS_MODEL_LABELS);
#endif
    link_put32(reply + 20, KWS_MODEL_INPUT_SIZE);
    link_put32(reply + 24, KWS_MODEL_OUTPUT_SIZE);
    link_put16(reply + 28, KWS_MODEL_LAYERS);
    link_put16(reply + 30, SAMPLES_PER_MESSAGE);
    link_put32(reply + 32, board_ticks_per_second());
    link_send(LINK_IDENTIFY | LINK_REPLY, request.sequence, reply, sizeof reply, NULL, 0);
}

static void acknowledge(void)
{
    link_send((uint8_t)(request.type | LINK_REPLY), request.sequence, NULL, 0, NULL, 0);
}

/* Ends the answer to a request that computed something. */
static void conclude(uint32_t ticks, uint32_t frames)
{
    uint8_t reply[8];
    link_put32(reply, ticks);
    link_put16(reply + 4, frames);
    link_put16(reply + 6, messages);
    link_send((uint8_t)(request.type | LINK_REPLY), request.sequence, reply, sizeof reply, NULL, 0);
}

#if KWS_MODEL_HAS_FRONTEND
static void send_frame(const kws_result *result)
{
    uint8_t end[12];
    link_put32(end, result->frame);
    link_put32(end + 4, (uint32_t)result->label);
    link_put32(end + 8, result->score);
    send_values(LINK_FRAME, NULL, 0, end, sizeof end);
}
#endif

static void process(void)
{
#if KWS_MODEL_HAS_FRONTEND
    static int16_t pcm[SAMPLES_PER_MESSAGE];
    const size_t samples = request.length / 2u;
    uint32_t ticks = 0;
    uint32_t frames = 0;
    for (size_t i = 0; i < samples; i++) {
        pcm[i] = (int16_t)link_get16(request.payload + 2 * i);
    }
    for (size_t used = 0; used < samples;) {
        kws_result result;
        hook_ticks = 0;
        const uint32_t before = board_ticks();
        used += require(kws_spotter_process(spotter, pcm + used, samples - used, &result));
        ticks += board_ticks() - before - hook_ticks;
        if (result.posteriors == NULL) {
            continue;
        }
        frames++;
        if (kws_tracing.layer) {
            send_values(LINK_FEATURES, NULL, 0, result.features, KWS_MODEL_BANDS);
        }
        send_values(LINK_POSTERIORS, NULL, 0, result.posteriors, KWS_MODEL_LABELS);
        send_frame(&result);
    }
    conclude(ticks, frames);
#else
    link_send_error(request.sequence, LINK_NO_FRONTEND);
#endif
}

/* Only frames with a detection are sent: most have none. */
static void decide(void)
{
#if KWS_MODEL_HAS_FRONTEND
    const uint32_t frames = request.length / KWS_MODEL_LABELS;
    for (uint32_t i = 0; i < frames; i++) {
        kws_result result = {.frame = spotter->frame++, .label = -1};
        kws_decision_step(spotter->model->decision, spotter->decision,
                          (const int8_t *)request.payload + i * KWS_MODEL_LABELS, &result);
        if (result.label >= 0) {
            send_frame(&result);
        }
    }
    conclude(0, frames);
#else
    link_send_error(request.sequence, LINK_NO_FRONTEND);
#endif
}

/* The program's part in a listening window: the host hears another model's wake word, say. */
static void open_window(void)
{
#if KWS_MODEL_HAS_FRONTEND
    if (kws_spotter_open(spotter, link_get32(request.payload)) == KWS_OK) {
        acknowledge();
    } else {
        link_send_error(request.sequence, LINK_NO_WINDOW);
    }
#else
    link_send_error(request.sequence, LINK_NO_FRONTEND);
#endif
}

/* What is wrong with listening, or 0. */
static uint8_t start_microphone(void)
{
#if !KWS_MODEL_HAS_FRONTEND
    return LINK_NO_FRONTEND;
#elif defined(BOARD_BAUD) && BOARD_BAUD < LINK_LISTEN_BAUD
    return LINK_TOO_SLOW;
#else
    if (!microphone_runs && board_audio_start() != BOARD_OK) {
        return LINK_NO_MICROPHONE;
    }
    microphone_runs = 1;
    return 0;
#endif
}

#if KWS_MODEL_HAS_FRONTEND
/* A block of samples, before what the spotter makes of it. */
static void send_block(uint32_t number, uint32_t lost, const int16_t *pcm, size_t samples)
{
    uint8_t head[PCM_HEAD_BYTES];
    link_put32(head, number);
    link_put32(head + 4, lost);
    /* As they lie in memory, as states do. */
    link_send(LINK_PCM, request.sequence, head, sizeof head, pcm, samples * sizeof pcm[0]);
}
#endif

/*
 * Blocks of the microphone until there are as many as were asked for, the next request comes or, where the
 * microphone is a file, its end. Messages may get lost: blocks are numbered, and nothing waits for the host.
 */
static void hear(void)
{
#if KWS_MODEL_HAS_FRONTEND
    static int16_t pcm[SAMPLES_PER_BLOCK];
    const uint32_t wanted = link_get32(request.payload);
    const uint32_t lost = board_audio_overruns();
    uint32_t frames = 0;
    for (uint32_t number = 0; (wanted == 0 || number < wanted) && board_input_waiting() != 1; number++) {
        size_t filled = 0;
        while (filled < SAMPLES_PER_BLOCK) {
            const size_t got = board_audio_read(pcm + filled, SAMPLES_PER_BLOCK - filled);
            if (got == 0) {
                conclude(0, frames);
                return;
            }
            filled += got;
        }
        board_watchdog_feed();
        send_block(number, board_audio_overruns() - lost, pcm, filled);
        for (size_t used = 0; used < filled;) {
            kws_result result;
            used += require(kws_spotter_process(spotter, pcm + used, filled - used, &result));
            if (result.posteriors != NULL) {
                frames++;
                send_values(LINK_POSTERIORS, NULL, 0, result.posteriors, KWS_MODEL_LABELS);
                send_frame(&result);
            }
        }
    }
    conclude(0, frames);
#endif
}

/* Once it runs, the microphone goes on filling its buffers, and the watchdog wants to be fed. */
static void wait_for_request(void)
{
    static int16_t unheard[SAMPLES_PER_BLOCK];
    while (microphone_runs && board_input_waiting() == 0) {
        (void)board_audio_read(unheard, SAMPLES_PER_BLOCK);
        board_watchdog_feed();
    }
}

static void run_network(void)
{
    hook_ticks = 0;
    const uint32_t before = board_ticks();
    const int8_t *output;
    require(kws_network_run(&kws_model_network, network_memory(), input, &output));
    const uint32_t ticks = board_ticks() - before - hook_ticks;
    send_values(LINK_POSTERIORS, NULL, 0, output, KWS_MODEL_OUTPUT_SIZE);
    conclude(ticks, 0);
}

/* Whether the payload's length is one that the request may have. */
static int well_formed(void)
{
    switch (request.type) {
    case LINK_TRACE:
        return request.length == 1;
    case LINK_OPEN:
    case LINK_LISTEN:
        return request.length == 4;
    case LINK_PROCESS:
        return request.length % 2u == 0 && request.length <= LINK_VALUES_BYTES;
    case LINK_LOAD_INPUT: {
        const uint32_t first = request.length >= 4 ? link_get32(request.payload) : UINT32_MAX;
        return first <= sizeof input && request.length - 4u <= sizeof input - first;
    }
#if KWS_MODEL_HAS_FRONTEND
    case LINK_DECIDE:
        return request.length % KWS_MODEL_LABELS == 0 && request.length <= LINK_VALUES_BYTES;
#endif
    case LINK_IDENTIFY:
    case LINK_RESET:
    case LINK_RUN_NETWORK:
        return request.length == 0;
    default:
        return 1;
    }
}

static void answer(void)
{
    switch (request.type) {
    case LINK_IDENTIFY:
        identify();
        break;
    case LINK_RESET:
        reset();
        acknowledge();
        break;
    case LINK_TRACE:
        kws_tracing.layer = request.payload[0] ? on_layer : NULL;
        kws_tracing.state = request.payload[0] ? on_state : NULL;
        acknowledge();
        break;
    case LINK_PROCESS:
        process();
        break;
    case LINK_LOAD_INPUT:
        memcpy(input + link_get32(request.payload), request.payload + 4, request.length - 4u);
        acknowledge();
        break;
    case LINK_RUN_NETWORK:
        run_network();
        break;
    case LINK_DECIDE:
        decide();
        break;
    case LINK_OPEN:
        open_window();
        break;
    case LINK_LISTEN: {
        const uint8_t wrong = start_microphone();
        if (wrong) {
            link_send_error(request.sequence, wrong);
        } else {
            hear();
        }
        break;
    }
    default:
        link_send_error(request.sequence, LINK_UNKNOWN_TYPE);
        break;
    }
}

int main(void)
{
#if KWS_MODEL_HAS_FRONTEND
    require(kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory));
#endif
    reset();
    for (;;) {
        wait_for_request();
        if (!link_receive(&request)) {
            return 0;
        }
        messages = 0;
        if (well_formed()) {
            answer();
        } else {
            link_send_error(request.sequence, LINK_BAD_LENGTH);
        }
    }
}
