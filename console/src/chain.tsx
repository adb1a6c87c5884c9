// The way from a goal to what answers: goal > pipeline > version > endpoint, on every page that lies on it.
import type { EndpointView } from "./records/endpoints";
import type { GoalRow } from "./records/goals";
import type { ModelRow, Version } from "./records/models";
import type { Run } from "./records/runs";
import { useApi } from "./api";
import { to } from "./router";
import type { Crumb } from "./ui";
import { Crumbs } from "./ui";

export interface ChainProps {
  here: "goal" | "pipeline" | "version" | "endpoint";
  goal?: string;
  pipeline?: string;
  run?: string;
  model?: string;
  version?: number;
  endpoint?: string;
}

export function Chain(props: ChainProps) {
  const goals = useApi<{ goals: GoalRow[] }>("/api/v1/goals").data?.goals ?? [];
  const endpoints = useApi<{ endpoints: EndpointView[] }>("/api/v1/endpoints").data?.endpoints ?? [];
  const served = props.endpoint ? endpoints.find((e) => e.endpoint === props.endpoint) : undefined;
  const model = props.model ?? served?.model ?? goals.find((g) => g.name === props.goal)?.model;
  const models = useApi<{ models: ModelRow[] }>("/api/v1/models").data?.models ?? [];
  const registered = models.some((row) => row.name === model); // a goal may name a model that no run has made yet
  const versions = useApi<{ versions: Version[] }>(model && registered ? `/api/v1${to("models", model)}` : null).data?.versions ?? [];
  const endpoint = served ?? endpoints.find((e) => e.model === model);
  const number = props.version ?? (props.run ? versions.find((v) => v.run_id === props.run)?.version : endpoint?.version ?? versions[0]?.version);
  const version = versions.find((v) => v.version === number);
  const runId = props.run ?? (version?.attempt_id === "" ? undefined : version?.run_id); // only pipelines have pages of runs here
  const run = useApi<Run>(runId && !props.pipeline ? `/api/v1${to("runs", runId)}` : null).data;
  const pipeline = props.pipeline ?? run?.pipeline;
  const goal = props.goal ?? goals.find((g) => model !== undefined && g.model === model)?.name;
  const items: Crumb[] = [];
  if (goal) items.push({ kind: "goal", name: goal, href: to("goals", goal), here: props.here === "goal" });
  if (pipeline) {
    items.push({
      kind: "pipeline",
      name: pipeline,
      href: runId ? to("runs", runId) : to("pipelines", pipeline),
      here: props.here === "pipeline",
    });
  }
  if (model && version) {
    items.push({
      kind: "version",
      name: `${model} v${version.version}`,
      href: to("models", model, version.version),
      here: props.here === "version",
    });
  }
  if (endpoint) {
    items.push({ kind: "endpoint", name: endpoint.endpoint, href: to("endpoints", endpoint.endpoint), here: props.here === "endpoint" });
  }
  return <Crumbs items={items} />;
}
