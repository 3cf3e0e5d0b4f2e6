#include <PDM.h>
#include <kws_model.h>
#include <stdarg.h>
#include <stdio.h>

@% include "common/arduino_print.cpp" %@

static uint32_t lit_at = 0; /* when a word was last detected */
static bool lit = false;

@% set on_detection = "lit = true;\n    lit_at = millis();" %@
@% include "common/spotting.c" %@

@% include "common/nrf52840_gain.c" %@

/* Blocks of samples on their way from the microphone's interrupt to loop(): 16 of 16 ms each. */
static const uint32_t BLOCKS = 16;
static const uint32_t BLOCK_SAMPLES = 256;
static int16_t blocks[BLOCKS][BLOCK_SAMPLES];
static uint16_t block_samples[BLOCKS];
static volatile uint32_t blocks_filled = 0; /* counted up by the interrupt */
static volatile uint32_t blocks_heard = 0;  /* counted up by loop() */
static volatile uint32_t blocks_lost = 0;

static void on_samples()
{
    /* The driver stops for good if a block is left where it is, so even a lost one is read. */
    static int16_t nowhere[BLOCK_SAMPLES];
    const bool full = blocks_filled - blocks_heard == BLOCKS;
    const uint32_t slot = blocks_filled % BLOCKS;
    const int available = PDM.available();
    const int wanted = available < (int)sizeof nowhere ? available : (int)sizeof nowhere;
    const int bytes = PDM.read(full ? nowhere : blocks[slot], wanted);
    if (full) {
        blocks_lost = blocks_lost + 1;
    } else if (bytes > 0) {
        block_samples[slot] = (uint16_t)(bytes / 2);
        blocks_filled = blocks_filled + 1;
    }
}

static void stop(const char *why)
{
    print("{\"error\":\"%s\"}\n", why);
    for (;;) {
        delay(1000);
    }
}

void setup()
{
    Serial.begin(115200);
    pinMode(LED_BUILTIN, OUTPUT);
    const int32_t code = kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
    if (code < 0) {
        stop(kws_error_name(code));
    }
    PDM.setBufferSize(BLOCK_SAMPLES * 2);
    PDM.onReceive(on_samples);
#if defined(ARDUINO_ARCH_NRF52840) || defined(NRF52840_XXAA)
    PDM.setGain(NRF52840_GAIN);
#endif
    if (!PDM.begin(1, KWS_SAMPLE_RATE)) {
        stop("the microphone does not start");
    }
}

void loop()
{
    static uint32_t told = 0;
    while (blocks_heard != blocks_filled) {
        const uint32_t slot = blocks_heard % BLOCKS;
        hear(blocks[slot], block_samples[slot]);
        blocks_heard = blocks_heard + 1;
    }
    lit = lit && millis() - lit_at < 300;
    digitalWrite(LED_BUILTIN, lit ? HIGH : LOW);
    const uint32_t lost = blocks_lost;
    if (lost != told) {
        told = lost;
        print("{\"overruns\":%lu}\n", (unsigned long)lost);
    }
    delay(1); /* the core sleeps meanwhile */
}
