// Datasets: those of an experiment or of all, those that pipelines made, and one with what is known of it and who used it.
import { useEffect, useState } from "preact/hooks";
import { ask, useApi, useApis } from "../api";
import { count, digest as shortDigest, milli, moment, plural, shellWord } from "../format";
import type { DatasetDetails, DatasetLine, DatasetModel, DatasetRun, MadeDataset } from "../records/datasets";
import { columnsOf, datasetPath, datasetsPath, madePath, membersOf, nameOfMade, placeOfSource, reachedByMade, runOfMade, sizeOfMade } from "../records/datasets";
import { datasetAddress, lineageAddress, loggedModelAddress } from "../records/lineage";
import { to } from "../router";
import type { Experiment } from "../tracking";
import { experimentAddress, kAjax, runAddress } from "../tracking";
import type { Tone } from "../ui";
import { Clock, Empty, Facts, Failure, Head, Loading, Scroll, Section, settled, Sign } from "../ui";

const kAtATime = 100;
const kRowsShown = 50; // of runs and models, until more are asked for

interface Page<Line, Place> {
  datasets: Line[];
  next: Place | null;
}

/** Names of experiments by id; an id for those that are not read yet. */
function useNames(ids: string[]): (id: string) => string {
  const some = [...new Set(ids)].slice(0, 60);
  const answers = useApis<{ experiment: Experiment }>(some.map((id) => `${kAjax}/experiments/get?experiment_id=${encodeURIComponent(id)}`));
  const names = new Map(answers.map((answer, i) => [some[i]!, answer.data?.experiment.name]));
  return (id) => names.get(id) ?? id;
}

/** Lists of pages: the first is kept fresh, the others are read once. `key`: what it is a list of; empty: of nothing. */
function usePages<Line, Place>(key: string, pathOf: (before: Place | null) => string) {
  const first = useApi<Page<Line, Place>>(key === "" ? null : pathOf(null));
  const [others, setOthers] = useState<Page<Line, Place>[]>([]);
  const [error, setError] = useState("");
  useEffect(() => setOthers([]), [key]);
  const last = others[others.length - 1] ?? first.data;
  const next = last?.next ?? null;
  const more = () =>
    ask<Page<Line, Place>>("GET", pathOf(next))
      .then((page) => setOthers((old) => [...old, page]))
      .catch((failure: Error) => setError(failure.message));
  return { first, lines: [first.data, ...others].flatMap((page) => page?.datasets ?? []), next, more, error };
}

function useLogged(query: Record<string, string>) {
  const pathOf = (before: number | null) => datasetsPath({ ...query, limit: String(kAtATime), ...(before === null ? {} : { before: String(before) }) });
  return usePages<DatasetLine, number>(pathOf(null), pathOf);
}

/** `experiment`: of that one; `name`: all digests of that name. */
export function DatasetsPage({ experiment, name }: { experiment?: string; name?: string }) {
  const pages = useLogged({ ...(experiment ? { experiment } : {}), ...(name ? { name } : {}) });
  const made = usePages<MadeDataset, string>(experiment || name ? "" : "made", (before) => madePath(before, kAtATime));
  const of = useApi<{ experiment: Experiment }>(experiment ? `${kAjax}/experiments/get?experiment_id=${encodeURIComponent(experiment)}` : null);
  const [filter, setFilter] = useState("");
  if (!settled(pages.first, made.first, of)) return <Loading />;
  if (of.error) return <Failure error={of.error} what={`The experiment ${experiment}`} />;
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (text: string) => words.every((word) => text.toLowerCase().includes(word));
  const shown = pages.lines.filter((line) => holds(`${line.name} ${line.digest} ${line.source} ${line.contexts.join(" ")}`));
  const shownMade = made.lines.filter((line) => holds(`${nameOfMade(line)} ${line.digest} ${line.uri} ${line.maker?.run ?? ""}`));
  const all = pages.lines.length + made.lines.length;
  const found = shown.length + shownMade.length;
  const soFar = pages.next !== null || made.next !== null;
  const kicker = experiment ? <><a href="/experiments">Experiments</a> › <a href={experimentAddress(experiment)}>{of.data?.experiment.name ?? experiment}</a></> : name ? <a href="/datasets">Datasets</a> : undefined;
  return (
    <>
      <Head title={name ?? "Datasets"} kicker={kicker} {...(name ? { command: `millwright lineage ${shellWord(`dataset:${name}`)} --reached` } : {})}>
        {name ? "Every digest that runs have logged under this name." : experiment ? "What runs have read, each by its name and digest, and what it was for." : "What runs have read and pipelines have made: where it came from and what used it."}
      </Head>
      {pages.first.error ? (
        <Failure error={pages.first.error} what="The list of datasets" />
      ) : made.first.error ? (
        <Failure error={made.first.error} what="The list of what pipelines made" />
      ) : all === 0 ? (
        <Empty title="No dataset yet">A run tells of its data with <code>mlflow.log_input(dataset, context="training")</code>{experiment || name ? "." : "; pipelines tell of theirs by themselves."}</Empty>
      ) : (
        <>
          <div class="toolbar">
            <input type="search" class="field field-grow" placeholder="Find by name, digest, source or use" aria-label="Find a dataset" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} data-filter />
            <span class="muted small" role="status">{found === all ? plural(all, "dataset") : `${count(found)} of ${count(all)}`}{soFar && " so far"}</span>
          </div>
          {made.lines.length > 0 ? (
            <>
              {pages.lines.length > 0 && <Section title="Logged by runs" note="by name and digest, the newest first"><Lines lines={shown} everywhere /><Older pages={pages} /></Section>}
              <Section title="Made by pipelines" note="by the step that made it first, the newest first"><MadeLines lines={shownMade} /><Older pages={made} /></Section>
            </>
          ) : (
            <>
              <Lines lines={shown} everywhere={!experiment} />
              <Older pages={pages} />
            </>
          )}
        </>
      )}
    </>
  );
}

function Older({ pages }: { pages: { next: unknown; more: () => Promise<void>; error: string } }) {
  if (pages.next === null) return null;
  return <p class="pager"><button type="button" class="link" onClick={() => void pages.more()}>Show older ones</button> {pages.error}</p>;
}

function MadeLines({ lines }: { lines: MadeDataset[] }) {
  return (
    <Scroll label="Made by pipelines">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Dataset</th>
            <th scope="col">Digest</th>
            <th scope="col" class="num">Rows</th>
            <th scope="col" class="num">Columns</th>
            <th scope="col">Made by</th>
            <th scope="col">Used by</th>
            <th scope="col">Made <Clock of="wall" /></th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => {
            const { rows, columns } = sizeOfMade(line);
            const run = line.maker && runOfMade(line.maker);
            return (
              <tr key={line.artifact} data-made={line.artifact}>
                <th scope="row" class="wrap-cell"><a href={lineageAddress(line.artifact)}>{nameOfMade(line)}</a></th>
                <td class="mono nowrap" title={line.digest}>{shortDigest(line.digest) || "–"}</td>
                <td class="num">{rows === null ? "–" : count(rows)}</td>
                <td class="num">{columns === null ? "–" : count(columns)}</td>
                <td class="nowrap">{line.maker && run ? <a class="mono" href={run}>{line.maker.run.slice(0, 12)}</a> : <span class="muted">{line.maker ? line.maker.type : "–"}</span>}</td>
                <td class="nowrap">{line.readers > 0 ? <a href={reachedByMade(line)}>{plural(line.readers, "step")}</a> : <span class="muted">nothing yet</span>}</td>
                <td class="nowrap muted small">{moment(line.created)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

function Lines({ lines, everywhere }: { lines: DatasetLine[]; everywhere: boolean }) {
  const nameOf = useNames(everywhere ? lines.map((line) => line.experiment_id) : []);
  return (
    <Scroll label="Datasets">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Dataset</th>
            <th scope="col">Digest</th>
            {everywhere && <th scope="col">Experiment</th>}
            <th scope="col">Used for</th>
            <th scope="col">Source</th>
            <th scope="col" class="num">Runs</th>
            <th scope="col">Newest run <Clock of="wall" /></th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.number} data-dataset={line.digest}>
              <th scope="row" class="wrap-cell"><a href={datasetAddress(line.name, line.digest)}>{line.name || "without a name"}</a></th>
              <td class="mono nowrap">{line.digest}</td>
              {everywhere && <td class="wrap-cell"><a href={`${experimentAddress(line.experiment_id)}/datasets`}>{nameOf(line.experiment_id)}</a></td>}
              <td class="tags">{line.contexts.map((context) => <span key={context} class="tag">{context}</span>)}</td>
              <td class="muted small source-cell" title={placeOfSource(line.source)}>{placeOfSource(line.source) || line.source_type}</td>
              <td class="num">{count(line.runs)}</td>
              <td class="nowrap">{line.newest ? <><a href={runAddress(line.newest.experiment_id, line.newest.run_id)}>{line.newest.name || line.newest.run_id.slice(0, 12)}</a> <span class="muted small">{milli(line.newest.started)}</span></> : <span class="muted">–</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function DatasetPage({ name, digest }: { name: string; digest: string }) {
  const answer = useApi<DatasetDetails>(datasetPath(name, digest));
  const others = useApi<Page<DatasetLine, number>>(datasetsPath({ name, limit: String(kAtATime) }));
  const nameOf = useNames([...(answer.data?.experiments ?? []), ...(answer.data?.runs ?? []).map((run) => run.experiment_id)]);
  if (!settled(answer, others)) return <Loading />;
  if (answer.error) return <Failure error={answer.error} what={`The dataset ${name} of digest ${digest}`} />;
  const details = answer.data!;
  const reference = `dataset:${name}@${digest}`;
  const siblings = (others.data?.datasets ?? []).filter((line) => line.digest !== digest);
  const contexts = [...new Set(details.runs.map((run) => run.context).filter(Boolean))];
  return (
    <>
      <Head title={name} kicker={<><a href="/datasets">Datasets</a> › <a href={to("datasets", name)}>{name}</a> › <span class="mono">{digest}</span></>} command={`millwright lineage ${shellWord(reference)} --reached`} />
      <Facts
        name="dataset"
        items={[
          { label: "Digest", value: <span class="mono">{digest}</span>, note: siblings.length > 0 ? <a href="#digests">{plural(siblings.length, "other digest")} of this name</a> : "the only one of this name" },
          { label: "Used by", value: plural(details.runs_in_all, "run"), note: contexts.length > 0 ? `for ${contexts.join(", ")}` : undefined },
          { label: "Experiments", value: details.experiments.slice(-3).map((id, i) => <span key={id}>{i > 0 && ", "}<a class="small" href={`${experimentAddress(id)}/datasets`}>{nameOf(id)}</a></span>), note: details.experiments.length > 3 ? `and ${details.experiments.length - 3} more` : undefined },
          { label: "Lineage", value: <a class="small" href={lineageAddress(reference)}>what it reached</a>, note: "as a graph" },
        ]}
      />
      <div class="two two-even two-top">
        <Section title="Source" note={details.source_type}>
          <Members text={details.source} empty="It is not said where it came from." />
        </Section>
        <Section title="Profile">
          <Members text={details.profile} empty="It has no profile." />
        </Section>
      </div>
      <Schema text={details.schema} />
      <Runs runs={details.runs} inAll={details.runs_in_all} nameOf={nameOf} />
      <Models models={details.models} />
      {siblings.length > 0 && (
        <Section id="digests" title="Other digests of this name" note="newest first">
          <Lines lines={siblings} everywhere />
        </Section>
      )}
    </>
  );
}

/** A JSON object as a list of its members; another text as it is. */
function Members({ text, empty }: { text: string; empty: string }) {
  const members = membersOf(text);
  if (members.length === 0) return text && text !== "{}" ? <p class="mono wrap small">{text.slice(0, 4000)}</p> : <p class="muted">{empty}</p>;
  return (
    <dl class="values">
      {members.slice(0, 200).map(([key, value]) => (
        <div key={key}>
          <dt title={key}>{key}</dt>
          <dd>{value.slice(0, 1000)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Schema({ text }: { text: string }) {
  const columns = columnsOf(text);
  if (!columns) return text ? <Section title="Schema"><pre class="preview-text">{text.slice(0, 20_000)}</pre></Section> : null;
  return (
    <Section title="Schema" note={plural(columns.length, "column")}>
      <dl class="pairs">
        {columns.slice(0, 500).map((column) => (
          <div key={column.name}>
            <dt title={column.name}>{column.name}</dt>
            <dd class="mono">{column.type}{column.required ? "" : " (optional)"}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

const kRunTones: Record<string, Tone> = { finished: "ok", failed: "bad", killed: "warn", running: "run", scheduled: "none" };

function Runs({ runs, inAll, nameOf }: { runs: DatasetRun[]; inAll: number; nameOf: (id: string) => string }) {
  const [all, setAll] = useState(false);
  return (
    <Section title="Runs that used it" note={inAll > runs.length ? `the newest ${count(runs.length)} of ${count(inAll)}` : plural(inAll, "run")}>
      <Scroll label="Runs that used it">
        <table class="table">
          <thead>
            <tr><th scope="col">Run</th><th scope="col">Used for</th><th scope="col">Experiment</th><th scope="col">State</th><th scope="col">Started <Clock of="wall" /></th></tr>
          </thead>
          <tbody>
            {runs.slice(0, all ? undefined : kRowsShown).map((run) => (
              <tr key={run.run_id} data-run={run.run_id}>
                <th scope="row" class="wrap-cell"><a href={runAddress(run.experiment_id, run.run_id)}>{run.name || run.run_id.slice(0, 12)}</a></th>
                <td class="tags">{run.context && <span class="tag">{run.context}</span>}</td>
                <td class="wrap-cell"><a href={experimentAddress(run.experiment_id)}>{nameOf(run.experiment_id)}</a></td>
                <td class="nowrap"><Sign tone={kRunTones[run.status] ?? "none"} /> {run.stage === "deleted" ? "deleted, " : ""}{run.status}</td>
                <td class="nowrap muted">{milli(run.started)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {!all && runs.length > kRowsShown && <p class="pager"><button type="button" class="link" onClick={() => setAll(true)}>Show all {count(runs.length)}</button></p>}
    </Section>
  );
}

function Models({ models }: { models: DatasetModel[] }) {
  const [all, setAll] = useState(false);
  if (models.length === 0) return null;
  return (
    <Section title="Models" note="made by these runs, or measured on it">
      <ul class="list">
        {models.slice(0, all ? undefined : kRowsShown).map((model) => (
          <li key={model.model_id} class="list-row" data-model={model.model_id}>
            <a class="grow" href={loggedModelAddress(model.model_id, model.experiment_id)}>{model.name || model.model_id}</a>
            {model.made && <span class="tag">made by a run that used it</span>}
            {model.measured && <span class="tag">measured on it</span>}
            <span class="mono muted small">{model.model_id.slice(0, 14)}</span>
          </li>
        ))}
      </ul>
      {!all && models.length > kRowsShown && <p class="pager"><button type="button" class="link" onClick={() => setAll(true)}>Show all {count(models.length)}</button></p>}
    </Section>
  );
}
