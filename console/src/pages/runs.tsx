// Pipelines and their runs: the list, and one run with its graph, timings, metrics and step logs.
import { useEffect, useRef, useState } from "preact/hooks";
import type { MetricPoint, PipelineRow, Run, RunRow, Task, Tracked } from "../records/runs";
import { useApi, useApis } from "../api";
import { Chain } from "../chain";
import { LineChart } from "../charts";
import { Dag } from "../dag";
import { between, bytes, count, digest, duration, metric, moment, number, plural } from "../format";
import { navigate, to, usePlace, withQuery } from "../router";
import type { Fact } from "../ui";
import { Clock, Command, Empty, Facts, Failure, Head, Loading, Scroll, Section, settled, Sign, State, toneOf } from "../ui";

const kRunsPage = 50;
const isOver = (state: string) => ["succeeded", "failed", "canceled"].includes(state);

/** Draws again each second while something runs, so that its time is seen to pass. */
function useTick(running: boolean) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!running) return;
    const timer = window.setInterval(() => tick((n) => n + 1), 1000);
    return () => window.clearInterval(timer);
  }, [running]);
}

function took(of: { started: string | null; ended: string | null }): string {
  const seconds = between(of.started, of.ended);
  return seconds === null ? "–" : duration(Math.max(0, seconds));
}

export function RunTable({ runs }: { runs: RunRow[] }) {
  useTick(runs.some((run) => !isOver(run.state)));
  return (
    <Scroll label="Runs">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Pipeline</th>
            <th scope="col">Run</th>
            <th scope="col">Started <Clock of="wall" /></th>
            <th scope="col" class="num">Took</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.id} data-run={run.id}>
              <td><State of={run.state} /></td>
              <td><a href={to("pipelines", run.pipeline)}>{run.pipeline}</a></td>
              <td>
                <a class="mono" href={to("runs", run.id)}>{run.id.slice(0, 12)}</a>
                {run.cause && <p class="small muted clamp">{run.cause}</p>}
              </td>
              <td class="nowrap muted">{moment(run.started ?? run.created)}</td>
              <td class="num">{took(run)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function RunList({ pipeline }: { pipeline: string | null }) {
  const place = usePlace();
  const before = place.query.get("before");
  const query = new URLSearchParams({ limit: String(kRunsPage + 1) });
  if (pipeline) query.set("pipeline", pipeline);
  if (before) query.set("before", before);
  const runs = useApi<{ runs: RunRow[] }>(`/api/v1/runs?${query}`);
  if (!settled(runs)) return <Loading />;
  if (runs.error) return <Failure error={runs.error} what="The list of runs" />;
  const shown = runs.data!.runs.slice(0, kRunsPage);
  if (shown.length === 0) {
    return (
      <Empty title={before ? "No older runs" : "No run yet"} command={`millwright run ${pipeline ?? "PIPELINE"}`}>
        A run carries a pipeline out once: every step with its state, time, log and what it made.
      </Empty>
    );
  }
  const last = shown[shown.length - 1]!;
  return (
    <>
      <RunTable runs={shown} />
      <p class="pager">
        {before && <a href={withQuery(place, "before", null)}>Newest</a>}
        {runs.data!.runs.length > kRunsPage && <a href={withQuery(place, "before", last.id)}>Older</a>}
      </p>
    </>
  );
}

export function RunsPage() {
  return (
    <>
      <Head title="Runs" command="millwright status --watch">
        Each pipeline carried out, newest first.
      </Head>
      <RunList pipeline={null} />
    </>
  );
}

export function PipelinesPage() {
  const pipelines = useApi<{ pipelines: PipelineRow[] }>("/api/v1/pipelines");
  if (!settled(pipelines)) return <Loading />;
  return (
    <>
      <Head title="Pipelines" command="millwright plan pipeline.yaml">
        From raw data to a version that answers, as files.
      </Head>
      {pipelines.error ? (
        <Failure error={pipelines.error} what="The list of pipelines" />
      ) : pipelines.data!.pipelines.length === 0 ? (
        <Empty title="No pipeline yet" command="millwright apply -f pipeline.yaml" />
      ) : (
        <ul class="list">
          {pipelines.data!.pipelines.map((pipeline) => (
            <PipelineListRow key={pipeline.name} pipeline={pipeline} />
          ))}
        </ul>
      )}
    </>
  );
}

function PipelineListRow({ pipeline }: { pipeline: PipelineRow }) {
  const runs = useApi<{ runs: RunRow[] }>(`/api/v1/runs?${new URLSearchParams({ pipeline: pipeline.name, limit: "1" })}`);
  const last = runs.data?.runs[0];
  return (
    <li class="list-row list-tall">
      <div class="grow">
        <a class="strong" href={to("pipelines", pipeline.name)}>{pipeline.name}</a>
        <p class="muted small clamp">version {pipeline.version}, applied {moment(pipeline.applied_at)}</p>
      </div>
      {last ? (
        <a class="quiet-link" href={to("runs", last.id)}>
          <State of={last.state} />
        </a>
      ) : (
        <span class="muted">{settled(runs) ? "never ran" : ""}</span>
      )}
    </li>
  );
}

export function PipelinePage({ name }: { name: string }) {
  const pipelines = useApi<{ pipelines: PipelineRow[] }>("/api/v1/pipelines");
  if (!settled(pipelines)) return <Loading />;
  const pipeline = pipelines.data?.pipelines.find((p) => p.name === name);
  return (
    <>
      <Head title={name} kicker="Pipeline" command={`millwright run ${name}`}>
        {pipeline ? `Version ${pipeline.version}, applied ${moment(pipeline.applied_at)} from ${pipeline.file.split("/").pop()}.` : undefined}
      </Head>
      <Section title="Runs">
        <RunList pipeline={name} />
      </Section>
    </>
  );
}

export function RunPage({ id }: { id: string }) {
  const run = useApi<Run>(`/api/v1${to("runs", id)}`);
  const tracked = useApi<Tracked>(`/api/v1${to("runs", id)}/tracked`);
  const place = usePlace();
  useTick(run.data !== undefined && !isOver(run.data.state));
  if (!settled(run, tracked)) return <Loading />;
  if (run.error) return <Failure error={run.error} what={`The run ${id}`} />;
  const data = run.data!;
  const chosen = data.tasks.find((task) => task.step === place.query.get("step")) ?? interesting(data);
  const choose = (step: string) => navigate(withQuery(place, "step", step), "replace");
  return (
    <>
      <Chain here="pipeline" {...(data.goal ? { goal: data.goal } : {})} pipeline={data.pipeline} run={data.id} />
      <Head title={data.pipeline} kicker={`Run ${data.id}`} state={<State of={data.state} />} command={`millwright status ${data.id}`}>
        {data.cause || undefined}
      </Head>
      <Facts name="run" items={runFacts(data)} />
      <Section title="Steps" note={`${data.tasks.filter((t) => t.state === "cached").length} of ${data.tasks.length} reused from earlier runs`}>
        <Dag
          label="The steps of this run, each after those it waits for"
          nodes={data.tasks.map((task) => ({
            id: task.step,
            label: task.step,
            sub: task.state === "cached" ? "reused" : task.started ? took(task) : task.state,
            tone: task.state === "cached" ? "ok" : toneOf(task.state),
            after: task.after,
          }))}
          chosen={chosen?.step ?? null}
          onChoose={choose}
        />
      </Section>
      {chosen && <Step key={chosen.step} run={data} task={chosen} />}
      <Section title="Timings" note={<Clock of="wall" />}>
        <Timings run={data} chosen={chosen?.step ?? null} onChoose={choose} />
      </Section>
      {tracked.data && <MetricSections run={data} tracked={tracked.data} />}
    </>
  );
}

/** What one looks at first: what failed, what runs, else the training. */
function interesting(run: Run): Task | undefined {
  return (
    run.tasks.find((t) => t.state === "failed") ??
    run.tasks.find((t) => t.state === "running") ??
    run.tasks.find((t) => t.uses === "train") ??
    run.tasks[0]
  );
}

function runFacts(run: Run): Fact[] {
  const facts: Fact[] = [
    { label: "Took", value: took(run), note: `started ${moment(run.started ?? run.created)}` },
    { label: "Steps done", value: `${run.tasks.filter((t) => t.state === "succeeded" || t.state === "cached").length} of ${run.tasks.length}` },
  ];
  for (const [name, value] of Object.entries(run.params)) facts.push({ label: name, value });
  return facts;
}

function Timings({ run, chosen, onChoose }: { run: Run; chosen: string | null; onChoose: (step: string) => void }) {
  const from = Date.parse(run.started ?? run.created);
  const until = run.ended ? Date.parse(run.ended) : Date.now();
  const length = Math.max(1, until - from);
  return (
    <ul class="timings">
      {run.tasks.map((task) => {
        const start = task.started ? (Date.parse(task.started) - from) / length : 0;
        const end = task.ended ? (Date.parse(task.ended) - from) / length : task.started ? 1 : 0;
        const ran = task.started !== null && task.state !== "cached";
        return (
          <li key={task.step} data-step={task.step}>
            <button type="button" class="timing" aria-pressed={task.step === chosen} onClick={() => onChoose(task.step)}>
              <span class="timing-name"><Sign tone={task.state === "cached" ? "ok" : toneOf(task.state)} />{task.step}</span>
              <span class="timing-bar">
                {ran && <i class={`tone-bg-${toneOf(task.state)}`} style={{ left: `${100 * Math.max(0, start)}%`, width: `max(2px, ${100 * Math.max(0, end - start)}%)` }} />}
              </span>
              <span class="timing-time">{task.state === "cached" ? "reused" : ran ? took(task) : task.state}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Step({ run, task }: { run: Run; task: Task }) {
  return (
    <Section title={task.step} note={<span>{task.uses ? `uses ${task.uses}` : "a program of its own"}, {plural(task.attempts, "attempt")}</span>}>
      <div class="panel" data-step-panel={task.step}>
        <p class="step-line">
          <State of={task.state} />
          <span>{task.summary || task.failure || (task.after.length > 0 ? `after ${task.after.join(", ")}` : "")}</span>
        </p>
        {task.failure && task.summary && <p class="tone-bad">{task.failure}</p>}
        {task.findings.map((finding, i) => (
          <p key={i} class="finding-line"><Sign tone="warn" />{finding.message ?? JSON.stringify(finding)}</p>
        ))}
        {task.cache_report && <p class="small muted">{task.cache_report}{task.reused_from && <> (<a href={to("runs", task.reused_from)}>that run</a>)</>}</p>}
        {Object.keys(task.metrics).length > 0 && (
          <dl class="pairs">
            {Object.entries(task.metrics).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{metric(name, value)}</dd>
              </div>
            ))}
          </dl>
        )}
        {task.outputs.length > 0 && (
          <ul class="outputs">
            {task.outputs.map((output) => (
              <li key={output.name}>
                <b>{output.name}</b>
                <span class="muted">{typeof output.metadata.rows === "number" ? `${count(output.metadata.rows)} rows, ` : ""}{bytes(output.size_bytes)}</span>
                <a class="mono muted" href={`/api/v1${to("artifacts", output.digest)}`} title={output.digest}>{digest(output.digest)}</a>
              </li>
            ))}
          </ul>
        )}
        <StepLog run={run} task={task} />
      </div>
    </Section>
  );
}

const kLogPollMs = 1000;
const kLogCharsMax = 400_000; // the page keeps the end of a longer log

/** A step's output as it grows. */
function StepLog({ run, task }: { run: Run; task: Task }) {
  const [text, setText] = useState<string | null>(null);
  const box = useRef<HTMLPreElement>(null);
  const ended = isOver(run.state) || ["succeeded", "cached", "failed", "skipped", "canceled"].includes(task.state);
  useEffect(() => {
    let stopped = false;
    let timer = 0;
    let offset = 0;
    const read = async () => {
      const answer = await fetch(`/api/v1${to("runs", run.id, "tasks", task.step)}/log?offset=${offset}`).catch(() => null);
      if (stopped) return;
      if (!answer?.ok) return setText((old) => old ?? "");
      const piece = (await answer.json()) as { text: string; next_offset: number; ended: boolean };
      if (stopped) return;
      const more = piece.next_offset > offset;
      offset = piece.next_offset;
      setText((old) => ((old ?? "") + piece.text).slice(-kLogCharsMax));
      if (more || !piece.ended) timer = window.setTimeout(read, more ? 0 : kLogPollMs);
    };
    void read();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
    };
  }, [run.id, task.step, task.attempt_id]);
  useEffect(() => {
    // The end is followed unless the reader has scrolled away from it.
    const element = box.current;
    if (element && !ended) element.scrollTop = element.scrollHeight;
  }, [text]);
  return (
    <div class="log">
      <div class="log-head">
        <h3>Output</h3>
        <Command text={`millwright logs ${run.id} ${task.step}`} />
      </div>
      <pre ref={box} tabindex={0} role="region" aria-label={`Output of ${task.step}`}>
        {text === null ? "" : text === "" ? (task.state === "cached" ? "Nothing was run: its outputs were reused." : "Nothing printed.") : text}
      </pre>
    </div>
  );
}

/** Curves of what was measured more than once, those of one kind in one picture. */
function MetricSections({ run, tracked }: { run: Run; tracked: Tracked }) {
  const curves = Object.entries(tracked.steps ?? {}).filter(([, step]) => step > 0).map(([name]) => name);
  const groups = new Map<string, string[]>();
  for (const name of curves) {
    const kind = name.slice(name.lastIndexOf(".") + 1);
    groups.set(kind, [...(groups.get(kind) ?? []), name]);
  }
  const single = Object.entries(tracked.metrics).filter(([name]) => !curves.includes(name));
  return (
    <>
      {[...groups].map(([kind, names]) => (
        <Curves key={kind} run={run} kind={kind} names={names} />
      ))}
      <Section title="Metrics" note={`${plural(single.length, "value")} logged by the steps`}>
        {single.length === 0 ? (
          <Empty title="No metrics yet">Steps log them as they go.</Empty>
        ) : (
          <dl class="pairs" data-metrics>
            {single.map(([name, value]) => (
              <div key={name} data-metric={name}>
                <dt>{name}</dt>
                <dd>{metric(name, value)}</dd>
              </div>
            ))}
          </dl>
        )}
      </Section>
    </>
  );
}

function Curves({ run, kind, names }: { run: Run; kind: string; names: string[] }) {
  return (
    <Section title={`${kind.replaceAll("_", " ")} by round`} note={names.join(", ")}>
      <CurveChart run={run} names={names} />
    </Section>
  );
}

function CurveChart({ run, names }: { run: Run; names: string[] }) {
  const shown = names.slice(0, 4); // as many as there are colours
  const answers = useApis<{ points: MetricPoint[] }>(shown.map((name) => `/api/v1${to("runs", run.id, "metrics", name)}`));
  if (!settled(...answers)) return <div class="chart-wait" />;
  const series = shown.map((name, i) => ({
    name,
    points: (answers[i]!.data?.points ?? []).map((p): [number, number] => [p.step, p.value]),
  }));
  const early = series.find((s) => s.name.startsWith("stop_early"));
  const best = early?.points.reduce((low, p) => (p[1] < low[1] ? p : low), early.points[0] ?? [0, 0]);
  return (
    <div data-curve={names[0]}>
      <LineChart
        label={`${shown.join(" and ")} by training round`}
        series={series}
        x={(value) => `round ${count(value + 1)}`}
        y={number}
        {...(best ? { marks: [{ at: best[0], text: `best round ${best[0] + 1}` }], at: best[0] } : {})}
      />
    </div>
  );
}
