// The way from a version back to its data and code.
import type { ComponentChildren } from "preact";
import { Dag } from "../dag";
import { count, digest, moment } from "../format";
import type { Artifact, Execution, Graph, LineageEvent } from "../records/lineage";
import { pageOfArtifact, pageOfExecution, tail } from "../records/lineage";
import type { Version } from "../records/models";
import { navigate, to, usePlace, withQuery } from "../router";
import { Section } from "../ui";

/** "reused" of a step whose outputs were made before. */
function kindOf(execution: Execution): string {
  if (execution.state === "cached") return "reused";
  return execution.type === "tracked_run" ? "run" : execution.type;
}

export function LineageSection({ lineage, version }: { lineage: Graph; version: Version }) {
  const place = usePlace();
  const artifacts = new Map(lineage.artifacts.map((a) => [a.id, a]));
  const makers = new Map(lineage.events.filter((e) => e.direction === "output").map((e) => [e.artifact, e.execution]));
  const inputs = (execution: string) => lineage.events.filter((e) => e.execution === execution && e.direction === "input");
  const sources = lineage.artifacts.filter((a) => !makers.has(a.id));
  const nameOf = (source: Artifact) => tail(source.name || (lineage.events.find((e) => e.artifact === source.id)?.port ?? "").replace(/^file /, ""));
  const nodes = [
    ...sources.map((source) => ({
      id: source.id,
      label: nameOf(source),
      sub: source.type,
      tone: "none" as const,
      after: [],
    })),
    ...lineage.executions.map((execution) => ({
      id: execution.id,
      label: tail(execution.name) || execution.type,
      sub: kindOf(execution),
      tone: execution.state === "failed" ? ("bad" as const) : ("ok" as const),
      after: inputs(execution.id).map((event) => makers.get(event.artifact) ?? event.artifact),
    })),
  ];
  const last = lineage.executions.filter((e) => e.type !== "registration").pop() ?? lineage.executions[lineage.executions.length - 1];
  const chosen = nodes.find((n) => n.id === place.query.get("node"))?.id ?? last?.id ?? null;
  const execution = lineage.executions.find((e) => e.id === chosen);
  const source = sources.find((s) => s.id === chosen);
  const byPipeline = version.attempt_id !== "";
  return (
    <Section
      title="Where it came from"
      note={
        <>
          {version.package && <>package <span class="mono" title={version.package}>{digest(version.package)}</span>{version.run_id && ", "}</>}
          {version.run_id && <a href={byPipeline ? to("runs", version.run_id) : to("experiments", "0", "runs", version.run_id)}>run {version.run_id.slice(0, 12)}</a>}
        </>
      }
    >
      <Dag label="From files to the model" nodes={nodes} chosen={chosen} onChoose={(id) => navigate(withQuery(place, "node", id), "replace")} />
      <div class="panel" data-lineage>
        {execution && <Step execution={execution} events={lineage.events.filter((e) => e.execution === execution.id)} artifacts={artifacts} />}
        {source && (
          <dl class="rows">
            <dt>{source.type}</dt>
            <dd><Linked to={pageOfArtifact(source)}>{nameOf(source)}</Linked></dd>
            <dt>Digest</dt>
            <dd class="mono wrap">{source.digest}</dd>
          </dl>
        )}
      </div>
      {lineage.truncated && <p class="muted small">There is more than is shown here.</p>}
    </Section>
  );
}

function Linked({ to, children }: { to: string | null; children: ComponentChildren }) {
  return to === null ? <>{children}</> : <a href={to}>{children}</a>;
}

function Step({ execution, events, artifacts }: { execution: Execution; events: LineageEvent[]; artifacts: Map<string, Artifact> }) {
  const asked = execution.configuration.with ?? execution.configuration;
  const machine = Object.entries(execution.environment).map(([key, value]) => `${key} ${String(value)}`).join(", ");
  return (
    <dl class="rows">
      <dt>{execution.type === "tracked_run" ? "Run" : "Step"}</dt>
      <dd><Linked to={pageOfExecution(execution)}>{tail(execution.name) || execution.type}</Linked>, {moment(execution.started)}</dd>
      {execution.code_version && <><dt>Code</dt><dd class="mono wrap">{execution.code_version}</dd></>}
      <Ports title="Took" events={events.filter((e) => e.direction === "input")} artifacts={artifacts} />
      <Ports title="Made" events={events.filter((e) => e.direction === "output")} artifacts={artifacts} />
      {JSON.stringify(asked) !== "{}" && <><dt>Asked of it</dt><dd class="mono wrap small">{JSON.stringify(asked)}</dd></>}
      {machine && <><dt>Machine</dt><dd class="small">{machine}</dd></>}
    </dl>
  );
}

function Ports({ title, events, artifacts }: { title: string; events: LineageEvent[]; artifacts: Map<string, Artifact> }) {
  if (events.length === 0) return null;
  return (
    <>
      <dt>{title}</dt>
      <dd>
        {events.map((event) => {
          const artifact = artifacts.get(event.artifact);
          const rows = artifact?.metadata.rows;
          return (
            <span key={event.artifact + event.port} class="io">
              <Linked to={artifact ? pageOfArtifact(artifact) : null}>{tail(event.port.replace(/^file /, ""))}</Linked>
              <span class="muted mono"> {digest(artifact?.digest ?? "")}{typeof rows === "number" ? `, ${count(rows)} rows` : ""}</span>
            </span>
          );
        })}
      </dd>
    </>
  );
}
