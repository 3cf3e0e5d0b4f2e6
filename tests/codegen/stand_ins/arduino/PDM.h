/* Stand-in for the PDM library, with the interface of the core for mbed boards. */
#ifndef PDM_H
#define PDM_H

#include <Arduino.h>

class PDMClass
{
public:
    int begin(int channels, int sampleRate);
    void end();
    virtual int available();
    virtual int read(void *buffer, size_t size);
    void onReceive(void (*)(void));
    void setGain(int gain);
    void setBufferSize(int bufferSize);
};
extern PDMClass PDM;

#endif
