/*
 * The constant structures that `kws export` fills in. Only generated code and the library's own
 * sources need this header; a user needs kws.h.
 */
#ifndef KWS_MODEL_TYPES_H
#define KWS_MODEL_TYPES_H

#include "kws/kws.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Generated code and library must agree on these structures; both check this number. */
#define KWS_MODEL_FORMAT 12

/*
 * How the weights lie and which instructions run over them, chosen by the target's own macros. All
 * give the same bytes. Define KWS_ARCH as 0 for portable C without any assembler; library and
 * kws_model.c must be compiled alike.
 */
#define KWS_ARCH_PORTABLE 0 /* C99: Cortex-M0, M3, RISC-V, the host */
#define KWS_ARCH_DSP 1      /* Armv7E-M and Armv8-M with the DSP extension: Cortex-M4, M7, M33 */
#define KWS_ARCH_HELIUM 2   /* Armv8.1-M with the M-profile vector extension: Cortex-M55 */
#if defined(KWS_ARCH) && KWS_ARCH == KWS_ARCH_PORTABLE
#define KWS_HAS_ASSEMBLER 0
#elif defined(__GNUC__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define KWS_HAS_ASSEMBLER 1
#else
#define KWS_HAS_ASSEMBLER 0
#endif
#ifndef KWS_ARCH
#if KWS_HAS_ASSEMBLER && defined(__ARM_FEATURE_MVE)
#define KWS_ARCH KWS_ARCH_HELIUM
#elif KWS_HAS_ASSEMBLER && defined(__ARM_FEATURE_DSP)
#define KWS_ARCH KWS_ARCH_DSP
#else
#define KWS_ARCH KWS_ARCH_PORTABLE
#endif
#endif

#if defined(__GNUC__)
#define KWS_ALIGNED(bytes) __attribute__((aligned(bytes)))
#elif defined(__ICCARM__)
#define KWS_ALIGNED_PRAGMA(text) _Pragma(#text)
#define KWS_ALIGNED(bytes) KWS_ALIGNED_PRAGMA(data_alignment = bytes)
#elif defined(__cplusplus) && __cplusplus >= 201103L
#define KWS_ALIGNED(bytes) alignas(bytes)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define KWS_ALIGNED(bytes) _Alignas(bytes)
#else
#error "say here how this compiler aligns an array"
#endif

/*
 * The initialiser of a structure's member. Before C++20 there are none by name: in C++ their order alone counts,
 * which is that of the declaration, and none may be left out.
 */
#if defined(__cplusplus)
#define KWS_MEMBER(name)
#else
#define KWS_MEMBER(name) .name =
#endif

/* sizeof in the type of other sizes. In C++ not by a cast of C, of which -Wold-style-cast warns where a size is used. */
#if defined(__cplusplus)
#define KWS_SIZEOF(type) static_cast<uint32_t>(sizeof(type))
#else
#define KWS_SIZEOF(type) ((uint32_t)sizeof(type))
#endif

/* A real factor as value * 2^(left_shift - right_shift - 31); one of the shifts is 0. */
typedef struct kws_factor {
    int32_t value;
    uint8_t left_shift;
    uint8_t right_shift;
} kws_factor;

/*
 * A factor for KWS_ARCH_DSP: `value` is the factor's, doubled modulo 2^32. `step` is what
 * follows: -2^(32 - right_shift) where there is a right shift, else the left_shift that comes first.
 */
typedef struct kws_dsp_factor {
    int32_t value;
    int32_t step;
} kws_dsp_factor;

/* What a layer carries from call to call, in the network's memory. */
typedef struct kws_state {
    int32_t reset;         /* every element's value after a reset */
    uint16_t offset;       /* in bytes */
    uint16_t count;        /* of elements */
    uint8_t element_bytes; /* 1, 2 or 4 */
} kws_state;

/* The kinds of layers: KWS_LSTM and so on, and their number. */
enum {
#define KWS_KIND(NAME, name) KWS_##NAME,
#include "kws/layers/kinds.def"
#undef KWS_KIND
    KWS_KINDS
};

/* In the place of a tensor's offset: the network's input, which lies with the caller. */
#define KWS_NETWORK_INPUT 0xFFFFu

/* A layer reads tensors of int8, or the bytes of int16, and writes one. Offsets are in bytes in the network's memory. */
typedef struct kws_layer {
    const void *kernel;      /* its parameters: kws_lstm, kws_fully_connected, ... by kind */
    const uint16_t *inputs;  /* offsets of the tensors that it reads */
    const kws_state *states; /* its own, state_count of them */
    uint16_t output;         /* offset of the tensor that it writes */
    uint16_t output_size;    /* bytes of that tensor */
    uint16_t scratch;        /* offset of what it needs while it runs, if anything */
    uint8_t state_count;
    uint8_t kind;
} kws_layer;

/* The layers in order of execution; the last one's output is the network's. */
struct kws_network {
    uint32_t arch; /* KWS_ARCH of the export's compilation */
    const kws_layer *layers;
    const kws_state *states; /* of all layers */
    uint16_t layer_count;
    uint16_t state_count;
    uint16_t input_size;
    uint16_t output_size;
};

/*
 * Runs one layer: calls the function of its kind, with the network's memory and its input. The generated
 * kws_model.c defines it, for the kinds that its model has, so that an image carries no others.
 */
void kws_layer_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

/* Kinds of front ends: KWS_FRONTEND_LOG_MEL and so on, and their number. */
enum {
#define KWS_KIND(NAME, name) KWS_FRONTEND_##NAME,
#include "kws/frontends/kinds.def"
#undef KWS_KIND
    KWS_FRONTEND_KINDS
};

/* Samples to features. `constants` are of the kind's own structure, in kws/frontends/<name>.h. */
typedef struct kws_frontend {
    const void *constants;
    uint32_t memory_bytes; /* state and working memory */
    uint16_t window_size;  /* samples of a frame */
    uint16_t hop;          /* samples from frame to frame */
    uint16_t pcm_size;     /* samples that are read, window_size or more: zeros follow the frame's */
    uint16_t bands;        /* features of a frame */
    uint8_t kind;
} kws_frontend;

/*
 * The front end, by kind, as generated kws_model.c defines it for the kind of its model: reset forgets all that
 * came before; run, one hop, reads pcm [pcm_size], the window's samples and zeros behind them, and writes
 * features [bands]. `memory` is memory_bytes large.
 */
void kws_frontend_reset(const kws_frontend *frontend, void *memory);
void kws_frontend_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);

/* Kinds of decisions: KWS_DECISION_DETECTOR and so on, and their number. */
enum {
#define KWS_KIND(NAME, name) KWS_DECISION_##NAME,
#include "kws/decisions/kinds.def"
#undef KWS_KIND
    KWS_DECISION_KINDS
};

/* Posteriors to detections. `constants` are of the kind's own structure, in kws/decisions/<name>.h. */
typedef struct kws_decision {
    const void *constants;
    uint32_t memory_bytes;
    uint32_t full_score; /* the score that stands for a probability of 1 */
    uint8_t kind;
} kws_decision;

/*
 * The decision, by kind, as generated kws_model.c defines it for the kind of its model: reset forgets all that
 * came before; step takes one frame's posteriors and, where something is detected, sets result->label and
 * result->score. `memory` is memory_bytes large.
 */
void kws_decision_reset(const kws_decision *decision, void *memory);
void kws_decision_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);

/* When the network is called: kws/voice_gate.h. */
typedef struct kws_voice_gate kws_voice_gate;

/*
 * The gate in front of the network, as generated kws_model.c defines it for its model: reset forgets all that came
 * before; run takes one frame's features and returns its posteriors, which are valid until the next call. `memory` is
 * the gate's, and NULL will do without one, where run calls the network. `network` is the network's memory.
 */
void kws_gate_reset(const kws_model *model, void *memory);
const int8_t *kws_gate_run(const kws_model *model, void *memory, void *network, const int8_t *features);

/* A bit a kind, from the lowest; of gates the lowest is for models without one, the next for models with one. */
typedef struct kws_kinds {
    uint32_t layers;
    uint16_t decisions;
    uint8_t frontends;
    uint8_t gates;
} kws_kinds;

/*
 * The kinds that the functions above know, beside which it is generated. They cannot refuse a model that has others,
 * such as one whose folder's kws_kinds.c is not the program's: kws_spotter_init and kws_network_reset do.
 */
extern const kws_kinds kws_known_kinds;

struct kws_model {
    uint16_t format; /* KWS_MODEL_FORMAT of the export */
    uint16_t arch;   /* KWS_ARCH of its compilation */
    const kws_frontend *frontend;
    const kws_network *network;
    const kws_decision *decision;
    const char *const *labels;
    uint16_t label_count;
    uint32_t network_bytes;
    const kws_voice_gate *gate; /* NULL: the network is called for every frame */
    uint32_t gate_bytes;        /* 0 without one */
};

#define KWS_SPOTTER_MAGIC 0x6B777333u

/* The spotter's own counters and pointers; the arrays follow in the order of KWS_SPOTTER_BYTES. */
struct kws_spotter {
    uint32_t magic; /* KWS_SPOTTER_MAGIC once initialised */
    const kws_model *model;
    void *frontend;    /* the front end's memory */
    uint32_t *network; /* the network's */
    int16_t *pcm;      /* [pcm_size], the newest samples, of which a window's length is ever filled */
    void *decision;    /* the decision's */
    int8_t *features;  /* [bands]; the gate's memory follows, if any */
    uint32_t frame;
    uint32_t filled; /* samples in pcm */
};

#define KWS_WORDS(bytes) (((bytes) + KWS_SIZEOF(kws_word) - 1u) / KWS_SIZEOF(kws_word))
#define KWS_ALIGN4(bytes) (((bytes) + 3u) & ~3u)

/* RAM of a spotter in bytes, all constants known to the compiler. */
#define KWS_SPOTTER_BYTES(frontend_bytes, network_bytes, pcm_size, decision_bytes, bands, gate_bytes)            \
    (KWS_ALIGN4(KWS_SIZEOF(struct kws_spotter)) + KWS_ALIGN4(frontend_bytes) + KWS_ALIGN4(network_bytes) + \
     KWS_ALIGN4(2u * (pcm_size)) + KWS_ALIGN4(decision_bytes) + KWS_ALIGN4(bands) + \
     KWS_ALIGN4(gate_bytes))

#ifdef KWS_TRACE
/*
 * For comparing engines: called after every layer with its output, and with each of its states.
 * Compiled in only with -DKWS_TRACE; a product build has no such hook.
 */
typedef struct kws_trace {
    void (*layer)(void *context, uint32_t layer, const int8_t *output, size_t count);
    void (*state)(void *context, uint32_t layer, uint32_t state, const void *values, size_t bytes);
    void *context;
} kws_trace;
extern kws_trace kws_tracing;
#endif

#ifdef __cplusplus
}
#endif

#endif
