/*
 * A board whose microphone hears standard input and whose console is standard output. Like Zephyr's
 * nRF driver it stops when there is no free block; the read number FAIL_AT fails as if that had
 * happened. Ends with status 3 if a block is not given back, or if it is used wrongly.
 */
#include <errno.h>
#include <stdarg.h>
#include <hal/nrf_pdm.h>
#include <stdio.h>
#include <stdlib.h>
#include <zephyr/audio/dmic.h>
#include <zephyr/sys/printk.h>

const struct device stand_in_dmic_dev = {"dmic_dev"};
static struct pcm_stream_cfg stream;
static int running;
static unsigned gain;

static void refuse(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(3);
}

bool device_is_ready(const struct device *dev)
{
    return dev == &stand_in_dmic_dev;
}

int dmic_configure(const struct device *dev, struct dmic_cfg *cfg)
{
    const struct pdm_io_cfg *io = &cfg->io;
    stream = cfg->streams[0];
    /* The nRF52840 makes 16 kHz from 1.28 MHz / 80 or 1.032 MHz / 64. */
    if (running || dev != &stand_in_dmic_dev || io->min_pdm_clk_freq > 1280000 || io->max_pdm_clk_freq < 1032000 ||
        io->min_pdm_clk_dc > 50 || io->max_pdm_clk_dc < 50 || cfg->channel.req_num_streams != 1 ||
        cfg->channel.req_num_chan != 1 || cfg->channel.req_chan_map_lo != 0 || stream.pcm_rate != 16000 ||
        stream.pcm_width != 16 || stream.block_size > stream.mem_slab->block_size) {
        return -EINVAL;
    }
    gain = 0x28; /* the driver's own */
    cfg->channel.act_num_streams = 1;
    cfg->channel.act_num_chan = 1;
    return 0;
}

void nrf_pdm_gain_set(NRF_PDM_Type *p_reg, nrf_pdm_gain_t gain_l, nrf_pdm_gain_t gain_r)
{
    if ((uintptr_t)p_reg != DT_REG_ADDR(stand_in_dmic_dev) || gain_l != gain_r || running) {
        refuse("this is no gain of the microphone");
    }
    gain = gain_l;
}

int dmic_trigger(const struct device *dev, enum dmic_trigger cmd)
{
    if (dev != &stand_in_dmic_dev || !stream.mem_slab || (cmd == DMIC_TRIGGER_START && running)) {
        return -EIO;
    }
    running = cmd == DMIC_TRIGGER_START;
    return 0;
}

int dmic_read(const struct device *dev, uint8_t number, void **buffer, size_t *size, int32_t timeout)
{
    static int reads;
    const char *fail = getenv("FAIL_AT");
    uint32_t block = 0;
    if (dev != &stand_in_dmic_dev || number != 0 || timeout < 20 || !running || (fail && ++reads == atoi(fail))) {
        return running ? -EAGAIN : -EIO;
    }
    while (block < stream.mem_slab->num_blocks && (stream.mem_slab->used >> block & 1u)) {
        block++;
    }
    if (block == stream.mem_slab->num_blocks) {
        refuse("blocks were not given back");
    }
    *buffer = stream.mem_slab->buffer + block * stream.mem_slab->block_size;
    *size = fread(*buffer, 1, stream.block_size, stdin);
    if (*size == 0) {
        fflush(stdout);
        fprintf(stderr, "gain %u\n", gain);
        exit(0);
    }
    stream.mem_slab->used |= 1u << block;
    return 0;
}

void k_mem_slab_free(struct k_mem_slab *slab, void *mem)
{
    const size_t block = (size_t)((char *)mem - slab->buffer) / slab->block_size;
    if ((char *)mem != slab->buffer + block * slab->block_size || block >= slab->num_blocks ||
        !(slab->used >> block & 1u)) {
        refuse("this is no block in use");
    }
    slab->used &= ~(1u << block);
}

void printk(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}
