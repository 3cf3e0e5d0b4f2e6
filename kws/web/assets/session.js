// One stretch of sound through one model, from a reset on: what was heard, and the numbers behind it.

import { Means } from "./spotter.js";
import { RATE } from "./sound.js";

/** Of this much sound samples and numbers are kept, from the start on: five minutes. */
export const KEPT_SECONDS = 300;

export class Session {
  constructor(spotter) {
    spotter.reset();
    this.spotter = spotter;
    this.description = spotter.description;
    this.means = new Means(this.description);
    this.samples = 0;
    this.frames = 0;
    this.pieces = [];
    this.kept = [];
    this.newest = null;
  }

  get seconds() {
    return this.samples / RATE;
  }

  /** Feed int16 at 16 kHz; returns the frames that it completed, each with `detection`: null or {seconds, word, score}. */
  feed(samples) {
    const room = KEPT_SECONDS * RATE - this.samples;
    if (room > 0) {
      this.pieces.push(samples.slice(0, room));
    }
    this.samples += samples.length;
    const frames = this.spotter.process(samples);
    for (const frame of frames) {
      this.means.push(frame.posteriors);
      frame.detection =
        frame.label < 0
          ? null
          : {
              seconds: this.spotter.seconds(frame.frame),
              word: this.description.names[frame.label],
              score: frame.score,
              index: frame.label - this.description.first_word,
            };
      if (room > 0) {
        this.kept.push(frame);
      }
      this.newest = frame;
    }
    this.frames += frames.length;
    return frames;
  }

  /** The samples that were kept, as they were fed. */
  sound() {
    const out = new Int16Array(this.pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  /** Features, posteriors and detections of the frames that were kept, as integers: comma-separated values. */
  table() {
    const { bands, labels } = this.description;
    const head = [
      "frame",
      ...Array.from({ length: bands }, (_, i) => `feature_${i}`),
      ...labels.map((label) => `"${label.replaceAll('"', '""')}"`),
      "label",
      "score",
    ];
    const rows = this.kept.map(({ frame, features, posteriors, label, sum }) =>
      [frame, ...features, ...posteriors, label, label < 0 ? 0 : sum].join(","),
    );
    return `${[head.join(","), ...rows].join("\n")}\n`;
  }
}
