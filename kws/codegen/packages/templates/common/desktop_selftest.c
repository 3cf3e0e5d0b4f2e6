/* Ends with status 0 if every byte is as expected. */
#include <stdio.h>

#include "kws_selftest.h"

#define print(...) (void)printf(__VA_ARGS__)

@% include "common/selftesting.c" %@

int main(void)
{
    return selftest() ? 0 : 1;
}
