// The page: which room is open, what the server says, what runs.
import { Failure, get } from "./api.js";
import { fill, h, keyed } from "./dom.js";
import { jobs } from "./jobs.js";
import board from "./rooms/board.js";
import data from "./rooms/data.js";
import judge from "./rooms/judge.js";
import live from "./rooms/live.js";
import record from "./rooms/record.js";
import start from "./rooms/start.js";
import train from "./rooms/train.js";

const ROOMS = [start, record, data, train, judge, live, board];
const KINDS = { start: ["new", "voices"], record: ["mic-check", "takes"], data: ["check"], train: ["train"], judge: ["judge", "tune"], live: [], board: ["build", "flash", "monitor", "verify"] };
let state = null;
let open = null;
let current = null;

function wanted() {
  const name = location.hash.slice(1);
  return ROOMS.find((room) => room.id === name && (state.project || room === start)) || start;
}

function enter() {
  if (!state) return;
  const room = wanted();
  if (room !== current) {
    if (open && open.leave) open.leave();
    const moved = current !== null;
    current = room;
    const main = document.getElementById("room");
    fill(main, h("h1", {}, room.title), h("p", { class: "lead" }, room.lead));
    open = room.mount(main, () => state);
    document.title = `${room.title} · kws studio`;
    if (moved) { main.focus({ preventScroll: true }); scrollTo(0, 0); }
  }
  open.update(state);
  navigation();
}

function navigation() {
  const shown = ROOMS.filter((room) => state.project || room === start);
  const busy = state.jobs.filter((job) => job.status === "running").map((job) => job.kind);
  const rows = shown.map((room, i) => [room.id, room.title, i + 1, room === current, KINDS[room.id].some((k) => busy.includes(k))]);
  keyed(document.getElementById("rooms"), rows, () => rows.map(([id, title, n, here, works]) =>
    h("a", { href: `#${id}`, "aria-current": here ? "page" : null }, h("span", { class: "n", "aria-hidden": "true" }, n), title,
      works && h("span", { class: "busy", role: "img", "aria-label": "something runs here" }))));
}

function hear(next) {
  state = next;
  jobs.update(state.jobs);
  document.getElementById("folder").textContent = state.folder;
  enter();
}

// A browser opens six connections to one server: a tab that nobody looks at keeps none, so that any number may be open.
let events = null;

function connect() {
  const link = document.getElementById("link");
  if (events) events.close();
  events = document.hidden ? null : new EventSource("/api/events");
  if (!events) return;
  events.addEventListener("state", (event) => { link.textContent = ""; hear(JSON.parse(event.data)); });
  events.onerror = () => {
    link.textContent = "No answer. If kws studio was ended, start it again; this page goes on by itself.";
    if (events.readyState === EventSource.CLOSED) {
      // An answer, but a refusal: its reason is what helps.
      get("/api/state").catch((error) => { if (error instanceof Failure) link.textContent = error.message; });
      setTimeout(connect, 2000);
    }
  };
}

addEventListener("hashchange", enter);
document.addEventListener("visibilitychange", connect);
connect();
