#ifndef KWS_MICROPHONE_H
#define KWS_MICROPHONE_H

/* The crystal oscillator must run. */
void microphone_start(void);

#endif
