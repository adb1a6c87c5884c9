// The models that runs of an experiment have logged: a table that is filtered in MLflow's language and ordered by what
// was measured.
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api";
import { ask, useApi } from "../api";
import { milli, plural, value } from "../format";
import { loggedModelAddress } from "../records/lineage";
import type { LoggedModel } from "../records/logged_models";
import { latestOf, stateOfModel } from "../records/logged_models";
import { navigate, usePlace, withQuery } from "../router";
import type { Experiment } from "../tracking";
import { double, experimentAddress, kAjax, pairsOf, readRows, runAddress } from "../tracking";
import { Clock, Empty, Failure, Head, Loading, Scroll, settled, Sign } from "../ui";

const kAtATime = 100;
const kMetricsShown = 8;
const kParamsShown = 6;

interface Page {
  models?: LoggedModel[];
  next_page_token?: string;
}

/** What is found, page after page; what was found before stays until the next comes. */
function useSearch(experiment: string, filter: string, sort: string | null) {
  const [found, setFound] = useState<{ models: LoggedModel[]; next: string | undefined } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const order = sort ? [{ field_name: sort.replace(/^-/, ""), ascending: !sort.startsWith("-") }] : [];
  const search = (token?: string, signal?: AbortSignal) =>
    ask<Page>("POST", `${kAjax}/logged-models/search`, { experiment_ids: [experiment], filter, order_by: order, max_results: kAtATime, ...(token ? { page_token: token } : {}) }, signal);
  useEffect(() => {
    const asked = new AbortController();
    search(undefined, asked.signal)
      .then((page) => {
        setFound({ models: page.models ?? [], next: page.next_page_token });
        setError(null);
      })
      .catch((failure: ApiError) => !asked.signal.aborted && setError(failure));
    return () => asked.abort();
  }, [experiment, filter, sort]);
  const more = () =>
    search(found?.next)
      .then((page) => setFound({ models: [...(found?.models ?? []), ...(page.models ?? [])], next: page.next_page_token }))
      .catch(setError);
  return { found, error, more };
}

/** Names of runs by id. */
function useRunNames(experiment: string, ids: string[]): Map<string, string> {
  const [names, setNames] = useState(new Map<string, string>());
  const missing = [...new Set(ids)].filter((id) => id && !names.has(id)).slice(0, 500);
  useEffect(() => {
    if (missing.length === 0) return;
    const asked = new AbortController();
    readRows(experiment, missing, asked.signal)
      .then((rows) => setNames((old) => new Map([...old, ...missing.map((id): [string, string] => [id, ""]), ...rows.map((row): [string, string] => [row.id, row.name])])))
      .catch(() => undefined); // their ids say enough
    return () => asked.abort();
  }, [missing.join()]);
  return names;
}

/** Keys by how many models have them, the commonest first. */
function commonest(lists: string[][], most: number): string[] {
  const times = new Map<string, number>();
  for (const key of lists.flat()) times.set(key, (times.get(key) ?? 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, most).map(([key]) => key);
}

export function LoggedModelsPage({ experiment }: { experiment: string }) {
  const place = usePlace();
  const of = useApi<{ experiment: Experiment }>(`${kAjax}/experiments/get?experiment_id=${encodeURIComponent(experiment)}`);
  const filter = place.query.get("filter") ?? "";
  const sort = place.query.get("sort");
  const [text, setText] = useState(filter);
  const { found, error, more } = useSearch(experiment, filter, sort);
  useEffect(() => setText(filter), [filter]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (text !== filter) navigate(withQuery(place, "filter", text || null), "replace");
    }, 400);
    return () => window.clearTimeout(timer);
  }, [text]);
  const models = found?.models ?? [];
  const names = useRunNames(experiment, models.map((model) => model.info.source_run_id ?? ""));
  if (!settled(of) || (found === null && error === null)) return <Loading />;
  if (of.error) return <Failure error={of.error} what={`The experiment ${experiment}`} />;
  const latest = models.map((model) => latestOf(model.data?.metrics ?? []));
  const metrics = commonest(latest.map((map) => [...map.keys()]), kMetricsShown);
  const params = commonest(models.map((model) => (model.data?.params ?? []).map((p) => p.key)), kParamsShown);
  const head = (field: string, title: string, numeric = false) => <Order key={field} field={field} title={title} numeric={numeric} sort={sort} onSort={(to) => navigate(withQuery(place, "sort", to), "replace")} />;
  return (
    <div class="wide">
      <Head title="Models" kicker={<><a href="/experiments">Experiments</a> › <a href={experimentAddress(experiment)}>{of.data!.experiment.name}</a></>}>
        What runs have logged with <code>log_model</code>, each with the latest value of its metrics.
      </Head>
      <div class="toolbar">
        <input type="search" class="field field-grow" placeholder="metrics.auc > 0.9 AND params.depth = '6'" aria-label="Filter in MLflow's language" value={text} onInput={(event) => setText(event.currentTarget.value)} data-filter />
        <span class="muted small" role="status">{plural(models.length, "model")}{found?.next && " so far"}</span>
      </div>
      {error && <p class="tone-warn small" role="alert">{error.message}</p>}
      {models.length === 0 ? (
        !error && <Empty title={filter ? "No model fits" : "No model yet"}>{filter ? "Clear the field to see all." : <>MLflow 3's <code>log_model</code> logs one; models that older clients log are among their run's files.</>}</Empty>
      ) : (
        <Scroll label="Models">
          <table class="table">
            <thead>
              <tr>
                {head("name", "Model")}
                <th scope="col">State</th>
                <th scope="col">Made by</th>
                {metrics.map((key) => head(`metrics.${key}`, key, true))}
                {params.map((key) => <th key={key} scope="col" class="key-cell" title={key}>{key}</th>)}
                {head("creation_timestamp", "Logged")}
              </tr>
            </thead>
            <tbody>
              {models.map((model, i) => <Line key={model.info.model_id} model={model} metrics={metrics} params={params} latest={latest[i]!} runName={names.get(model.info.source_run_id ?? "")} />)}
            </tbody>
          </table>
        </Scroll>
      )}
      {found?.next && <p class="pager"><button type="button" class="link" onClick={() => void more()}>Show more</button></p>}
    </div>
  );
}

/** The head of a column that the table is ordered by when it is pressed: downwards, upwards, not. */
function Order({ field, title, numeric, sort, onSort }: { field: string; title: string; numeric: boolean; sort: string | null; onSort: (to: string | null) => void }) {
  const down = sort === `-${field}`;
  const up = sort === field;
  return (
    <th scope="col" class={`${numeric ? "num " : ""}key-cell`} aria-sort={down ? "descending" : up ? "ascending" : undefined}>
      <button type="button" class="sort" data-sort={field} title={title} onClick={() => onSort(down ? field : up ? null : `-${field}`)}>
        {title}{field === "creation_timestamp" && <> <Clock of="wall" /></>} <i aria-hidden="true">{down ? "↓" : up ? "↑" : ""}</i>
      </button>
    </th>
  );
}

function Line({ model, metrics, params, latest, runName }: { model: LoggedModel; metrics: string[]; params: string[]; latest: ReturnType<typeof latestOf>; runName: string | undefined }) {
  const { info } = model;
  const state = stateOfModel(info.status);
  const given = pairsOf(model.data?.params);
  return (
    <tr data-model={info.model_id}>
      <th scope="row" class="wrap-cell">
        <a href={loggedModelAddress(info.model_id, info.experiment_id)}>{info.name || info.model_id}</a>
        {info.model_type && <span class="muted small"> {info.model_type}</span>}
      </th>
      <td class="nowrap"><Sign tone={state.tone} /> {state.text}</td>
      <td class="wrap-cell">{info.source_run_id ? <a href={runAddress(info.experiment_id, info.source_run_id)}>{runName || info.source_run_id.slice(0, 12)}</a> : <span class="muted">–</span>}</td>
      {metrics.map((key) => {
        const metric = latest.get(key);
        return <td key={key} class="num" title={metric?.dataset_name ? `on ${metric.dataset_name} ${metric.dataset_digest ?? ""}` : undefined}>{metric ? value(double(metric.value)) : <span class="faint">–</span>}</td>;
      })}
      {params.map((key) => <td key={key} class="key-cell" title={given[key]}>{given[key] ?? <span class="faint">–</span>}</td>)}
      <td class="nowrap muted">{milli(Number(info.creation_timestamp_ms))}</td>
    </tr>
  );
}
