/* Does this chip compute what the computer computed that wrote this component? */
#include <stdio.h>

#include "kws_selftest.h"

#define print(...) (void)printf(__VA_ARGS__)

@% include "common/selftesting.c" %@

void app_main(void)
{
    selftest();
}
