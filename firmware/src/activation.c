#include "activation.h"

#include "arithmetic.h"

int32_t kws_recip(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1); /* RECIP/1 */
    int32_t x = 1515870810 + kws_rdhm(half_denominator, -1010580540);              /* RECIP/2 */
    for (int i = 0; i < 3; i++) { /* RECIP/3 */
        const int32_t error = (1 << 29) - kws_rdhm(half_denominator, x);
        x += kws_satshift(kws_rdhm(x, error), 2);
    }
    return kws_satshift(x, 1); /* RECIP/4 */
}
