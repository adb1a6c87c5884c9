// What the pages ask the control plane for, and how: one cache by path, refreshed when the stream of changes
// says so. A page shows what is in the cache at once and draws again when better data come.
import { useEffect, useReducer } from "preact/hooks";

export interface GoalRow {
  name: string;
  model: string;
  outcome: string;
  version: number;
  targets: number;
  missed: number;
  judged: string | null;
}

export interface Verdict {
  target: string;
  kind: string;
  metric: string;
  need: string;
  value: number | null;
  low: number | null;
  high: number | null;
  no_model: number | null;
  trivial_model: number | null;
  miss_costs: string;
  reason: string;
}

export interface StoredVerdict {
  target: string;
  metric: string;
  stage: string;
  model: string;
  model_version: number | null;
  run_id: string;
  outcome: Outcome;
  verdict: Verdict;
  recorded_at: string;
}

export interface Goal {
  goal: { goal: string; outcome: string; owner?: string; model?: string; impact_of_miss?: string };
  version: number;
  applied_at: string;
  source: string;
  verdicts: StoredVerdict[];
}

export type Outcome = "met" | "missed" | "not measurable yet";

export interface GoalWindow {
  from: string;
  to: string;
  label: string;
  stage: string;
  version: number | null;
  rows: number;
  labelled: number;
  coverage: number | null;
  impossible_labels?: number; // no value that the label can have; left out
  first_impossible_label?: string;
  provisional: boolean;
}

export interface TargetCell {
  value: number | null;
  low?: number | null;
  high?: number | null;
  outcome: Outcome;
  text: string; // short; "!" at its end and "~" before it say again what outcome and estimate say
  estimate?: boolean;
  reason?: string | null;
}

export interface Target {
  name: string;
  kind: string;
  metric: string;
  need: string;
  priority: number;
  miss_costs: string;
  miss_cost: number | null;
  feasibility: string;
  cells: TargetCell[];
}

export interface Why {
  window: string;
  targets: string[];
  sentence: string;
  evidence: { kind: string; text: string; value: number | null }[];
  remedy: { text: string; command: string } | null; // what mends it; without a command it is only said
}

export interface Production {
  goal: string;
  outcome: string;
  owner: string;
  model: string;
  endpoint: string | null;
  currency: string;
  state: "met" | "missed" | "unknown";
  missed_in: string[];
  pending?: number; // windows that wait to be measured
  windows: GoalWindow[];
  targets: Target[];
  whys: Why[];
  saved: { amount: number | null; text: string } | null;
}

export interface PipelineRow {
  name: string;
  version: number;
  file: string;
  applied_at: string;
}

export interface RunRow {
  id: string;
  pipeline: string;
  state: string;
  cause: string;
  created: string;
  started: string | null;
  ended: string | null;
}

export interface OutputRow {
  name: string;
  digest: string;
  directory: boolean;
  size_bytes: number;
  metadata: Record<string, unknown>;
}

export interface Task {
  step: string;
  uses: string;
  after: string[];
  state: string;
  attempts: number;
  attempt_id: string;
  directory: string;
  summary: string;
  failure: string;
  cache_report: string;
  reused_from: string;
  findings: { message?: string }[];
  metrics: Record<string, number>;
  outputs: OutputRow[];
  started: string | null;
  ended: string | null;
}

export interface Run extends RunRow {
  goal: string;
  params: Record<string, string>;
  tasks: Task[];
}

export interface Tracked {
  params: Record<string, string>;
  metrics: Record<string, number>;
  steps: Record<string, number>;
}

export interface MetricPoint {
  step: number;
  value: number;
  time: string;
}

export interface ModelRow {
  name: string;
  latest: number;
  created: string;
  aliases: { alias: string; version: number }[];
  description?: string;
  tags?: Record<string, string>;
}

export interface Version {
  model: string;
  version: number;
  package: string;
  run_id: string;
  metrics: Record<string, number>;
  aliases: string[];
  created: string;
  attempt_id?: string; // the step of a pipeline that registered it; "" for any other way
  source?: string; // where its files lie
  description?: string;
  stage?: string; // MLflow's: None, Staging, Production, Archived
  tags?: Record<string, string>;
}

export interface MetricValue {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  reason?: string;
}
export type Metrics = Record<string, MetricValue>;

export interface Slice {
  column: string;
  value: string;
  counts: { rows: number; positives: number; blocks: number };
  status: string;
  reason?: string;
  metrics: Metrics;
}

export interface Report {
  model: string;
  label: string;
  problem: string;
  data: { digest: string; from: string; until: string };
  threshold: number | null;
  confidence: number;
  block: string;
  counts: { rows: number; positives: number; blocks: number };
  classes?: { name: string; rows: number; predicted: number; metrics: Metrics }[]; // of several classes; so is the next
  confusion?: number[][]; // rows by class and likeliest class
  errors?: { share: number; error: number }[]; // of a regression; so is the next
  fit?: { rows: number; mean_predicted: number; mean_label: number }[];
  overall: Metrics;
  no_model: { rule: string; metrics: Metrics };
  trivial_model: { rule: string; metrics: Metrics };
  rule_cost: number | null;
  cost: number | null;
  currency: string;
  slices: Slice[];
  curve: {
    threshold: number;
    false_positive_rate: number;
    recall: number;
    precision: number;
    flagged_share: number;
    saving: number | null;
  }[];
  calibration: { rows: number; low: number; high: number; mean_predicted: number; positive_share: number }[];
}

export interface Lineage {
  artifacts: { id: string; type: string; digest: string; metadata: Record<string, unknown>; created: string }[];
  executions: {
    id: string;
    type: string;
    name: string;
    state: string;
    code_version: string;
    configuration: Record<string, unknown>;
    environment: Record<string, unknown>;
    started: string;
    ended: string;
  }[];
  events: { execution: string; artifact: string; direction: "input" | "output"; port: string }[];
  truncated: boolean;
}

export interface Deployment {
  generation: number;
  endpoint: string;
  model: string;
  version: number;
  package: string;
  cause: string;
  requested_by: string;
  created: string;
  ready_at: string | null;
}

/** A shadow's answers beside the primary's. */
export interface ShadowOutcome {
  requests: number;
  rows: number;
  disagreements: number;
  dropped: number;
  failures: number;
  difference_mean: number;
  difference_max: number;
}

export interface VersionOnServer {
  server: string;
  state: string;
  error: string;
  weight: number;
  memory_bytes: number;
  shadow?: ShadowOutcome;
}

export interface EndpointVersion {
  version: number;
  weight: number; // ten-thousandths
  shadow_share?: number;
  package: string;
  servers: VersionOnServer[];
}

export interface EndpointView extends Deployment {
  ready: boolean;
  versions?: EndpointVersion[];
  shadow?: { version: number; share: number } | null;
  fault?: string; // why nothing serves it
  servers: { server: string; version: string; address: string; seen: string }[];
}

export interface Endpoint extends EndpointView {
  history: Deployment[];
}

/** Bounds ascending; one count for each and one above the last. */
export interface HistogramReading {
  bounds: number[];
  counts: number[];
  sum: number;
}

/** What one version did since its servers began. */
export interface VersionReading {
  version: number;
  requests?: number;
  refused?: number;
  failures?: number;
  rows?: number;
  cache_hits?: number;
  cache_misses?: number;
  run_again?: number;
  worker_restarts?: number;
  rejections: Record<string, number>;
  stages: Record<string, HistogramReading>;
  batch_rows: HistogramReading;
}

export interface AskedServer {
  server: string;
  address: string;
  error: string | null;
}

export interface ServingReading {
  endpoint: string;
  at: string;
  servers: AskedServer[];
  versions: VersionReading[];
}

/** A line of a model server's access log; one without an outcome counts requests that were not written down. */
export interface RequestLine {
  time: string;
  endpoint?: string;
  version?: number;
  protocol?: string;
  rows?: number;
  id?: string;
  outcome?: string;
  status?: number;
  error?: string;
  total_us?: number;
  trace_id?: string;
  client?: string;
  server?: string;
}

export interface RequestLines {
  requests: RequestLine[];
  reaches: string | null;
  servers: AskedServer[];
}

export interface DriftCell {
  state: string;
  jsd?: number | null;
  l_infinity?: number | null;
  wasserstein?: number | null;
  floor?: number | null;
  floor_method?: string | null;
  missing?: number | null;
  severity: string | null;
}

export interface Feature {
  name: string;
  kind: "number" | "category";
  attribution: number | null;
  cells: DriftCell[];
}

export interface Finding {
  window: { from: string; to: string };
  kind: string;
  column: string | null;
  value: number | null;
  threshold: number | null;
  floor: number | null;
  severity: "note" | "alert";
  impact: number; // of the prediction: how much of it this moves
  slice?: { column: string; value: string } | null; // where alone it was found
  sentence: string;
}

export interface Monitoring {
  endpoint: string;
  model: string;
  version: number;
  drift_window: string | null;
  baseline: { rows: number; from: string | null; to: string | null; blocks: number; source: string } | null;
  windows: { from: string; to: string; rows: number; state: string; predictions_mean: number | null }[];
  features: Feature[];
  findings: Finding[];
  traffic: { from: string; to: string; rows: number; requests: number; failures: number; refused: number; dropped: number }[];
  latency: {
    p50_ms: number | null;
    p90_ms: number | null;
    p99_ms: number | null;
    windows: { from: string; to: string; p50_ms: number | null; p90_ms: number | null; p99_ms: number | null }[];
  } | null;
  labels: {
    predictions: number;
    labelled: number;
    coverage: number | null;
    delay_p50_s: number | null;
    delay_p95_s: number | null;
    duplicates: number;
    contradictions: number;
    unknown: number;
  } | null;
}

export interface FeatureWindow {
  feature: string;
  kind: "number" | "category";
  edges?: number[];
  categories?: string[];
  baseline: (number | null)[];
  window: (number | null)[];
  jsd: number | null;
  wasserstein: number | null;
  floor: number | null;
}

/** One line of who changed what. */
export interface ChangeRow {
  at: string;
  kind: string;
  subject: string;
  text: string;
  by: string;
}

export interface Check {
  check: string;
  state: "ok" | "warn" | "bad";
  value: string;
  remedy: string;
}

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

async function read(path: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" } });
  } catch {
    throw new ApiError(0, "the control plane does not answer; is `millwright up` running?");
  }
  return bodyOf(response);
}

async function bodyOf(response: Response): Promise<unknown> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: string }; message?: string } | null;
  if (!response.ok) throw new ApiError(response.status, body?.error?.message ?? body?.message ?? `the server answered ${response.status}`);
  if (body === null) throw new ApiError(0, "the control plane's answer was cut off");
  return body;
}

/** Asks once, past the cache. Errors are ApiError, or the signal's. */
export async function ask<T>(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the control plane does not answer; is `millwright up` running?");
  }
  return (await bodyOf(response)) as T;
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
    entry.answer = { data: await read(path), settled: true };
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
  useEffect(() => {
    const listener = () => redraw(0);
    for (const path of paths) {
      const entry = entryOf(path);
      entry.listeners.add(listener);
      if (performance.now() - entry.loadedAt > kRefreshGapMs) void load(path, entry);
    }
    redraw(0); // what came between drawing and listening
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

export type Live = "connecting" | "live" | "away";
let live: Live = "connecting";
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
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource("/api/v1/events");
    source.onopen = () => {
      setLive("live");
      if (opened) invalidate(() => true); // what changed meanwhile was not heard
      opened = true;
    };
    source.onerror = () => {
      setLive("away");
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
    setLive("connecting");
  });
  open();
}
