// What the pages ask the control plane for, and how: one cache by path, refreshed when the stream of changes
// says so. A page shows what is in the cache at once and draws again when better data come.
import { useEffect, useLayoutEffect, useReducer } from "preact/hooks";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface Answer<T> {
  data?: T;
  error?: ApiError;
  settled: boolean;
}

interface Entry {
  answer: Answer<unknown>;
  listeners: Set<() => void>;
  loading: boolean;
  again: boolean;
  loadedAt: number;
  tookMs: number;
  timer: number;
}

const kEntriesMax = 200;
const kRefreshGapMs = 400; // between two readings of one path, and
const kRefreshShare = 8; // this many times as long as the last one took: who watches does not slow what is watched
const entries = new Map<string, Entry>();

async function bodyOf(response: Response): Promise<unknown> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: string }; message?: string } | null;
  if (!response.ok) throw new ApiError(response.status, body?.error?.message ?? body?.message ?? `the server answered ${response.status}`);
  if (body === null) throw new ApiError(0, "the control plane's answer was cut off");
  return body;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What answers, well or not. Errors are ApiError, or the signal's. */
async function send(accept: string, method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(path, {
      method,
      headers: { accept, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the control plane does not answer; is `millwright up` running?");
  }
}

/** Asks once, past the cache. Errors are ApiError, or the signal's. */
export async function ask<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  return (await bodyOf(await send("application/json", method, path, body, signal))) as T;
}

/** The bytes of the answer, or of a file. Errors are ApiError, or the signal's. */
export async function askBytes(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await send("application/octet-stream", method, path, body, signal);
  if (!response.ok) await bodyOf(response);
  return response.arrayBuffer();
}

/** What was read at these paths is read again. */
export function forget(concerns: (path: string) => boolean) {
  invalidate(concerns);
}

async function load(path: string, entry: Entry) {
  if (entry.loading) {
    entry.again = true;
    return;
  }
  entry.loading = true;
  entry.again = false;
  const begun = performance.now();
  try {
    entry.answer = { data: await ask("GET", path), settled: true };
  } catch (error) {
    const failed = error instanceof ApiError ? error : new ApiError(0, String(error));
    // What was read before stays on the page while the server is away for a moment.
    const keep = failed.status === 0 && entry.answer.data !== undefined;
    entry.answer = keep ? entry.answer : { error: failed, settled: true };
  }
  entry.loading = false;
  entry.loadedAt = performance.now();
  entry.tookMs = entry.loadedAt - begun;
  for (const listener of entry.listeners) listener();
  if (entry.again) refresh(path, entry);
}

function refresh(path: string, entry: Entry) {
  if (entry.timer !== 0) return;
  const wait = Math.max(0, entry.loadedAt + Math.max(kRefreshGapMs, kRefreshShare * entry.tookMs) - performance.now());
  entry.timer = window.setTimeout(() => {
    entry.timer = 0;
    void load(path, entry);
  }, wait);
}

function entryOf(path: string): Entry {
  let entry = entries.get(path);
  if (!entry) {
    if (entries.size >= kEntriesMax) {
      for (const [key, old] of entries) if (old.listeners.size === 0) entries.delete(key);
    }
    entry = { answer: { settled: false }, listeners: new Set(), loading: false, again: false, loadedAt: -1e9, tookMs: 0, timer: 0 };
    entries.set(path, entry);
  }
  return entry;
}

/** The answers at `paths`, kept fresh while the component is shown. */
export function useApis<T>(paths: string[]): Answer<T>[] {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  // Before the page is painted: an effect behind that would ask a frame later.
  useLayoutEffect(() => {
    const listener = () => redraw(0);
    for (const path of paths) {
      const entry = entryOf(path);
      entry.listeners.add(listener);
      if (performance.now() - entry.loadedAt > kRefreshGapMs) void load(path, entry);
    }
    return () => paths.forEach((path) => entries.get(path)?.listeners.delete(listener));
  }, [paths.join("\n")]);
  return paths.map((path) => entryOf(path).answer as Answer<T>);
}

/** The answer at `path`; null asks nothing and is settled. */
export function useApi<T>(path: string | null): Answer<T> {
  return useApis<T>(path === null ? [] : [path])[0] ?? { settled: true };
}

/** The answer at `path`, asked for again every so often while somebody looks. */
export function useEvery<T>(path: string, periodMs: number): Answer<T> {
  const answer = useApi<T>(path);
  useEffect(() => {
    const timer = window.setInterval(() => {
      const entry = entryOf(path);
      if (!document.hidden && !entry.loading) void load(path, entry);
    }, periodMs);
    return () => window.clearInterval(timer);
  }, [path, periodMs]);
  return answer;
}

function invalidate(concerns: (path: string) => boolean) {
  for (const [path, entry] of entries) {
    if (!concerns(path)) continue;
    if (entry.listeners.size > 0) refresh(path, entry);
    else entry.loadedAt = -1e9;
  }
}

// Which paths a change concerns; name "" is any of the topic.
function concerned(topic: string, name: string): (path: string) => boolean {
  const under = (collection: string) => (path: string) => {
    const base = `/api/v1/${collection}`;
    if (!path.startsWith(base)) return false;
    const rest = path.slice(base.length);
    return rest === "" || rest.startsWith("?") || name === "" || `${rest}/`.startsWith(`/${encodeURIComponent(name)}/`);
  };
  const goalState = (path: string) => path.startsWith("/api/v1/goals") && !path.endsWith("/production");
  switch (topic) {
    case "run":
      return (path) => under("runs")(path) || goalState(path);
    case "pipeline":
      return (path) => path.startsWith("/api/v1/pipelines");
    case "goal":
      return (path) => under("goals")(path) || path.startsWith("/api/v1/pipelines");
    case "model":
      return under("models");
    case "endpoint": // rates are read in even steps
      return (path) => under("endpoints")(path) && !path.endsWith("/serving");
    case "server":
      return (path) => /^\/api\/v1\/(endpoints(\/[^/]+)?|doctor)$/.test(path);
    default:
      return () => true;
  }
}

/** "new": it is not known yet, and nothing is said. */
export type Live = "new" | "connecting" | "live" | "away";
const kGraceMs = 3000; // a connection that comes within is not missed
let live: Live = "new";
const liveListeners = new Set<() => void>();

function setLive(state: Live) {
  if (live === state) return;
  live = state;
  for (const listener of liveListeners) listener();
}

export function useLive(): Live {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const listener = () => redraw(0);
    liveListeners.add(listener);
    return () => void liveListeners.delete(listener);
  }, []);
  return live;
}

/** Listens for changes while the page is seen: a browser has few connections for one server. */
export function followChanges() {
  let source: EventSource | null = null;
  let opened = false;
  let failed = false; // since it was open last
  let grace = 0;
  const giveTime = () => {
    if (grace !== 0 || live === "away") return;
    grace = window.setTimeout(() => {
      grace = 0;
      setLive(failed ? "away" : "connecting");
    }, kGraceMs);
  };
  const stopWaiting = () => {
    window.clearTimeout(grace);
    grace = 0;
  };
  const open = () => {
    if (source || document.hidden) return;
    giveTime();
    source = new EventSource("/api/v1/events");
    source.onopen = () => {
      stopWaiting();
      failed = false;
      setLive("live");
      if (opened) invalidate(() => true); // what changed meanwhile was not heard
      opened = true;
    };
    source.onerror = () => {
      failed = true;
      if (live === "connecting") setLive("away");
      else giveTime(); // the browser tries again by itself
      if (source?.readyState !== EventSource.CLOSED) return;
      source = null;
      window.setTimeout(open, 2000);
    };
    source.onmessage = (event) => {
      const change = JSON.parse(event.data as string) as { topic: string; name: string };
      invalidate(concerned(change.topic, change.name));
      if (change.topic !== "server") invalidate((path) => path.startsWith("/api/v1/changes"));
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return open();
    source?.close();
    source = null;
    stopWaiting();
  });
  open();
}
