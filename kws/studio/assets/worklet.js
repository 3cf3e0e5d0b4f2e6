// Raw samples from the microphone, as int16 in pieces of 40 ms at 16 kHz.
const SIZE = 640;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.kept = new Int16Array(SIZE);
    this.count = 0;
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!channel) return true;
    for (let i = 0; i < channel.length; i++) {
      this.kept[this.count++] = Math.max(-32768, Math.min(32767, Math.round(channel[i] * 32768)));
      if (this.count === SIZE) {
        this.port.postMessage(this.kept.slice());
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
