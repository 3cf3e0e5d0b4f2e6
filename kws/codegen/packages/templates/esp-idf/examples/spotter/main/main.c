/* Names the words that an I2S microphone hears, as lines of JSON on the console. */
#include <stdbool.h>
#include <stdio.h>

#include "driver/i2s_std.h"
#include "esp_attr.h"
#include "esp_err.h"
#include "sdkconfig.h"

#include "kws_model.h"

#define print(...) (void)printf(__VA_ARGS__)

@% include "common/spotting.c" %@

#define BLOCK_SAMPLES (KWS_SAMPLE_RATE / 50) /* 20 ms */
#define PATIENCE_MS 1000

static volatile uint32_t overruns; /* blocks that the driver overwrote before they were read */

static bool IRAM_ATTR on_overrun(i2s_chan_handle_t channel, i2s_event_data_t *event, void *context)
{
    (void)channel;
    (void)event;
    (void)context;
    overruns = overruns + 1;
    return false;
}

static i2s_chan_handle_t start_microphone(void)
{
    i2s_chan_handle_t channel;
    i2s_chan_config_t port = I2S_CHANNEL_DEFAULT_CONFIG(I2S_NUM_AUTO, I2S_ROLE_MASTER);
    port.dma_desc_num = 8;
    port.dma_frame_num = BLOCK_SAMPLES;
    ESP_ERROR_CHECK(i2s_new_channel(&port, NULL, &channel));
    i2s_std_config_t standard = {
        .clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG(KWS_SAMPLE_RATE),
        .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO),
        .gpio_cfg = {
            .mclk = I2S_GPIO_UNUSED,
            .bclk = CONFIG_KWS_I2S_BCLK,
            .ws = CONFIG_KWS_I2S_WS,
            .dout = I2S_GPIO_UNUSED,
            .din = CONFIG_KWS_I2S_DIN,
        },
    };
    standard.slot_cfg.slot_mask = I2S_STD_SLOT_LEFT; /* the microphone's L/R pin is low */
    ESP_ERROR_CHECK(i2s_channel_init_std_mode(channel, &standard));
    const i2s_event_callbacks_t callbacks = {.on_recv_q_ovf = on_overrun};
    ESP_ERROR_CHECK(i2s_channel_register_event_callback(channel, &callbacks, NULL));
    ESP_ERROR_CHECK(i2s_channel_enable(channel));
    return channel;
}

static int16_t to_sample(int32_t word)
{
    const int32_t sample = word >> CONFIG_KWS_I2S_SHIFT;
    return (int16_t)(sample < INT16_MIN ? INT16_MIN : sample > INT16_MAX ? INT16_MAX : sample);
}

void app_main(void)
{
    static int32_t words[BLOCK_SAMPLES];
    static int16_t pcm[BLOCK_SAMPLES];
    uint32_t told = 0;
    const int32_t code = kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
    if (code < 0) {
        print("{\"error\":\"%s\"}\n", kws_error_name(code));
        return;
    }
    const i2s_chan_handle_t microphone = start_microphone();
    for (;;) {
        size_t bytes = 0;
        const esp_err_t error = i2s_channel_read(microphone, words, sizeof words, &bytes, PATIENCE_MS);
        if (error != ESP_OK && error != ESP_ERR_TIMEOUT) {
            ESP_ERROR_CHECK(error);
        }
        const size_t count = bytes / sizeof words[0];
        for (size_t i = 0; i < count; i++) {
            pcm[i] = to_sample(words[i]);
        }
        hear(pcm, count);
        const uint32_t lost = overruns;
        if (lost != told) {
            told = lost;
            print("{\"overruns\":%lu}\n", (unsigned long)lost);
        }
    }
}
