// A bar a word with its threshold, and the level of the sound. Widths are custom properties, set by script, which
// a content security policy allows; kws.css draws them.

export class WordBars {
  /** parent: is emptied; words: their names; thresholds: a probability each, or null. */
  constructor(parent, words, thresholds) {
    this.rows = words.map((word, i) => {
      const row = document.createElement("div");
      row.className = "kws-word";
      const name = document.createElement("span");
      name.className = "kws-word-name";
      name.textContent = word;
      const bar = document.createElement("span");
      bar.className = "kws-bar";
      const fill = document.createElement("span");
      fill.className = "kws-bar-fill";
      bar.append(fill);
      if (thresholds !== null) {
        const mark = document.createElement("span");
        mark.className = "kws-bar-mark";
        mark.style.setProperty("--place", thresholds[i].toFixed(4));
        mark.title = `threshold ${thresholds[i].toFixed(2)}`;
        bar.append(mark);
      }
      const value = document.createElement("span");
      value.className = "kws-word-value";
      row.append(name, bar, value);
      return { row, fill, value, last: -1 };
    });
    parent.replaceChildren(...this.rows.map(({ row }) => row));
    words.forEach((_, i) => this.set(i, 0));
  }

  /** A word's mean posterior, 0 to 1. */
  set(word, share) {
    const row = this.rows[word];
    const percent = Math.round(100 * share);
    if (percent !== row.last) {
      row.last = percent;
      row.fill.style.setProperty("--share", percent === 0 ? "0" : share.toFixed(3));
      row.value.textContent = String(percent);
    }
  }

  /** Show which words were just heard: a Set of their indices. */
  light(words) {
    this.rows.forEach(({ row }, i) => row.classList.toggle("heard", words.has(i)));
  }
}

export class LevelMeter {
  /** parent: is emptied. */
  constructor(parent) {
    this.bar = document.createElement("span");
    this.bar.className = "kws-bar";
    this.fill = document.createElement("span");
    this.fill.className = "kws-bar-fill";
    this.peak = document.createElement("span");
    this.peak.className = "kws-bar-mark";
    this.bar.append(this.fill, this.peak);
    this.text = document.createElement("span");
    this.text.className = "kws-level-text";
    parent.replaceChildren(this.bar, this.text);
    this.show(null);
  }

  /** What level() of sound.js gave, or null for nothing. */
  show(value) {
    const share = (decibels) => Math.max(0, 1 + decibels / 90).toFixed(3);
    const clipping = value !== null && value.peak > -0.1;
    this.fill.style.setProperty("--share", value === null ? "0" : share(value.rms));
    this.peak.hidden = value === null;
    this.peak.style.setProperty("--place", value === null ? "0" : share(value.peak));
    this.bar.classList.toggle("clipping", clipping);
    this.text.textContent = value === null ? "–" : clipping ? "clipping" : `${value.rms.toFixed(0)} dBFS`;
  }
}
