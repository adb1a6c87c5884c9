// The way from a version back to its data and code.
import { Dag } from "../dag";
import { count, digest, moment } from "../format";
import type { Lineage, Version } from "../records/models";
import { navigate, to, usePlace, withQuery } from "../router";
import { Section } from "../ui";

export function LineageSection({ lineage, version }: { lineage: Lineage; version: Version }) {
  const place = usePlace();
  const artifacts = new Map(lineage.artifacts.map((a) => [a.id, a]));
  const makers = new Map(lineage.events.filter((e) => e.direction === "output").map((e) => [e.artifact, e.execution]));
  const inputs = (execution: string) => lineage.events.filter((e) => e.execution === execution && e.direction === "input");
  const sources = lineage.artifacts.filter((a) => !makers.has(a.id));
  const portOf = (id: string) => lineage.events.find((e) => e.artifact === id)?.port ?? "";
  const name = (text: string) => text.slice(text.lastIndexOf("/") + 1);
  const nodes = [
    ...sources.map((source) => ({
      id: source.id,
      label: name(portOf(source.id).replace(/^file /, "")),
      sub: source.type,
      tone: "none" as const,
      after: [],
    })),
    ...lineage.executions.map((execution) => ({
      id: execution.id,
      label: name(execution.name),
      sub: execution.state === "cached" ? "reused" : execution.type,
      tone: execution.state === "failed" ? ("bad" as const) : ("ok" as const),
      after: inputs(execution.id).map((event) => makers.get(event.artifact) ?? event.artifact),
    })),
  ];
  const chosen = nodes.find((n) => n.id === place.query.get("node"))?.id ?? lineage.executions[lineage.executions.length - 1]?.id ?? null;
  const rows = (id: string) => {
    const rowsOf = artifacts.get(id)?.metadata.rows;
    return typeof rowsOf === "number" ? `, ${count(rowsOf)} rows` : "";
  };
  const execution = lineage.executions.find((e) => e.id === chosen);
  const source = sources.find((s) => s.id === chosen);
  return (
    <Section
      title="Where it came from"
      note={
        <>
          package <span class="mono" title={version.package}>{digest(version.package)}</span>
          {version.run_id && <>, <a href={to("runs", version.run_id)}>run {version.run_id.slice(0, 12)}</a></>}
        </>
      }
    >
      <Dag label="From files to the model" nodes={nodes} chosen={chosen} onChoose={(id) => navigate(withQuery(place, "node", id), "replace")} />
      <div class="panel" data-lineage>
        {execution && (
          <dl class="rows">
            <dt>Step</dt>
            <dd>{name(execution.name)}, {moment(execution.started)}</dd>
            <dt>Code</dt>
            <dd class="mono wrap">{execution.code_version}</dd>
            <dt>Took</dt>
            <dd>
              {inputs(execution.id).map((event) => (
                <span key={event.artifact + event.port} class="io">
                  {event.port.replace(/^file /, "")}
                  <span class="muted mono"> {digest(artifacts.get(event.artifact)?.digest ?? "")}{rows(event.artifact)}</span>
                </span>
              ))}
            </dd>
            <dt>Made</dt>
            <dd>
              {lineage.events
                .filter((event) => event.execution === execution.id && event.direction === "output")
                .map((event) => (
                  <span key={event.artifact + event.port} class="io">
                    {event.port}
                    <span class="muted mono"> {digest(artifacts.get(event.artifact)?.digest ?? "")}{rows(event.artifact)}</span>
                  </span>
                ))}
            </dd>
            <dt>Asked of it</dt>
            <dd class="mono wrap small">{JSON.stringify(execution.configuration.with ?? execution.configuration)}</dd>
            <dt>Machine</dt>
            <dd class="small">{Object.entries(execution.environment).map(([key, value]) => `${key} ${String(value)}`).join(", ")}</dd>
          </dl>
        )}
        {source && (
          <dl class="rows">
            <dt>{source.type}</dt>
            <dd>{portOf(source.id).replace(/^file /, "")}</dd>
            <dt>Digest</dt>
            <dd class="mono wrap">{source.digest}</dd>
          </dl>
        )}
      </div>
      {lineage.truncated && <p class="muted small">There is more than is shown here.</p>}
    </Section>
  );
}
