// Endpoints, the servers behind them and what they answer, as the control plane tells them.

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
