// One run of an experiment: what it was given, what it measured, how it went, what it left.
import { useMemo, useState } from "preact/hooks";
import { ask, forget, useApi, useApis, useEvery } from "../api";
import { Artifacts, runFiles } from "../artifacts";
import { duration, milli, plural, value } from "../format";
import { ChartGrid } from "../metric_charts";
import { membersOf, placeOfSource } from "../records/datasets";
import { datasetAddress, lineageAddress, loggedModelAddress } from "../records/lineage";
import type { LoggedModel } from "../records/logged_models";
import { to, usePlace, withQuery } from "../router";
import type { DatasetInput, Experiment, KeyValue, MetricValue, TrackedRun } from "../tracking";
import { double, experimentAddress, int, kAjax, pairsOf } from "../tracking";
import type { Fact, Tone } from "../ui";
import { Command, Empty, Facts, Failure, Head, Loading, Section, settled, Sign } from "../ui";
import { ItemMenu } from "./item_menu";
import { Notes } from "./notes";

const kTones: Record<string, Tone> = { FINISHED: "ok", FAILED: "bad", KILLED: "warn", RUNNING: "run", SCHEDULED: "none" };
const kLiveMs = 2000;
const kTabs = ["overview", "charts", "system", "artifacts"] as const;
type Tab = (typeof kTabs)[number];

const runPath = (id: string) => `${kAjax}/runs/get?run_id=${encodeURIComponent(id)}`;
const isSystem = (metric: string) => metric.startsWith("system/");

export function TrackedRunPage({ experiment, id }: { experiment: string; id: string }) {
  const answer = useApi<{ run: TrackedRun }>(runPath(id));
  const parent = useApi<{ experiment: Experiment }>(`${kAjax}/experiments/get?experiment_id=${encodeURIComponent(experiment)}`);
  if (!settled(answer, parent)) return <Loading />;
  if (answer.error) return <Failure error={answer.error} what={`The run ${id}`} />;
  return <Page run={answer.data!.run} experiment={parent.data?.experiment} />;
}

function Live({ id }: { id: string }) {
  useEvery(runPath(id), kLiveMs);
  return null;
}

function Page({ run, experiment }: { run: TrackedRun; experiment: Experiment | undefined }) {
  const place = usePlace();
  const { info, data } = run;
  // Runs of pipelines are nobody's.
  const made = useApi<{ pipeline: string | null }>(userOf(run) ? null : `/api/v1${to("runs", info.run_id, "tracked")}`);
  const tab: Tab = kTabs.find((t) => t === place.query.get("tab")) ?? "overview";
  const tags = pairsOf(data.tags);
  const metrics = (data.metrics ?? []).map((m) => m.key).sort();
  const system = metrics.filter(isSystem);
  const tone = kTones[info.status] ?? "none";
  const running = info.status === "RUNNING" || info.status === "SCHEDULED";
  const runs = useMemo(() => [{ id: info.run_id, name: info.run_name || info.run_id, running }], [info.run_id, info.run_name, running]);
  const alter = async (call: string, body: object = {}) => {
    await ask("POST", `${kAjax}/runs/${call}`, { run_id: info.run_id, ...body });
    forget((path) => path === runPath(info.run_id));
  };
  const titles: Record<Tab, string> = { overview: "Overview", charts: `Charts ${metrics.length - system.length || ""}`, system: "System", artifacts: "Artifacts" };
  const group = experiment?.name ?? info.experiment_id;
  return (
    <>
      {running && <Live id={info.run_id} />}
      <Head
        title={info.run_name || info.run_id}
        kicker={<><a href="/experiments">Experiments</a> › <a href={experimentAddress(info.experiment_id)}>{group}</a> › {info.run_id}</>}
        state={<span class={`state tone-${tone}`}><Sign tone={tone} />{info.lifecycle_stage === "deleted" ? "deleted, " : ""}{info.status.toLowerCase()}</span>}
      />
      <Facts name="tracked" items={factsOf(run, tags, made.data?.pipeline ?? null)} />
      <nav class="tabs" aria-label="Parts of the run">
        {kTabs.filter((t) => t !== "system" || system.length > 0).map((t) => (
          <a key={t} href={withQuery({ ...place, query: new URLSearchParams() }, "tab", t === "overview" ? null : t)} aria-current={t === tab ? "page" : undefined} data-tab={t}>{titles[t]}</a>
        ))}
        <a class="tabs-end" href={lineageAddress(`run:${info.run_id}`)}>Lineage</a>
        <ItemMenu
          key={info.run_name} what="run" name={info.run_name} deleted={info.lifecycle_stage === "deleted"}
          rename={(name) => alter("update", { run_name: name })} remove={() => alter("delete")} restore={() => alter("restore")}
        />
      </nav>
      {tab === "overview" && <Overview run={run} tags={tags} experiment={experiment} />}
      {tab === "charts" && <ChartGrid runs={runs} metrics={metrics.filter((m) => !isSystem(m))} />}
      {tab === "system" && <ChartGrid runs={runs} metrics={system} />}
      {tab === "artifacts" && <Artifacts of={runFiles(info.run_id, info.artifact_uri)} elsewhere={made.data?.pipeline && <> What its steps made is with <a href={to("runs", info.run_id)}>its steps</a>.</>} />}
    </>
  );
}

const userOf = (run: TrackedRun) => pairsOf(run.data.tags)["mlflow.user"] ?? run.info.user_id;

function factsOf(run: TrackedRun, tags: Record<string, string>, pipeline: string | null): Fact[] {
  const { info } = run;
  const end = info.end_time ? Number(info.end_time) : null;
  const user = userOf(run);
  const source = tags["mlflow.source.name"];
  const commit = tags["mlflow.source.git.commit"] ?? tags["millwright.git.commit"];
  const facts: Fact[] = [
    { label: "Took", value: duration(Math.max(0, (end ?? Date.now()) - Number(info.start_time)) / 1000), note: `started ${milli(Number(info.start_time))}` },
  ];
  if (user) facts.push({ label: "By", value: user });
  if (source) facts.push({ label: "Program", value: <span class="small mono wrap">{source}</span> });
  if (commit) {
    const dirty = tags["millwright.git.dirty"];
    facts.push({ label: "Commit", value: <span class="small mono">{commit.slice(0, 12)}</span>, note: dirty === "true" ? "with uncommitted changes" : dirty === "false" ? "nothing uncommitted" : undefined });
  }
  if (pipeline) facts.push({ label: "Pipeline", value: <span class="small"><a href={to("pipelines", pipeline)}>{pipeline}</a>: <a href={to("runs", info.run_id)}>its steps and logs</a></span> });
  return facts;
}

async function setTag(run: string, key: string, text: string) {
  await ask("POST", `${kAjax}/runs/set-tag`, { run_id: run, key, value: text });
  forget((path) => path === runPath(run));
}

function Overview({ run, tags, experiment }: { run: TrackedRun; tags: Record<string, string>; experiment: Experiment | undefined }) {
  const { info, data } = run;
  const baseline = experiment ? pairsOf(experiment.tags)["millwright.baseline"] : undefined;
  return (
    <>
      <Notes text={tags["mlflow.note.content"] ?? ""} save={(text) => setTag(info.run_id, "mlflow.note.content", text)} />
      <div class="two two-even two-top">
        <Values title="Metrics" name="metric" rows={(data.metrics ?? []).map(metricRow)} empty="No metric yet." numeric />
        <Values title="Parameters" name="param" rows={(data.params ?? []).map((p) => ({ key: p.key, text: p.value }))} empty="No parameter." />
      </div>
      <Tags run={info.run_id} tags={data.tags ?? []} />
      <Datasets inputs={run.inputs?.dataset_inputs ?? []} />
      <Models run={run} />
      <Section title="Compare and repeat">
        <Baseline run={info.run_id} experiment={info.experiment_id} baseline={baseline} />
        <Reproduce run={info.run_id} />
      </Section>
    </>
  );
}

function metricRow(metric: MetricValue) {
  return { key: metric.key, text: value(double(metric.value)), note: int(metric.step) > 0 ? `step ${int(metric.step).toLocaleString("en-US")}` : "" };
}

const kFilterFrom = 8;

function Values({ title, name, rows, empty, numeric }: { title: string; name: string; rows: { key: string; text: string; note?: string }[]; empty: string; numeric?: boolean }) {
  const [find, setFind] = useState("");
  const shown = rows.filter((row) => `${row.key} ${row.text}`.toLowerCase().includes(find.toLowerCase())).sort((a, b) => (a.key < b.key ? -1 : 1));
  return (
    <Section title={title} note={rows.length > 0 ? plural(rows.length, "value") : undefined}>
      {rows.length >= kFilterFrom && <input type="search" class="field field-find" placeholder={`Find in ${title.toLowerCase()}`} aria-label={`Find in ${title.toLowerCase()}`} value={find} onInput={(event) => setFind(event.currentTarget.value)} />}
      {rows.length === 0 ? (
        <p class="muted">{empty}</p>
      ) : (
        <dl class={`values${numeric ? " values-num" : ""}`}>
          {shown.map((row) => (
            <div key={row.key} data-value={`${name} ${row.key}`}>
              <dt title={row.key}>{row.key}</dt>
              <dd>{row.text} {row.note && <small class="muted">{row.note}</small>}</dd>
            </div>
          ))}
        </dl>
      )}
    </Section>
  );
}

const isPrivate = (key: string) => key.startsWith("mlflow.") || key.startsWith("millwright.");

function Tags({ run, tags }: { run: string; tags: KeyValue[] }) {
  const [key, setKey] = useState("");
  const [text, setText] = useState("");
  const [all, setAll] = useState(false);
  const [error, setError] = useState("");
  const own = tags.filter((tag) => !isPrivate(tag.key));
  const others = tags.filter((tag) => isPrivate(tag.key) && tag.key !== "mlflow.note.content");
  const attempt = (work: Promise<unknown>) => work.then(() => setError("")).catch((failure: Error) => setError(failure.message));
  const remove = async (which: string) => {
    await ask("POST", `${kAjax}/runs/delete-tag`, { run_id: run, key: which });
    forget((path) => path === runPath(run));
  };
  return (
    <Section title="Tags" note={others.length > 0 ? <button type="button" class="link" onClick={() => setAll(!all)}>{all ? "hide" : "show"} {plural(others.length, "tag")} of the client</button> : undefined}>
      <ul class="tag-list">
        {own.map((tag) => (
          <li key={tag.key} class="tag tag-wide" data-tag={tag.key}>
            <span>{tag.key}</span> <b>{tag.value}</b>
            <button type="button" class="tag-x" aria-label={`Delete the tag ${tag.key}`} onClick={() => void attempt(remove(tag.key))}>×</button>
          </li>
        ))}
        <li>
          <form class="menu-form" onSubmit={(event) => { event.preventDefault(); if (key) void attempt(setTag(run, key, text)).then(() => { setKey(""); setText(""); }); }}>
            <input class="field field-small" placeholder="tag" aria-label="Tag" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
            <input class="field field-small" placeholder="value" aria-label="Value of the tag" value={text} onInput={(event) => setText(event.currentTarget.value)} />
            <button type="submit" class="button" disabled={!key}>Set</button>
          </form>
        </li>
      </ul>
      {error && <p class="tone-bad small">{error}</p>}
      {all && <dl class="values">{others.map((tag) => <div key={tag.key}><dt title={tag.key}>{tag.key}</dt><dd>{tag.value.slice(0, 1000)}</dd></div>)}</dl>}
    </Section>
  );
}

function Datasets({ inputs }: { inputs: DatasetInput[] }) {
  if (inputs.length === 0) return null;
  return (
    <Section title="Data" note={plural(inputs.length, "dataset")}>
      <ul class="list">
        {inputs.map(({ dataset, tags }) => (
          <li key={dataset.name + dataset.digest} class="list-row" data-dataset={dataset.name}>
            <span class="grow"><a class="strong" href={datasetAddress(dataset.name, dataset.digest)}>{dataset.name}</a> <span class="muted mono">{dataset.digest}</span>
              <p class="muted small wrap">{dataset.source_type}: {placeOfSource(dataset.source).slice(0, 300)}</p>
            </span>
            {(tags ?? []).map((tag) => <span key={tag.key} class="tag" title={tag.key}>{tag.value}</span>)}
            {dataset.profile && <span class="muted small wrap">{membersOf(dataset.profile).map(([key, text]) => `${key} ${text}`).join(", ").slice(0, 200)}</span>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

const kModelsNamed = 20;

interface Registered {
  name: string;
  version: string;
  source: string;
}

/** Models that the run made or used, and versions that were registered from it. */
function Models({ run }: { run: TrackedRun }) {
  const made = run.outputs?.model_outputs ?? [];
  const used = run.inputs?.model_inputs ?? [];
  const rows = [...made.map((model) => ({ id: model.model_id, how: "made", step: int(model.step) })), ...used.map((model) => ({ id: model.model_id, how: "used", step: 0 }))];
  const named = [...new Set(rows.map((row) => row.id))].slice(0, kModelsNamed);
  const models = useApis<{ model: LoggedModel }>(named.map((id) => `${kAjax}${to("logged-models", id)}`));
  const byId = new Map(models.map((answer, i) => [named[i]!, answer.data?.model]));
  const versions = useApi<{ model_versions?: Registered[] }>(`${kAjax}/model-versions/search?${new URLSearchParams({ filter: `run_id = '${run.info.run_id}'`, max_results: "100" })}`).data?.model_versions ?? [];
  if (rows.length + versions.length === 0) return null;
  return (
    <Section title="Models">
      <ul class="list">
        {rows.map((row) => {
          const model = byId.get(row.id);
          return (
            <li key={row.how + row.id + row.step} class="list-row" data-logged-model={row.id}>
              <span class="tag">{row.how}</span>
              <span class="grow"><a class="strong" href={loggedModelAddress(row.id, model?.info.experiment_id ?? run.info.experiment_id)}>{model?.info.name || row.id}</a> <span class="muted small">{model?.info.model_type}{row.step > 0 && ` step ${row.step.toLocaleString("en-US")}`}</span></span>
              <span class="mono muted small">{row.id.slice(0, 14)}</span>
            </li>
          );
        })}
        {versions.map((version) => (
          <li key={`${version.name} ${version.version}`} class="list-row" data-registered={`${version.name} ${version.version}`}>
            <span class="tag">registered</span>
            <a class="grow strong" href={to("models", version.name, version.version)}>{version.name} v{version.version}</a>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Baseline({ run, experiment, baseline }: { run: string; experiment: string; baseline: string | undefined }) {
  const [error, setError] = useState("");
  const pin = async (on: boolean) => {
    try {
      await ask("POST", `${kAjax}/experiments/${on ? "set-experiment-tag" : "delete-experiment-tag"}`, { experiment_id: experiment, key: "millwright.baseline", ...(on ? { value: run } : {}) });
      forget((path) => path.startsWith(`${kAjax}/experiments/`));
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <p class="baseline">
      {baseline === run ? (
        <>This is the run that others of the experiment are held against. <button type="button" class="link" onClick={() => void pin(false)}>Unpin it</button></>
      ) : (
        <>
          {baseline && <a class="button" href={`/compare?runs=${baseline},${run}`}>Compare with the baseline {baseline.slice(0, 12)}</a>}
          <button type="button" class="link" onClick={() => void pin(true)}>Make this the baseline</button>
        </>
      )}
      {error && <span class="tone-bad small"> {error}</span>}
    </p>
  );
}

interface Reproduction {
  commands: string[];
  missing: string[];
  notes: string[];
}

function Reproduce({ run }: { run: string }) {
  const [wanted, setWanted] = useState(false);
  const answer = useApi<Reproduction>(wanted ? `/api/v1${to("runs", run)}/reproduce` : null);
  if (!wanted) return <button type="button" class="button" onClick={() => setWanted(true)} data-reproduce>Reproduce this run</button>;
  if (!answer.settled) return null;
  if (answer.error) return <Empty title="It cannot be told how">{answer.error.message}</Empty>;
  const { commands, missing, notes } = answer.data!;
  return (
    <div data-commands>
      {commands.length > 0 && <Command text={commands.join("\n")} label="The same again" />}
      {missing.map((text) => <p key={text} class="tone-warn small">not known: {text}</p>)}
      {notes.map((text) => <p key={text} class="muted small">{text}</p>)}
    </div>
  );
}

