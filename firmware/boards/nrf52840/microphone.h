#ifndef KWS_MICROPHONE_H
#define KWS_MICROPHONE_H

/*
 * The registers GAINL and GAINR: steps of 0.5 dB from 0x00, -20 dB, over 0x28, 0 dB, to 0x50, +20 dB. The most
 * there is, because the Nano's microphone gives -26 dBFS at 94 dB SPL, so a voice of 65 dB SPL comes to -35 dBFS.
 * `kws export` takes it from here for the packages that run on this chip.
 */
#define MICROPHONE_GAIN 0x50u

/* The crystal oscillator must run. */
void microphone_start(void);

#endif
