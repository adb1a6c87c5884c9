// A model that a run logged: where it came from, its files, what was said and measured of it and on which data, and the
// versions that were registered from it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useApi } from "../api";
import { Artifacts, modelFiles } from "../artifacts";
import { milli, plural, value } from "../format";
import { datasetAddress, lineageAddress } from "../records/lineage";
import type { LoggedModel, ModelMetric } from "../records/logged_models";
import { stateOfModel } from "../records/logged_models";
import type { Version } from "../records/models";
import { to, usePlace, withQuery } from "../router";
import type { DatasetInput, Experiment, KeyValue, TrackedRun } from "../tracking";
import { double, experimentAddress, int, kAjax, pairsOf, runAddress } from "../tracking";
import type { Fact } from "../ui";
import { Empty, Facts, Failure, Head, Loading, Scroll, Section, settled, Sign } from "../ui";

export function LoggedModelPage({ id }: { id: string }) {
  const answer = useApi<{ model: LoggedModel }>(`${kAjax}${to("logged-models", id)}`);
  const info = answer.data?.model.info;
  const parent = useApi<{ experiment: Experiment }>(info ? `${kAjax}/experiments/get?experiment_id=${encodeURIComponent(info.experiment_id)}` : null);
  const run = useApi<{ run: TrackedRun }>(info?.source_run_id ? `${kAjax}/runs/get?run_id=${encodeURIComponent(info.source_run_id)}` : null);
  const versions = useApi<{ versions: Version[] }>(info ? `/api/v1${to("logged-models", id, "versions")}` : null);
  if (!settled(answer, parent, run, versions)) return <Loading />;
  if (answer.error) return <Failure error={answer.error} what={`The model ${id}`} />;
  return <Page model={answer.data!.model} experiment={parent.data?.experiment} run={run.data?.run} versions={versions.data?.versions ?? []} />;
}

function Page({ model, experiment, run, versions }: { model: LoggedModel; experiment: Experiment | undefined; run: TrackedRun | undefined; versions: Version[] }) {
  const place = usePlace();
  const { info, data } = model;
  const files = place.query.get("tab") === "files";
  const state = stateOfModel(info.status);
  const tab = (name: string | null) => withQuery({ ...place, query: new URLSearchParams() }, "tab", name);
  const home = experimentAddress(info.experiment_id);
  return (
    <>
      <Head
        title={info.name || info.model_id}
        kicker={<><a href="/experiments">Experiments</a> › <a href={home}>{experiment?.name ?? info.experiment_id}</a> › <a href={`${home}/models`}>models</a> › {info.model_id}</>}
        state={<span class={`state tone-${state.tone}`}><Sign tone={state.tone} />{state.text}</span>}
      />
      <Facts name="logged-model" items={factsOf(model, run, versions)} />
      <nav class="tabs" aria-label="Parts of the model">
        <a href={tab(null)} aria-current={files ? undefined : "page"} data-tab="overview">Overview</a>
        <a href={tab("files")} aria-current={files ? "page" : undefined} data-tab="files">Files</a>
        <a class="tabs-end" href={lineageAddress(`model:${info.model_id}`)}>Lineage</a>
      </nav>
      {files ? (
        <Artifacts of={modelFiles(info.model_id, info.artifact_uri)} />
      ) : (
        <>
          <Metrics metrics={data?.metrics ?? []} run={info.source_run_id} experiment={info.experiment_id} />
          <Values title="Parameters" rows={data?.params ?? []} />
          <Data inputs={run?.inputs?.dataset_inputs ?? []} metrics={data?.metrics ?? []} />
          <Versions versions={versions} id={info.model_id} />
          <Tags tags={info.tags ?? []} />
        </>
      )}
    </>
  );
}

function factsOf(model: LoggedModel, run: TrackedRun | undefined, versions: Version[]): Fact[] {
  const { info } = model;
  const facts: Fact[] = [{ label: "Logged", value: <span class="small">{milli(int(info.creation_timestamp_ms))}</span> }];
  if (info.model_type) facts.push({ label: "Type", value: info.model_type });
  if (info.source_run_id) {
    const name = run?.info.run_name || info.source_run_id.slice(0, 12);
    facts.push({ label: "Made by", value: <a class="small" href={runAddress(info.experiment_id, info.source_run_id)}>{name}</a>, note: run ? run.info.status.toLowerCase() : undefined });
  }
  const newest = versions[0];
  facts.push({
    label: "Registered as",
    value: newest ? <a class="small" href={to("models", newest.model, newest.version)}>{newest.model} v{newest.version}</a> : "–",
    note: versions.length > 1 ? `and ${plural(versions.length - 1, "more version")}` : newest ? undefined : "no version yet",
  });
  return facts;
}

/** Each measurement with the dataset that it was made on. */
function Metrics({ metrics, run, experiment }: { metrics: ModelMetric[]; run: string | undefined; experiment: string }) {
  if (metrics.length === 0) return <Section title="Metrics"><p class="muted">Nothing was measured of it.</p></Section>;
  const sorted = [...metrics].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : int(b.timestamp) - int(a.timestamp) || int(b.step) - int(a.step)));
  return (
    <Section title="Metrics" note={plural(metrics.length, "measurement")}>
      <Scroll label="Metrics">
        <table class="table">
          <thead><tr><th scope="col">Metric</th><th scope="col" class="num">Value</th><th scope="col">Measured on</th><th scope="col" class="num">Step</th><th scope="col">By</th><th scope="col">At</th></tr></thead>
          <tbody>
            {sorted.map((metric, i) => (
              <tr key={i} data-measured={`${metric.key} ${metric.dataset_name ?? ""}`}>
                <th scope="row" class="wrap-cell">{metric.key}</th>
                <td class="num">{value(double(metric.value))}</td>
                <td class="wrap-cell">{metric.dataset_name ? <><a href={datasetAddress(metric.dataset_name, metric.dataset_digest ?? "")}>{metric.dataset_name}</a> <span class="mono muted small">{metric.dataset_digest}</span></> : <span class="faint">–</span>}</td>
                <td class="num muted">{int(metric.step).toLocaleString("en-US")}</td>
                <td class="nowrap">{metric.run_id ? <a class={metric.run_id === run ? "" : "mono"} href={runAddress(experiment, metric.run_id)}>{metric.run_id === run ? "its run" : metric.run_id.slice(0, 12)}</a> : <span class="faint">–</span>}</td>
                <td class="nowrap muted">{int(metric.timestamp) > 0 ? milli(int(metric.timestamp)) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

/** What its run read, and what it was measured on. */
function Data({ inputs, metrics }: { inputs: DatasetInput[]; metrics: ModelMetric[] }) {
  const uses = new Map<string, { name: string; digest: string; for: string[] }>();
  const add = (name: string, digest: string, use: string) => {
    const key = `${digest} ${name}`;
    const known = uses.get(key) ?? { name, digest, for: [] };
    if (use && !known.for.includes(use)) known.for.push(use);
    uses.set(key, known);
  };
  for (const { dataset, tags } of inputs) add(dataset.name, dataset.digest, pairsOf(tags)["mlflow.data.context"] ?? "");
  for (const metric of metrics) if (metric.dataset_name) add(metric.dataset_name, metric.dataset_digest ?? "", "measured on it");
  if (uses.size === 0) return null;
  return (
    <Section title="Data" note={plural(uses.size, "dataset")}>
      <ul class="list">
        {[...uses.values()].map((use) => (
          <li key={`${use.digest} ${use.name}`} class="list-row" data-dataset={use.name}>
            <span class="grow"><a href={datasetAddress(use.name, use.digest)}>{use.name}</a> <span class="muted mono">{use.digest}</span></span>
            {use.for.map((text) => <span key={text} class="tag">{text}</span>)}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Versions({ versions, id }: { versions: Version[]; id: string }) {
  return (
    <Section title="Versions" note={versions.length > 0 ? `${plural(versions.length, "version")} registered from it` : undefined}>
      {versions.length === 0 ? (
        <Empty title="Not registered" command={`mlflow.register_model("models:/${id}", "NAME")`} />
      ) : (
        <ul class="list">
          {versions.map((version) => (
            <li key={`${version.model} ${version.version}`} class="list-row" data-version={`${version.model} ${version.version}`}>
              <a class="grow" href={to("models", version.model, version.version)}>{version.model} v{version.version}</a>
              {version.aliases.map((alias) => <span key={alias} class={`tag${alias === "production" ? " tag-strong" : ""}`}>{alias}</span>)}
              {version.stage && version.stage !== "None" && <span class="tag">{version.stage}</span>}
              <span class="muted small">{milli(Date.parse(version.created))}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Tags({ tags }: { tags: KeyValue[] }) {
  const [all, setAll] = useState(false);
  const own = tags.filter((tag) => !tag.key.startsWith("mlflow."));
  const others = tags.length - own.length;
  if (tags.length === 0) return null;
  const note = others > 0 ? <button type="button" class="link" onClick={() => setAll(!all)}>{all ? "hide" : "show"} {plural(others, "tag")} of the client</button> : undefined;
  return <Values title="Tags" rows={all ? tags : own} note={note} />;
}

function Values({ title, rows, note }: { title: string; rows: KeyValue[]; note?: ComponentChildren }) {
  if (rows.length === 0 && !note) return null;
  return (
    <Section title={title} note={note ?? plural(rows.length, "value")}>
      <dl class="values">
        {rows.map((row) => (
          <div key={row.key} data-value={`${title} ${row.key}`}>
            <dt title={row.key}>{row.key}</dt>
            <dd>{row.value.slice(0, 1000)}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
