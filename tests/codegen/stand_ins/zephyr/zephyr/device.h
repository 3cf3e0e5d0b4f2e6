/* Stand-in for Zephyr's device model: one node, labelled dmic_dev. */
#ifndef ZEPHYR_DEVICE_H
#define ZEPHYR_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device {
    const char *name;
};
extern const struct device stand_in_dmic_dev;

#define DT_NODELABEL(label) stand_in_##label
#define DT_REG_ADDR(node) ((uintptr_t)&(node) + 0x1000u)
#define DEVICE_DT_GET(node) (&(node))
bool device_is_ready(const struct device *dev);

#endif
