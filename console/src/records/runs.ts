// Pipelines, their runs, steps and what those logged, as the control plane tells them.

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
