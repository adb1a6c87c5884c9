// Models, their versions, reports and where they came from, as the control plane tells them.

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
  logged_model?: string; // the logged model's id that it was registered from
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
