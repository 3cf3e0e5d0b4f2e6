// Elements from values. Texts become text nodes, so that no name is ever read as HTML.

export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  set(element, properties);
  add(element, children);
  return element;
}

export function svg(tag, properties, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, properties);
  add(element, children);
  return element;
}

function set(element, properties) {
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
}

function add(element, children) {
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

// What is drawn again and again keeps the focus and the selection if nothing has changed.
export function keyed(element, key, make) {
  const text = JSON.stringify(key);
  if (element.dataset.key === text) return;
  element.dataset.key = text;
  const focused = document.activeElement;
  const name = element.contains(focused) && focused !== element ? named(focused) : null;
  fill(element, make());
  // Who goes by the keyboard would begin at the top of the page again.
  if (name !== null) [...element.querySelectorAll("a, button, input, select, summary, [tabindex]")].find((e) => named(e) === name)?.focus({ preventScroll: true });
}

const named = (element) => `${element.tagName} ${element.getAttribute("aria-label") || element.textContent}`;

export function card(title, ...children) {
  return h("section", { class: "card" }, title && h("h2", {}, title), ...children);
}

export function field(label, control, hint) {
  return h("label", { class: "field" }, label, control, hint && h("small", {}, hint));
}

export function select(options, chosen, properties) {
  return h("select", properties, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

export function command(text) {
  const copy = h("button", { class: "small", type: "button", "aria-label": `Copy the command ${text}` }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select it by hand";
    }
  });
  return h("div", { class: "command" }, h("code", {}, text), copy);
}

export function terminal(...texts) {
  return h("div", {}, h("p", { class: "terminal" }, "The same in a terminal, in this folder:"), texts.map(command));
}

const MOST_TOASTS = 4;

// What can be taken back stays until it is closed, or four newer ones have come: nobody has to hurry.
export function toast(text, action, run) {
  const box = h("div", { class: "toast" }, h("span", {}, text));
  if (action) {
    box.append(h("button", { class: "small", type: "button", onclick: () => { box.remove(); run(); } }, action),
      h("button", { class: "small", type: "button", "aria-label": "Close this message", onclick: () => box.remove() }, "×"));
  } else setTimeout(() => box.remove(), 8000);
  const all = document.getElementById("toasts");
  all.append(box);
  while (all.children.length > MOST_TOASTS) all.firstChild.remove();
}

export function table(columns, rows, caption) {
  const head = columns.map((c) => h("th", { scope: "col", class: c.startsWith("#") ? "number" : null }, c.replace("#", "")));
  const body = rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { class: columns[i].startsWith("#") ? "number" : null }, cell))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

export const percent = (share, digits = 1) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)}\u00a0%`);
export const kilobytes = (bytes) => (bytes < 1e6 ? `${(bytes / 1000).toFixed(1)}\u00a0KB` : `${(bytes / 1e6).toFixed(2)}\u00a0MB`);
export const ROOM = "_background_noise_";
export const wordName = (word) => (word === ROOM ? "the room" : word);
export const labelName = (label) => ({ _unknown_: "another word", _silence_: "silence" })[label] || label;
// As a terminal needs it.
export const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
export function seconds(s) {
  if (s < 90) return `${Math.max(0, Math.round(s))} s`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}
