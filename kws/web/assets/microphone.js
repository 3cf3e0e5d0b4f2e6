// The microphone as a stream of int16 at 16 kHz.

import { RATE, Resampler, toInt16 } from "./sound.js";

const WORKLET = "kws-recorder";
// Browsers would gate words away, and no board has any of it.
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Whether the browser lets this page use a microphone at all; if not, why. */
export function whyNoMicrophone() {
  if (navigator.mediaDevices?.getUserMedia && globalThis.AudioWorkletNode) {
    return "";
  }
  return globalThis.isSecureContext === false
    ? "Browsers give a microphone only to pages that come by https, from this machine (localhost) or from a file."
    : "This browser gives pages no microphone.";
}

/** What went wrong on the way to a microphone, for people. */
export function microphoneTrouble(error) {
  const texts = {
    NotAllowedError: "The browser was not allowed to use the microphone. Allow it beside the address, then try again.",
    NotFoundError: "No microphone was found. Plug one in, then try again.",
    NotReadableError: "The microphone cannot be opened: another program may be using it.",
  };
  return texts[error.name] ?? `The microphone cannot be used: ${error.message}`;
}

/** Call start() from a click: browsers keep sound suspended otherwise. */
export class Microphone {
  /**
   * worklet: address of worklet.js, which may be a data: URL; onSamples(Int16Array) is called some fifty times a
   * second; onEnd() when the device goes away; deviceId: of navigator.mediaDevices.enumerateDevices(), any other
   * where that one is gone; own: whether the samples stay at the device's own rate. From start() on `rate` says at
   * which they come, and `label` and `used` are the device's name and identity.
   */
  constructor({ worklet, onSamples, onEnd = () => {}, deviceId, own = false }) {
    Object.assign(this, { worklet, onSamples, onEnd, deviceId, own });
    this.context = null;
    this.stream = null;
  }

  async start() {
    const device = this.deviceId ? { deviceId: { exact: this.deviceId } } : {};
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { ...PLAIN, ...device } }).catch((error) => {
        // The one that was chosen is gone, or has another identity since it was plugged in again.
        if (error.name !== "OverconstrainedError") {
          throw error;
        }
        return navigator.mediaDevices.getUserMedia({ audio: PLAIN });
      });
      await this.open(this.own ? undefined : RATE).catch(async (error) => {
        // Some browsers connect a microphone only to a context of its own rate.
        if (error.name !== "NotSupportedError") {
          throw error;
        }
        await this.context?.close();
        await this.open(undefined);
      });
    } catch (error) {
      this.stop();
      throw error;
    }
    const [track] = this.stream.getAudioTracks();
    this.label = track.label;
    this.used = track.getSettings().deviceId;
    track.addEventListener("ended", () => {
      this.stop();
      this.onEnd();
    });
  }

  async open(sampleRate) {
    const context = new AudioContext(sampleRate === undefined ? {} : { sampleRate });
    this.context = context;
    const source = context.createMediaStreamSource(this.stream);
    await context.audioWorklet.addModule(this.worklet);
    const recorder = new AudioWorkletNode(context, WORKLET, {
      numberOfInputs: 1,
      numberOfOutputs: 0,
      channelCount: 2,
      channelCountMode: "clamped-max",
    });
    this.rate = this.own ? context.sampleRate : RATE;
    const resampler = context.sampleRate === this.rate ? null : new Resampler(context.sampleRate);
    recorder.port.onmessage = ({ data }) => {
      if (this.context === context) {
        this.onSamples(toInt16(resampler === null ? data : resampler.process(data)));
      }
    };
    source.connect(recorder);
    this.recorder = recorder;
    await context.resume();
  }

  get running() {
    return this.context !== null;
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.recorder?.port.postMessage("stop");
    const context = this.context;
    this.stream = this.recorder = this.context = null;
    context?.close();
  }
}
