// Datasets that runs read, and who used them; those that pipelines made; as the control plane tells it.
import { lineageAddress } from "./lineage";
import { to } from "../router";

export interface DatasetRun {
  run_id: string;
  name: string;
  experiment_id: string;
  status: string; // "finished"
  stage: string;
  started: number;
  context: string;
}

export interface DatasetLine {
  number: number;
  experiment_id: string;
  name: string;
  digest: string;
  source_type: string;
  source: string;
  runs: number;
  contexts: string[];
  newest: DatasetRun | null;
}

export interface DatasetModel {
  model_id: string;
  name: string;
  experiment_id: string;
  source_run_id: string;
  made: boolean;
  measured: boolean;
}

export interface DatasetDetails {
  name: string;
  digest: string;
  source_type: string;
  source: string;
  schema: string;
  profile: string;
  experiments: string[];
  runs: DatasetRun[];
  runs_in_all: number;
  models: DatasetModel[];
}

export interface DatasetMaker {
  execution: string;
  type: string; // the step: "import"
  name: string; // "flights/import"
  port: string; // "rows"
  pipeline: string;
  run: string;
  started: string;
}

/** Data that a pipeline made, or brought: nobody gave it a name. */
export interface MadeDataset {
  artifact: string;
  digest: string;
  uri: string;
  metadata: Record<string, unknown>;
  created: string;
  maker: DatasetMaker | null;
  readers: number;
}

/** Said by what made it: "flights/import: rows". */
export const nameOfMade = (made: MadeDataset) => (made.maker ? `${made.maker.name || made.maker.type}: ${made.maker.port}` : "made elsewhere");
export const runOfMade = (maker: DatasetMaker) => (maker.run ? to("runs", maker.run) : null);
/** What came of it, as a graph. */
export const reachedByMade = (made: MadeDataset) => `${lineageAddress(made.artifact)}&direction=downstream`;
/** How many rows it has, and columns, where its step said so. */
export function sizeOfMade(made: MadeDataset): { rows: number | null; columns: number | null } {
  const numberOf = (value: unknown) => (typeof value === "number" ? value : null);
  return { rows: numberOf(made.metadata.rows), columns: numberOf(made.metadata.columns) };
}

export const madePath = (before: string | null, limit: number) => `/api/v1/datasets/made?${new URLSearchParams({ limit: String(limit), ...(before ? { before } : {}) })}`;
export const datasetsPath = (query: Record<string, string>) => `/api/v1/datasets?${new URLSearchParams(query)}`;
export const datasetPath = (name: string, digest: string) => `/api/v1/dataset?${new URLSearchParams({ name, digest })}`;

/** A JSON object as its members; nothing for other texts. */
export function membersOf(text: string): [string, string][] {
  try {
    const json = JSON.parse(text) as unknown;
    if (json === null || typeof json !== "object" || Array.isArray(json)) return [];
    return Object.entries(json).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
  } catch {
    return [];
  }
}

/** Where data lies, as its source says it; the source itself when it does not. */
export function placeOfSource(source: string): string {
  const members = new Map(membersOf(source));
  for (const name of ["uri", "url", "path"]) {
    const found = members.get(name);
    if (found) return found;
  }
  return source === "{}" ? "" : source;
}

export interface SchemaColumn {
  name: string;
  type: string;
  required: boolean;
}

interface MlflowColumn {
  name?: string | string[];
  type?: string;
  required?: boolean;
  "tensor-spec"?: { dtype?: string; shape?: number[] };
}

/** The columns of MLflow's schemas (column or tensor specs); null for others. */
export function columnsOf(schema: string): SchemaColumn[] | null {
  try {
    const json = JSON.parse(schema) as Record<string, unknown>;
    const specs = json.mlflow_colspec ?? (json.mlflow_tensorspec as { features?: unknown } | undefined)?.features ?? json.mlflow_tensorspec;
    const list = typeof specs === "string" ? (JSON.parse(specs) as unknown) : specs;
    if (!Array.isArray(list)) return null;
    return (list as MlflowColumn[]).map((column, i) => {
      const tensor = column["tensor-spec"];
      const type = tensor ? `${tensor.dtype ?? ""} [${(tensor.shape ?? []).map((n) => (n < 0 ? "?" : n)).join(", ")}]` : column.type;
      return { name: String(column.name ?? i), type: String(type ?? ""), required: column.required !== false };
    });
  } catch {
    return null;
  }
}
