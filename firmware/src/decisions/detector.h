/* Posteriors to detections. Twin of kws/fixedpoint/decisions/detector.py. */
#ifndef KWS_DECISIONS_DETECTOR_H
#define KWS_DECISIONS_DETECTOR_H

#include "kws/model.h"

void kws_detector_reset(kws_spotter *spotter);

/* Feed one frame's posteriors; sets result->label (or -1) and result->score. */
void kws_detector_step(kws_spotter *spotter, const int8_t *posteriors, kws_result *result);

#endif
