/* Names the words that the digital microphone hears, as lines of JSON on the console. */
#include <zephyr/audio/dmic.h>
#include <zephyr/device.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#if defined(CONFIG_SOC_NRF52840)
#include <hal/nrf_pdm.h>
#endif

#include "kws_model.h"

#define print printk

@% include "common/spotting.c" %@

@% include "common/nrf52840_gain.c" %@

#define BLOCK_BYTES (KWS_SAMPLE_RATE / 50 * sizeof(int16_t)) /* 20 ms */
#define BLOCKS 8
#define PATIENCE_MS 1000

K_MEM_SLAB_DEFINE_STATIC(blocks, BLOCK_BYTES, BLOCKS, 4);

static int start(const struct device *microphone)
{
    struct pcm_stream_cfg stream = {
        .pcm_rate = KWS_SAMPLE_RATE,
        .pcm_width = 16,
        .block_size = BLOCK_BYTES,
        .mem_slab = &blocks,
    };
    struct dmic_cfg configuration = {
        .io = {
            .min_pdm_clk_freq = 1000000,
            .max_pdm_clk_freq = 3250000,
            .min_pdm_clk_dc = 40,
            .max_pdm_clk_dc = 60,
        },
        .streams = &stream,
        .channel = {
            .req_num_streams = 1,
            .req_num_chan = 1,
            .req_chan_map_lo = dmic_build_channel_map(0, 0, PDM_CHAN_LEFT),
        },
    };
    const int code = dmic_configure(microphone, &configuration);
#if defined(CONFIG_SOC_NRF52840)
    /* The driver has no setting for it, and writes its own when it is configured. */
    nrf_pdm_gain_set((NRF_PDM_Type *)DT_REG_ADDR(DT_NODELABEL(dmic_dev)), NRF52840_GAIN, NRF52840_GAIN);
#endif
    return code < 0 ? code : dmic_trigger(microphone, DMIC_TRIGGER_START);
}

int main(void)
{
    const struct device *const microphone = DEVICE_DT_GET(DT_NODELABEL(dmic_dev));
    uint32_t overruns = 0;
    const int32_t code = kws_spotter_init(&spotter, &kws_model_data, memory, sizeof(memory));
    if (code < 0) {
        print("{\"error\":\"%s\"}\n", kws_error_name(code));
        return 0;
    }
    if (!device_is_ready(microphone) || start(microphone) < 0) {
        print("{\"error\":\"the microphone does not start\"}\n");
        return 0;
    }
    for (;;) {
        void *block;
        size_t bytes;
        if (dmic_read(microphone, 0, &block, &bytes, PATIENCE_MS) < 0) {
            /* The driver stops when it finds no free block: samples were lost. */
            overruns++;
            print("{\"overruns\":%lu}\n", (unsigned long)overruns);
            (void)dmic_trigger(microphone, DMIC_TRIGGER_STOP);
            if (start(microphone) < 0) {
                print("{\"error\":\"the microphone does not start again\"}\n");
                return 0;
            }
            continue;
        }
        hear(block, bytes / sizeof(int16_t));
        k_mem_slab_free(&blocks, block);
    }
}
