// Requests of this page to the server that it came from.
import { toast } from "./dom.js";

export class Failure extends Error {}

async function answer(response) {
  if (response.ok) return response.json();
  let text = `the server answered ${response.status}`;
  try { text = (await response.json()).error || text; } catch { /* it was no JSON */ }
  throw new Failure(text);
}

export const get = async (path) => answer(await fetch(path));

export async function post(path, body) {
  return answer(await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }));
}

export async function send(path, blob) {
  return answer(await fetch(path, { method: "POST", body: blob }));
}

// For a button: whatever goes wrong is said, and of what.
export async function attempt(work, of = "") {
  try {
    return await work();
  } catch (error) {
    const text = error instanceof Failure ? error.message : "The server does not answer; is `kws studio` still running?";
    toast(of ? `${of}: ${text}` : text);
    return null;
  }
}

export const start = (body) => attempt(() => post("/api/jobs", body));
export const query = (values) => new URLSearchParams(values).toString();
export const audioAddress = (path) => `/api/clips/audio?${query({ path })}`;
