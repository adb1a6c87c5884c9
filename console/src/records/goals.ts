// Goals, their windows in production and verdicts on them, as the control plane tells them.

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
