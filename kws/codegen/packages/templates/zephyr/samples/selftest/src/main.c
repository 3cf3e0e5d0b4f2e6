/* Does this device compute what the computer computed that wrote this module? */
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "kws_selftest.h"

#define print printk

@% include "common/selftesting.c" %@

int main(void)
{
    selftest();
    return 0;
}
