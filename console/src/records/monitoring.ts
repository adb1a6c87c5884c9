// Drift, findings, changes and checks, as the control plane tells them.

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
