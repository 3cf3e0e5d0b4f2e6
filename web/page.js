// The page: one model, one stretch of sound at a time, from the microphone or from a recording.

import { Microphone, microphoneTrouble, whyNoMicrophone } from "./kws/microphone.js";
import { LevelMeter, WordBars } from "./kws/meters.js";
import { Session } from "./kws/session.js";
import { RATE, decode, level, wav } from "./kws/sound.js";
import { Spectrogram } from "./kws/spectrogram.js";
import { Spotter } from "./kws/spotter.js";
import { modelBytes, shippedModels, workletAddress } from "./sources.js";

const LIVE_SECONDS = 6;
const LIT_SECONDS = 0.8;
const MOST_LINES = 200;
const MUTED_SECONDS = 2;
// So much of a recording at once, so that the page stays awake.
const SLICE = 4 * RATE;
const NUMBERS_MS = 150;

const element = (id) => document.getElementById(id);
const meter = new LevelMeter(element("level"));
const models = shippedModels();
let spotter = null;
let session = null;
let spectrogram = null;
let bars = null;
let microphone = null;
let lit = new Map();
let newestLevel = null;
let zeros = 0;
let drawing = false;
let numbersShown = 0;
// Counts what was begun: whatever is slow sees whether it still matters.
let turn = 0;

function tell(text) {
  element("message").textContent = text;
  element("message").hidden = text === "";
}

function state(text) {
  element("state").textContent = text;
}

function words() {
  return spotter.description.labels.slice(spotter.description.first_word);
}

function invite() {
  const said = words();
  const list = said.length > 1 ? `${said.slice(0, -1).join(", ")} or ${said.at(-1)}` : said[0];
  element("invitation").textContent = `Press Listen and say ${list}. Or drop a recording here.`;
  state("Ready.");
}

/** Begin anew with the model that is there: nothing heard yet. */
function restart() {
  const { bands, hop, labels, first_word: first, thresholds } = spotter.description;
  session = new Session(spotter);
  spectrogram = new Spectrogram(element("spectrogram"), bands, Math.round((LIVE_SECONDS * RATE) / hop));
  bars = new WordBars(element("words"), labels.slice(first), thresholds);
  lit = new Map();
  newestLevel = null;
  zeros = 0;
  element("heard").replaceChildren();
  element("said").textContent = "";
  element("nothing").hidden = false;
  element("nothing").textContent = "Nothing yet.";
  element("invitation").textContent = "";
  element("save-sound").disabled = element("save-numbers").disabled = true;
  draw();
}

function stop() {
  microphone?.stop();
  microphone = null;
  element("listen").classList.remove("listening");
  element("listen-text").textContent = "Listen";
}

/** Take samples into the session, the picture and the list. */
function take(samples) {
  const frames = session.feed(samples);
  for (const frame of frames) {
    spectrogram.push(frame.features);
    if (frame.detection !== null) {
      spectrogram.mark(frame.detection.word);
      enter(frame.detection);
    }
  }
}

function enter({ seconds, word, score, index }) {
  lit.set(index, seconds);
  const line = document.createElement("li");
  for (const [name, text] of [
    ["word", word],
    ["time", clock(seconds)],
    ["score", score.toFixed(2)],
  ]) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    line.append(span);
  }
  element("heard").prepend(line);
  while (element("heard").childElementCount > MOST_LINES) {
    element("heard").lastElementChild.remove();
  }
  element("nothing").hidden = true;
  element("said").textContent = word;
}

function clock(seconds) {
  const whole = Math.floor(seconds / 60);
  const rest = (seconds - 60 * whole).toFixed(2);
  return whole > 0 ? `${whole}:${rest.padStart(5, "0")}` : `${rest} s`;
}

function hear(samples) {
  if (samples.length === 0) {
    return;
  }
  take(samples);
  newestLevel = level(samples);
  zeros = newestLevel.zeros ? zeros + samples.length : 0;
  if (zeros > MUTED_SECONDS * RATE) {
    tell("The microphone delivers only zeros. Is it muted?");
  } else if (zeros === 0 && !element("message").hidden) {
    tell("");
  }
  schedule();
}

function schedule() {
  if (!drawing) {
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      draw();
    });
  }
}

function draw() {
  spectrogram.draw();
  meter.show(newestLevel);
  words().forEach((_, i) => bars.set(i, session.means.of(i)));
  bars.light(new Set([...lit].filter(([, at]) => session.seconds - at < LIT_SECONDS).map(([index]) => index)));
  if (microphone !== null) {
    state(`Listening: ${clock(session.seconds)}`);
  }
  const some = session.frames > 0;
  element("save-sound").disabled = element("save-numbers").disabled = !some;
  if (element("numbers").open && (microphone === null || performance.now() - numbersShown > NUMBERS_MS)) {
    numbersShown = performance.now();
    showNumbers();
  }
}

function showNumbers() {
  const { id, labels, weight_bytes: weights, frontend, bands, hop } = spotter.description;
  const facts = [
    ["model", `${spotter.description.name}, id ${id}`],
    ["weights", `${weights.toLocaleString("en")} bytes`],
    ["front end", `${frontend}, ${bands} features every ${(1000 * hop) / RATE} ms`],
    ["frames", session.frames.toLocaleString("en")],
  ];
  element("facts").replaceChildren(
    ...facts.flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
  const frame = session.newest;
  element("features").textContent = frame === null ? "–" : [...frame.features].join(" ");
  const row = (kind, values) => {
    const made = document.createElement("tr");
    made.append(...values.map((value) => Object.assign(document.createElement(kind), { textContent: value })));
    return made;
  };
  element("posteriors").replaceChildren(
    row("th", labels),
    row("td", labels.map((_, i) => (frame === null ? "–" : String(frame.posteriors[i])))),
  );
}

async function listen() {
  if (microphone !== null) {
    stop();
    state(`Stopped after ${clock(session.seconds)}.`);
    schedule();
    return;
  }
  turn += 1;
  const mine = turn;
  tell("");
  restart();
  const opened = new Microphone({
    worklet: workletAddress(),
    deviceId: element("device").value,
    onSamples: (samples) => mine === turn && microphone === opened && hear(samples),
    onEnd: () => {
      if (microphone === opened) {
        stop();
        tell("The microphone went away. Plug it in again and press Listen.");
      }
    },
  });
  microphone = opened;
  element("listen").classList.add("listening");
  element("listen-text").textContent = "Stop";
  state("Waiting for the microphone …");
  try {
    await opened.start();
  } catch (error) {
    if (microphone === opened) {
      stop();
      invite();
      tell(microphoneTrouble(error));
    }
    return;
  }
  if (microphone !== opened) {
    opened.stop();
    return;
  }
  await showDevices(opened.used);
}

async function showDevices(used) {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "audioinput");
  element("device").replaceChildren(...found.map(({ label, deviceId }) => new Option(label, deviceId)));
  element("device").value = used;
  element("devices").hidden = found.length < 2;
}

async function hearFile(file) {
  stop();
  turn += 1;
  const mine = turn;
  tell("");
  restart();
  state(`Reading ${file.name} …`);
  const samples = await decode(await file.arrayBuffer(), (text) => mine === turn && tell(text));
  if (mine !== turn) {
    return;
  }
  const { hop, window } = spotter.description;
  spectrogram.show(Math.max(1, 1 + Math.floor((samples.length - window) / hop)));
  let spent = 0;
  for (let at = 0; at < samples.length; at += SLICE) {
    const began = performance.now();
    take(samples.subarray(at, at + SLICE));
    spent += performance.now() - began;
    state(`Hearing ${file.name}: ${clock(session.seconds)}`);
    await new Promise((resolve) => setTimeout(resolve));
    if (mine !== turn) {
      return;
    }
  }
  newestLevel = level(samples);
  element("nothing").textContent = "None of the words was heard.";
  const factor = spent > 0 ? `, ${Math.round((1000 * session.seconds) / spent)} times faster than real time` : "";
  state(`${file.name}: ${clock(session.seconds)}${factor}`);
  draw();
}

async function use(bytes) {
  stop();
  turn += 1;
  const mine = turn;
  tell("");
  state("Loading the model …");
  const opened = await Spotter.open(bytes);
  if (mine !== turn) {
    return;
  }
  spotter = opened;
  restart();
  invite();
  element("listen").disabled = whyNoMicrophone() !== "";
}

async function choose(index) {
  state("Loading the model …");
  element("model").value = String(index);
  await use(await modelBytes(models[index]));
}

async function takeFiles(files) {
  for (const file of files) {
    if (file.name.endsWith(".wasm")) {
      await use(await file.arrayBuffer());
      models.push({ name: spotter.description.name, blob: file });
      element("model").add(new Option(spotter.description.name, String(models.length - 1)));
      element("model").value = String(models.length - 1);
    } else {
      await hearFile(file);
    }
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Run what a person asked for; what goes wrong is said on the page. */
function attempt(action) {
  action().catch((error) => {
    tell(error.message.charAt(0).toUpperCase() + error.message.slice(1));
    state("");
  });
}

element("listen").addEventListener("click", () => attempt(listen));
element("open").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", ({ target }) => {
  const files = [...target.files];
  target.value = "";
  attempt(() => takeFiles(files));
});
element("model").addEventListener("change", ({ target }) => attempt(() => choose(Number(target.value))));
element("device").addEventListener("change", () => {
  if (microphone !== null) {
    stop();
    attempt(listen);
  }
});
element("save-sound").addEventListener("click", () => save(wav([session.sound()]), "heard.wav"));
element("save-numbers").addEventListener("click", () =>
  save(new Blob([session.table()], { type: "text/csv" }), "heard.csv"),
);
element("numbers").addEventListener("toggle", () => session !== null && schedule());
new ResizeObserver(() => spectrogram !== null && schedule()).observe(element("picture"));
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
}
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (relatedTarget === null) {
    document.body.classList.remove("dropping");
  }
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  attempt(() => takeFiles([...event.dataTransfer.files]));
});

models.forEach(({ name }, i) => element("model").add(new Option(name, String(i))));
attempt(async () => {
  await choose(0);
  tell(whyNoMicrophone());
});
