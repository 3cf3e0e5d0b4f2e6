/* Complex FFT in int32: docs/SPEC.md, "FFT". Twin of kws/fixedpoint/frontend.py:fft. */
#ifndef KWS_FFT_H
#define KWS_FFT_H

#include <stdint.h>

/*
 * In place on `points` (128, 256 or 512) interleaved re and im values in digit-reversed order,
 * |re|, |im| <= 2^25. `twiddles` are (cos, sin) of 2 pi k / (2 points) in Q0.31, k < points.
 */
void kws_fft(int32_t *data, uint32_t points, const int32_t (*twiddles)[2]);

#endif
