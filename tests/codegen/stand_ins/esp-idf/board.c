/*
 * A chip whose I2S microphone hears standard input, 16 significant bits left-justified in 32 less
 * the shift that the example undoes, and whose console is standard output. Calls that come in the
 * wrong state fail as the driver's do. At the read number OVERRUN_AT the driver reports a lost block.
 */
#include "driver/i2s_std.h"
#include "sdkconfig.h"

void app_main(void);

#ifdef CONFIG_KWS_I2S_BCLK /* a project with a microphone */

struct i2s_channel_obj_t {
    enum { ABSENT, REGISTERED, READY, RUNNING } state;
    i2s_event_callbacks_t callbacks;
    void *context;
};
static struct i2s_channel_obj_t receiver;

esp_err_t i2s_new_channel(const i2s_chan_config_t *config, i2s_chan_handle_t *tx, i2s_chan_handle_t *rx)
{
    if (tx || !rx || config->role != I2S_ROLE_MASTER || config->dma_desc_num < 2 || config->dma_frame_num < 8) {
        return ESP_ERR_INVALID_ARG;
    }
    receiver.state = REGISTERED;
    *rx = &receiver;
    return ESP_OK;
}

esp_err_t i2s_channel_init_std_mode(i2s_chan_handle_t channel, const i2s_std_config_t *config)
{
    const i2s_std_slot_config_t *slot = &config->slot_cfg;
    if (channel->state != REGISTERED) {
        return ESP_ERR_INVALID_STATE;
    }
    if (config->clk_cfg.sample_rate_hz != 16000 || slot->data_bit_width != I2S_DATA_BIT_WIDTH_32BIT ||
        slot->slot_mode != I2S_SLOT_MODE_MONO || slot->slot_mask != I2S_STD_SLOT_LEFT || !slot->bit_shift ||
        config->gpio_cfg.bclk != CONFIG_KWS_I2S_BCLK || config->gpio_cfg.ws != CONFIG_KWS_I2S_WS ||
        config->gpio_cfg.din != CONFIG_KWS_I2S_DIN || config->gpio_cfg.dout != I2S_GPIO_UNUSED) {
        return ESP_ERR_INVALID_ARG;
    }
    channel->state = READY;
    return ESP_OK;
}

esp_err_t i2s_channel_register_event_callback(i2s_chan_handle_t channel, const i2s_event_callbacks_t *callbacks,
                                              void *context)
{
    channel->callbacks = *callbacks;
    channel->context = context;
    return channel->state == READY ? ESP_OK : ESP_ERR_INVALID_STATE;
}

esp_err_t i2s_channel_enable(i2s_chan_handle_t channel)
{
    const esp_err_t error = channel->state == READY ? ESP_OK : ESP_ERR_INVALID_STATE;
    channel->state = RUNNING;
    return error;
}

esp_err_t i2s_channel_read(i2s_chan_handle_t channel, void *dest, size_t size, size_t *bytes_read, uint32_t timeout_ms)
{
    static int reads;
    static int16_t samples[4096];
    const char *overrun = getenv("OVERRUN_AT");
    if (channel->state != RUNNING || timeout_ms == 0 || size / 4 > sizeof samples / 2) {
        return ESP_ERR_INVALID_STATE;
    }
    if (overrun && ++reads == atoi(overrun)) {
        i2s_event_data_t event = {NULL, NULL, 0};
        channel->callbacks.on_recv_q_ovf(channel, &event, channel->context);
        *bytes_read = 0;
        return ESP_ERR_TIMEOUT;
    }
    const size_t count = fread(samples, 2, size / 4, stdin);
    if (count == 0) {
        fflush(stdout);
        exit(0);
    }
    for (size_t i = 0; i < count; i++) {
        ((int32_t *)dest)[i] = (int32_t)samples[i] * (1 << CONFIG_KWS_I2S_SHIFT);
    }
    *bytes_read = 4 * count;
    return ESP_OK;
}

#endif

int main(void)
{
    app_main();
    return 0;
}
