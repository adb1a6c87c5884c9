// Experiments and runs, as MLflow's API and the run table's (/api/v1/experiments) tell them.
import { ask, askBytes } from "./api";
import { to } from "./router";
import type { TextGroups } from "./run_order";

export const kAjax = "/ajax-api/2.0/mlflow";

export interface KeyValue {
  key: string;
  value: string;
}

export interface Experiment {
  experiment_id: string;
  name: string;
  artifact_location: string;
  lifecycle_stage: "active" | "deleted";
  creation_time: number;
  last_update_time: number;
  tags?: KeyValue[];
}

export interface MetricValue {
  key: string;
  value: number | string;
  timestamp: number;
  step: number | string;
  run_id?: string;
}

export interface DatasetInput {
  tags?: KeyValue[];
  dataset: { name: string; digest: string; source_type: string; source: string; schema?: string; profile?: string };
}

export interface TrackedRun {
  info: {
    run_id: string;
    experiment_id: string;
    run_name: string;
    user_id: string;
    status: string;
    start_time: number;
    end_time?: number;
    artifact_uri: string;
    lifecycle_stage: string;
  };
  data: { metrics?: MetricValue[]; params?: KeyValue[]; tags?: KeyValue[] };
  inputs?: { dataset_inputs?: DatasetInput[]; model_inputs?: { model_id: string }[] };
  outputs?: { model_outputs?: { model_id: string; step?: number | string }[] };
}

export interface Row {
  id: string;
  name: string;
  user: string;
  source: string;
  status: string;
  stage: string;
  started: number;
  ended: number | null;
  metrics: Record<string, number | null>;
  params: Record<string, string>;
  tags: Record<string, string>;
}

export interface Lines {
  numbers: number[];
  ids: string[];
  names: string[];
  statuses: string[];
  started: number[];
  ended: (number | null)[];
  rows?: Row[]; // of the first ones, where they were asked for
}

export interface Keys {
  metrics: string[];
  params: string[];
  tags: string[];
}

export interface SavedView {
  name: string;
  state: TableState;
  saved_by: string;
  updated: number;
}

/** What one sees of a table: all of it is in the address. */
export interface TableState {
  filter?: string;
  sort?: string;
  descending?: boolean;
  columns?: string[];
  widths?: Record<string, number>; // in pixels, of columns that somebody has made wider or narrower
  folded?: string[]; // groups of columns: "metrics", "params", "tags"
  stage?: "active" | "deleted";
}

const native = (experiment: string) => `/api/v1/experiments/${encodeURIComponent(experiment)}`;

export const readRows = (experiment: string, runs: string[], signal?: AbortSignal) =>
  ask<{ rows: Row[] }>("POST", `${native(experiment)}/rows`, { runs }, signal).then((answer) => answer.rows);
/** One parameter or tag of all runs: a length, so much JSON, then the numbers of the runs. */
export async function readTexts(experiment: string, kind: "param" | "tag", key: string): Promise<TextGroups> {
  const bytes = await askBytes("GET", `${native(experiment)}/column?${kind}=${encodeURIComponent(key)}`);
  const length = new Float64Array(bytes, 0, 1)[0]!;
  const { values, counts } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length))) as { values: string[]; counts: number[] };
  return { texts: values, counts, runs: new Float64Array(bytes, 8 + length) };
}
/** The latest value of a metric of all runs, ascending, NaN last: packed, since as text it takes longer to read than to sort. */
export async function readMetric(experiment: string, key: string): Promise<{ numbers: Float64Array; values: Float64Array }> {
  const bytes = await askBytes("GET", `${native(experiment)}/column?metric=${encodeURIComponent(key)}`);
  const count = Math.floor(bytes.byteLength / 16);
  return { numbers: new Float64Array(bytes, 0, count), values: new Float64Array(bytes, count * 8, count) };
}
/** Whether the filter leaves the run of a number, whatever its stage: a first number, then a bit for each from there on. */
export async function readMatches(experiment: string, filter: string): Promise<(number: number) => boolean> {
  const bytes = await askBytes("POST", `${native(experiment)}/matches`, { filter, stage: "all" });
  const first = new Float64Array(bytes, 0, 1)[0]!;
  const bits = new Uint8Array(bytes, 8);
  return (number) => number >= first && ((bits[(number - first) >> 3] ?? 0) >> ((number - first) & 7) & 1) === 1;
}
export const readLines = (experiment: string, query: Record<string, string>) =>
  ask<Lines>("GET", `${native(experiment)}/runs?${new URLSearchParams(query)}`);
export const saveView = (experiment: string, name: string, state: TableState) =>
  ask<unknown>("PUT", `${native(experiment)}/views/${encodeURIComponent(name)}`, state);
export const deleteView = (experiment: string, name: string) =>
  ask<unknown>("DELETE", `${native(experiment)}/views/${encodeURIComponent(name)}`);
export const viewsPath = (experiment: string) => `${native(experiment)}/views`;
export const keysPath = (experiment: string) => `${native(experiment)}/keys`;

export const experimentAddress = (experiment: string) => to("experiments", experiment);
export const runAddress = (experiment: string, run: string) => to("experiments", experiment, "runs", run);

/** int64 as JSON: a number or its text. */
export function int(value: number | string | undefined | null): number {
  return value === undefined || value === null ? 0 : Number(value);
}

export function double(value: number | string): number {
  return typeof value === "number" ? value : value === "NaN" ? NaN : value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : Number(value);
}

export function pairsOf(pairs: KeyValue[] | undefined): Record<string, string> {
  return Object.fromEntries((pairs ?? []).map((pair) => [pair.key, pair.value]));
}

/** Runs one call for each, a few at a time; tells how many are done. Errors: the first one, after all. */
export async function forEach(items: string[], call: (item: string) => Promise<unknown>, done: (count: number) => void) {
  let next = 0;
  let finished = 0;
  let failed: unknown = null;
  const worker = async () => {
    while (next < items.length) {
      const item = items[next++]!;
      try {
        await call(item);
      } catch (error) {
        failed ??= error;
      }
      done(++finished);
    }
  };
  await Promise.all(Array.from({ length: Math.min(5, items.length) }, worker));
  if (failed !== null) throw failed;
}
