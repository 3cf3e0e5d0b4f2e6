/*
 * The constant structures that `kws export` fills in. Only generated code and the library's own
 * sources need this header; a user needs kws.h.
 */
#ifndef KWS_MODEL_TYPES_H
#define KWS_MODEL_TYPES_H

#include "kws/kinds.h"
#include "kws/kws.h"

/* Generated code and library must agree on these structures; both check this number. */
#define KWS_MODEL_FORMAT 6

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
#else
#error "say here how this compiler aligns an array"
#endif

/* A real factor as multiplier * 2^(left_shift - right_shift - 31); one of the shifts is 0. */
typedef struct kws_factor {
    int32_t multiplier;
    uint8_t left_shift;
    uint8_t right_shift;
} kws_factor;

/* Gates are in the order input, forget, cell, output throughout. */
enum { KWS_GATE_INPUT, KWS_GATE_FORGET, KWS_GATE_CELL, KWS_GATE_OUTPUT, KWS_GATES };

/*
 * A factor for KWS_ARCH_DSP: `multiplier` is the factor's, doubled modulo 2^32. `step` is what
 * follows: -2^(32 - right_shift) where there is a right shift, else the left_shift that comes first.
 */
typedef struct kws_dsp_factor {
    int32_t multiplier;
    int32_t step;
} kws_dsp_factor;

/* The parts of a gate are the sum over the input and the sum over the old hidden state. */
typedef struct kws_lstm {
    const int8_t *input_weights;         /* [units][gates][inputs]; NULL if packed */
    const int8_t *recurrent_weights;     /* [units][gates][units]; NULL if packed */
    const int32_t *input_bias;           /* [units][gates], input zero point folded in; NULL if packed */
    const int32_t *recurrent_bias;       /* [units][gates], hidden zero point folded in; NULL if packed */
    const uint32_t *packed_weights;      /* KWS_ARCH_DSP: all of the above, see src/arch/lstm_dsp.h; else NULL */
    const kws_dsp_factor *packed_factors; /* [gates][2], input_factor and recurrent_factor; else NULL */
    kws_factor input_factor[KWS_GATES];     /* to Q3.12 */
    kws_factor recurrent_factor[KWS_GATES]; /* to Q3.12 */
    kws_factor hidden_factor;               /* output gate times tanh(cell) */
    int32_t hidden_zero_point;
    int32_t cell_scale_power; /* the cell's scale is 2 to this power */
    int32_t cell_clip;        /* 0 for none */
    uint16_t inputs;
    uint16_t units;
    uint16_t cell_offset;    /* of int16_t c[units] in the network's memory, in bytes */
    uint16_t hidden_offset;  /* of int8_t h[units] */
    uint16_t scratch_offset; /* of int16_t [inputs + units], each rounded up to 4; used where packed */
    uint8_t add_shift;       /* the factor of input gate times cell gate is 2^(-1 - add_shift) */
} kws_lstm;

typedef struct kws_fully_connected {
    const int8_t *weights;     /* [outputs][inputs] */
    const int32_t *bias;       /* [outputs], input zero point folded in */
    const kws_factor *factors; /* one, or one an output */
    uint16_t inputs;
    uint16_t outputs;
    uint8_t per_channel;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
} kws_fully_connected;

typedef struct kws_softmax {
    kws_factor factor; /* to Q5.26 */
    int32_t difference_min;
} kws_softmax;

typedef struct kws_logistic {
    kws_factor factor; /* to Q4.27 */
    int32_t input_zero_point;
    int32_t radius;
} kws_logistic;

/* Keeps rows start, start + step, ... */
typedef struct kws_row_slice {
    uint16_t start;
    uint16_t step;
} kws_row_slice;

typedef enum kws_layer_kind {
    KWS_LSTM,
    KWS_FULLY_CONNECTED,
    KWS_SOFTMAX,
    KWS_LOGISTIC,
    KWS_ROW_SLICE
} kws_layer_kind;

typedef struct kws_layer {
    kws_layer_kind kind;
    const void *kernel; /* kws_lstm, kws_fully_connected, ... by kind */
    uint16_t rows_in;
    uint16_t size_in;
    uint16_t rows_out;
    uint16_t size_out;
} kws_layer;

/* Memory: the states of the LSTMs, two buffers that layers write in turn, the LSTMs' scratch. */
struct kws_network {
    uint32_t arch; /* KWS_ARCH of the export's compilation */
    const kws_layer *layers;
    uint16_t layer_count;
    uint16_t input_size;
    uint16_t output_size;
    uint32_t buffer_offset[2];
};

/*
 * Whether this build of the library can run a kind: a constant in any expression, of the compiler or the
 * preprocessor. KWS_IS_ONE(flag) is 1 where `flag` is defined as 1, else 0 (Linux's IS_ENABLED).
 */
#define KWS_USES(NAME) (KWS_ALL_KINDS || KWS_IS_ONE(KWS_USES_##NAME))
#define KWS_IS_ONE(flag) KWS_IS_ONE_EXPANDED(flag)
#define KWS_IS_ONE_EXPANDED(value) KWS_SECOND_OF(KWS_COMMA_AFTER_##value 1, 0, 0)
#define KWS_COMMA_AFTER_1 0,
#define KWS_SECOND_OF(...) KWS_SECOND(__VA_ARGS__)
#define KWS_SECOND(first, second, ...) (second)

/* Samples to features. `constants` are of the kind's own structure, in kws/frontends/<name>.h. */
#define KWS_FRONTEND(NAME, name) KWS_FRONTEND_##NAME,
typedef enum kws_frontend_kind {
#include "kws/frontends.def"
} kws_frontend_kind;
#undef KWS_FRONTEND

typedef struct kws_frontend {
    const void *constants;
    uint32_t memory_bytes; /* state and working memory */
    uint16_t window_size;  /* samples of a frame */
    uint16_t hop;          /* samples from frame to frame */
    uint16_t pcm_size;     /* samples that are read, window_size or more: zeros follow the frame's */
    uint16_t bands;        /* features of a frame */
    uint8_t kind;          /* kws_frontend_kind */
} kws_frontend;

/* Posteriors to detections. `constants` are of the kind's own structure, in kws/decisions/<name>.h. */
#define KWS_DECISION(NAME, name) KWS_DECISION_##NAME,
typedef enum kws_decision_kind {
#include "kws/decisions.def"
} kws_decision_kind;
#undef KWS_DECISION

typedef struct kws_decision {
    const void *constants;
    uint32_t memory_bytes;
    uint32_t full_score; /* the greatest score, of something that is certain */
    uint8_t kind;        /* kws_decision_kind */
} kws_decision;

struct kws_model {
    uint16_t format; /* KWS_MODEL_FORMAT of the export */
    uint16_t arch;   /* KWS_ARCH of its compilation */
    const kws_frontend *frontend;
    const kws_network *network;
    const kws_decision *decision;
    const char *const *labels;
    uint16_t label_count;
    uint32_t network_bytes;
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
    int8_t *features;  /* [bands] */
    uint32_t frame;
    uint32_t filled; /* samples in pcm */
};

#define KWS_WORDS(bytes) (((bytes) + (uint32_t)sizeof(kws_word) - 1u) / (uint32_t)sizeof(kws_word))
#define KWS_ALIGN4(bytes) (((bytes) + 3u) & ~3u)

/* RAM of a spotter in bytes, all constants known to the compiler. */
#define KWS_SPOTTER_BYTES(frontend_bytes, network_bytes, pcm_size, decision_bytes, bands)                        \
    (KWS_ALIGN4((uint32_t)sizeof(struct kws_spotter)) + KWS_ALIGN4(frontend_bytes) + KWS_ALIGN4(network_bytes) + \
     KWS_ALIGN4(2u * (pcm_size)) + KWS_ALIGN4(decision_bytes) + KWS_ALIGN4(bands))

#ifdef KWS_TRACE
/*
 * For comparing engines: called after every layer with its output, and after every LSTM row with
 * its cell. Compiled in only with -DKWS_TRACE; a product build has no such hook.
 */
typedef struct kws_trace {
    void (*layer)(void *context, uint32_t layer, const int8_t *output, size_t count);
    void (*cell)(void *context, uint32_t layer, const int16_t *cell, size_t count);
    void *context;
} kws_trace;
extern kws_trace kws_tracing;
#endif

#endif
