// The network of kws.h run by the TensorFlow Lite Micro interpreter.
//
// Takes the place of firmware/src/network.c: the spotter, its front end, its detector and the app
// on top are the same C code as ever and do not notice. The .tflite file inside the image is the
// array that `kws export` wrote.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "kws/kws.h"
#include "kws/model.h"
#include "kws_model.h"
#include "kws_model_tflite.h"

#include "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

extern "C" {
#include "board.h"
}

#ifndef KWS_TFLM_ARENA_BYTES
// README.md says what models need and how that was measured.
#define KWS_TFLM_ARENA_BYTES 8192
#endif

namespace {

constexpr unsigned int kOperators = 3;
using Resolver = tflite::MicroMutableOpResolver<kOperators>;

alignas(16) uint8_t arena[KWS_TFLM_ARENA_BYTES];
// Raw memory and placement new: the board's start-up runs no constructors, and nothing here is
// ever destroyed.
alignas(Resolver) uint8_t resolver_memory[sizeof(Resolver)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_memory[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter *interpreter = nullptr;

void write_log(const char *message)
{
    board_write(message, std::strlen(message));
}

[[noreturn]] void fail(const char *message)
{
    write_log(message);
    board_exit(1);
}

void start()
{
    RegisterDebugLogCallback(write_log);
    auto *resolver = new (resolver_memory) Resolver();
    if (resolver->AddUnidirectionalSequenceLSTM() != kTfLiteOk || resolver->AddFullyConnected() != kTfLiteOk ||
        resolver->AddSoftmax() != kTfLiteOk) {
        fail("tflm: cannot register the operators\n");
    }
    interpreter = new (interpreter_memory)
        tflite::MicroInterpreter(tflite::GetModel(kws_model_tflite), *resolver, arena, sizeof arena);
    if (interpreter->AllocateTensors() != kTfLiteOk) {
        fail("tflm: cannot prepare the model; it may have another operator, or KWS_TFLM_ARENA_BYTES is too small\n");
    }
    if (interpreter->input(0)->bytes != KWS_MODEL_INPUT_SIZE || interpreter->output(0)->bytes != KWS_MODEL_OUTPUT_SIZE) {
        fail("tflm: the .tflite file and kws_model.h are of different models\n");
    }
}

} // namespace

// The LSTM's h and c are variable tensors in the arena: they live from one Invoke to the next, and
// Reset sets them to their zero points.
extern "C" int32_t kws_network_reset(const kws_network *, void *)
{
    if (interpreter == nullptr) {
        start();
    }
    if (interpreter->Reset() != kTfLiteOk) {
        fail("tflm: cannot reset the interpreter\n");
    }
    return KWS_OK;
}

extern "C" int32_t kws_network_run(const kws_network *, void *, const int8_t *input, const int8_t **output)
{
    std::memcpy(interpreter->input(0)->data.int8, input, KWS_MODEL_INPUT_SIZE);
    if (interpreter->Invoke() != kTfLiteOk) {
        fail("tflm: Invoke failed\n");
    }
    *output = interpreter->output(0)->data.int8;
    return KWS_OK;
}
