/*
 * The verification link: the host sends samples or network inputs, the board answers with all that
 * it made of them. The protocol is docs/SPEC-link.md; the other end is kws/engines/link.py.
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

#define PROTOCOL_VERSION 3u
#define FLAG_HAS_FRONTEND 1u
#define SAMPLES_PER_MESSAGE (LINK_VALUES_BYTES / 2u)

static link_message request;
static uint32_t messages;   /* sent since the request, for the host to miss none */
static uint32_t hook_ticks; /* spent in sending from inside the library */
static int8_t input[KWS_MODEL_INPUT_SIZE];

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
    while (link_receive(&request)) {
        messages = 0;
        if (well_formed()) {
            answer();
        } else {
            link_send_error(request.sequence, LINK_BAD_LENGTH);
        }
    }
    return 0;
}
