// What came from what, as the control plane tells it.
import { to } from "../router";
import { runAddress } from "../tracking";

export interface Artifact {
  id: string;
  type: string;
  name?: string;
  digest: string;
  uri?: string;
  state?: string;
  metadata: Record<string, unknown>;
  created: string;
}

export interface Execution {
  id: string;
  type: string;
  name: string;
  state: string;
  code_version: string;
  configuration: Record<string, unknown>;
  environment: Record<string, unknown>;
  started: string;
  ended: string | null;
}

export interface LineageEvent {
  execution: string;
  artifact: string;
  direction: "input" | "output";
  port: string;
}

/** One of the contents that a name has had. */
export interface TitledDigest {
  artifact: string;
  digest: string;
  created: string;
  runs: string[];
  more_runs: boolean;
}

export interface Graph {
  of?: { ref: string; artifacts: string[]; executions: string[]; digests?: TitledDigest[] };
  artifacts: Artifact[];
  executions: Execution[];
  events: LineageEvent[];
  truncated: boolean;
}

export const graphPath = (of: string, direction: string, hops?: number) =>
  `/api/v1/lineage?${new URLSearchParams({ of, direction, ...(hops === undefined ? {} : { hops: String(hops) }) })}`;
export const lineageAddress = (of: string) => `/lineage?${new URLSearchParams({ of })}`;
export const datasetAddress = (name: string, digest: string) => to("datasets", name, digest);
/** By the model's id alone: its page asks for the rest. */
export const loggedModelAddress = (id: string, experiment = "0") => to("experiments", experiment, "models", id);

/** Where an artifact has a page of its own. */
export function pageOfArtifact(artifact: Artifact): string | null {
  const name = artifact.name ?? "";
  if (artifact.type === "version" && name.includes("@")) return to("models", name.slice(0, name.lastIndexOf("@")), name.slice(name.lastIndexOf("@") + 1));
  if (artifact.type === "deployment" && name) return to("endpoints", name.split("#")[0]!);
  if (artifact.type === "goal" && name) return to("goals", name);
  if (artifact.type === "dataset" && name && artifact.digest) return datasetAddress(name, artifact.digest);
  if (artifact.type === "model" && /^m-[0-9a-f]{32}$/.test(name)) return loggedModelAddress(name);
  return null;
}

export function pageOfExecution(execution: Execution): string | null {
  return execution.type === "tracked_run" ? runAddress("0", execution.id) : null;
}

/** The last part of a path, or all of a text that is none. */
export const tail = (text: string) => text.slice(text.lastIndexOf("/") + 1) || text;

/** One graph out of two. */
export function joined(a: Graph, b: Graph): Graph {
  const unique = <T extends { id: string }>(list: T[]) => [...new Map(list.map((one) => [one.id, one])).values()];
  const events = new Map([...a.events, ...b.events].map((e) => [`${e.execution} ${e.artifact} ${e.direction} ${e.port}`, e]));
  return { ...a, artifacts: unique([...a.artifacts, ...b.artifacts]), executions: unique([...a.executions, ...b.executions]), events: [...events.values()], truncated: a.truncated || b.truncated };
}
