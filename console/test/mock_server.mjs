// A control plane of fixtures: test/fixtures/PATH.json answers GET PATH, whatever its query. What the pages show
// can then be held against known values.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../build.mjs";

const fixtures = join(dirname(fileURLToPath(import.meta.url)), "fixtures");
const kPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What a GET of that path answers: parsed JSON. */
export function fixture(path) {
  return JSON.parse(readFileSync(join(fixtures, `${path}.json`), "utf8"));
}

async function bodyOf(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text === "" ? null : JSON.parse(text);
}

/**
 * Listens on a free port. `override` replaces an answer (undefined: 404; a function is asked with the address, the body
 * and the method; a Buffer is a file), `emit` tells the open pages of a change, `silence` lets streams wait for ever.
 */
export async function startMock() {
  const files = await bundle();
  const overrides = new Map();
  const streams = new Set();
  let silent = false;
  const read = (path) => {
    if (overrides.has(path)) return overrides.get(path);
    return existsSync(join(fixtures, `${path}.json`)) ? fixture(path) : undefined;
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const path = decodeURIComponent(url.pathname);
    if (path === "/api/v1/events") {
      if (silent) return;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": still here\n\n");
      streams.add(response);
      request.on("close", () => streams.delete(response));
    } else if (path.startsWith("/api/") || path.startsWith("/ajax-api/") || path === "/get-artifact") {
      let known = read(path);
      if (typeof known === "function") known = known(url, await bodyOf(request), request.method);
      if (Buffer.isBuffer(known)) {
        response.writeHead(200, { "content-type": "application/octet-stream", "x-content-type-options": "nosniff", "content-disposition": "attachment" });
        return response.end(known);
      }
      // A log is read on from where it ended.
      const answer = known?.next_offset > 0 && Number(url.searchParams.get("offset")) > 0 ? { ...known, text: "" } : known;
      response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer ?? { error: { code: "NOT_FOUND", message: `there is nothing at ${path}` } }));
    } else {
      const file = files.find((f) => path === `/assets/${f.name}`) ?? files[0];
      response.writeHead(200, { "content-type": file.type, "content-security-policy": kPolicy });
      response.end(file.bytes);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    override: (path, answer) => overrides.set(path, answer),
    restore: () => {
      overrides.clear();
      silent = false;
    },
    silence: () => (silent = true),
    emit: (topic, name) => streams.forEach((s) => s.write(`data: ${JSON.stringify({ topic, name })}\n\n`)),
    open: () => streams.size,
    close: () => {
      streams.forEach((s) => s.end());
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
