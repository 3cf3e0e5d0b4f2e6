// Where models and the worklet come from: files beside the page, or, in a page that is one file, the page itself.

/** The models that came with the page: {name, url} or {name, data: gzip in base64}. */
export function shippedModels() {
  return JSON.parse(document.getElementById("models").textContent);
}

/** The bytes of one of them, or of a file that was added: {blob}. */
export async function modelBytes({ url, data, blob }) {
  if (blob !== undefined) {
    return blob.arrayBuffer();
  }
  if (data !== undefined) {
    const packed = new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  }
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`the model ${url} cannot be loaded: ${answer.status}`);
  }
  return answer.arrayBuffer();
}

/** Of worklet.js. A page that is one file holds its text. */
export function workletAddress() {
  const text = document.getElementById("worklet")?.textContent;
  return text === undefined ? "kws/worklet.js" : `data:text/javascript,${encodeURIComponent(text)}`;
}
