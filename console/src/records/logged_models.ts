// Logged models, as MLflow's API tells them.
import type { KeyValue, MetricValue } from "../tracking";
import { int } from "../tracking";
import type { Tone } from "../ui";

export interface LoggedModel {
  info: {
    model_id: string;
    experiment_id: string;
    name: string;
    artifact_uri: string;
    creation_timestamp_ms: number | string;
    last_updated_timestamp_ms?: number | string;
    model_type?: string;
    status: string;
    source_run_id?: string;
    tags?: KeyValue[];
  };
  data?: { params?: KeyValue[]; metrics?: ModelMetric[] };
}

export interface ModelMetric extends MetricValue {
  dataset_name?: string;
  dataset_digest?: string;
}

/** "ready" of "LOGGED_MODEL_READY" */
export function stateOfModel(status: string): { text: string; tone: Tone } {
  const text = String(status).replace(/^LOGGED_MODEL_/, "").replaceAll("_", " ").toLowerCase();
  const tones: Record<string, Tone> = { ready: "ok", pending: "run", "upload failed": "bad" };
  return { text, tone: tones[text] ?? "none" };
}

/** The last that was measured by each key, on whatever dataset. */
export function latestOf(metrics: ModelMetric[]): Map<string, ModelMetric> {
  const latest = new Map<string, ModelMetric>();
  const later = (a: ModelMetric, b: ModelMetric) => int(a.timestamp) - int(b.timestamp) || int(a.step) - int(b.step);
  for (const metric of metrics) {
    const known = latest.get(metric.key);
    if (!known || later(metric, known) >= 0) latest.set(metric.key, metric);
  }
  return latest;
}
