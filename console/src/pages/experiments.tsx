// Experiments: the list, and the table of one experiment's runs.
import { useEffect, useMemo, useState } from "preact/hooks";
import { useApi } from "../api";
import { count, milli, plural } from "../format";
import { experimentAddress, kAjax, pairsOf } from "../tracking";
import type { Experiment } from "../tracking";
import { navigate, usePlace, withQuery } from "../router";
import { Clock, Empty, Failure, Head, Loading, Scroll, settled } from "../ui";

const kShown = 200;

export function ExperimentsPage() {
  const place = usePlace();
  const deleted = place.query.get("stage") === "deleted";
  const [filter, setFilter] = useState(place.query.get("filter") ?? "");
  const [all, setAll] = useState(false);
  const answer = useApi<{ experiments?: Experiment[] }>(
    `${kAjax}/experiments/search?max_results=10000&view_type=${deleted ? "DELETED_ONLY" : "ACTIVE_ONLY"}`,
  );
  const experiments = answer.data?.experiments ?? [];
  const found = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return experiments
      .filter((e) => words.every((word) => `${e.name} ${e.experiment_id}`.toLowerCase().includes(word)))
      .sort((a, b) => b.last_update_time - a.last_update_time);
  }, [answer.data, filter]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if ((place.query.get("filter") ?? "") !== filter) navigate(withQuery(place, "filter", filter || null), "replace");
    }, 300);
    return () => window.clearTimeout(timer);
  }, [filter]);
  if (!settled(answer)) return <Loading />;
  const shown = all ? found : found.slice(0, kShown);
  return (
    <>
      <Head title="Experiments">
        What was tried, and how it went. Point an MLflow client here and its runs appear.
      </Head>
      <div class="toolbar">
        <input
          type="search" class="field field-grow" placeholder="Find an experiment by name" aria-label="Find an experiment by name"
          value={filter} onInput={(event) => setFilter(event.currentTarget.value)} data-filter
        />
        <StageChoice deleted={deleted} onChoose={(d) => navigate(withQuery(place, "stage", d ? "deleted" : null), "replace")} />
        <span class="muted small" role="status">{found.length === experiments.length ? plural(experiments.length, "experiment") : `${count(found.length)} of ${count(experiments.length)}`}</span>
      </div>
      {answer.error ? (
        <Failure error={answer.error} what="The list of experiments" />
      ) : found.length === 0 ? (
        <Empty title={deleted ? "Nothing was deleted" : filter ? "No experiment of that name" : "No experiment yet"} command={`export MLFLOW_TRACKING_URI=${location.origin}`}>
          {filter ? "Clear the field to see all." : "mlflow.set_experiment(\"NAME\") makes one; pipelines make theirs."}
        </Empty>
      ) : (
        <Scroll label="Experiments">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Experiment</th>
                <th scope="col">Tags</th>
                <th scope="col">Changed <Clock of="wall" /></th>
                <th scope="col" class="num">Id</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((experiment) => (
                <ExperimentRow key={experiment.experiment_id} experiment={experiment} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {shown.length < found.length && (
        <p class="pager"><button type="button" class="link" onClick={() => setAll(true)}>Show all {count(found.length)}</button></p>
      )}
    </>
  );
}

export function StageChoice({ deleted, onChoose }: { deleted: boolean; onChoose: (deleted: boolean) => void }) {
  return (
    <span class="choices" role="group" aria-label="Active or deleted">
      <button type="button" aria-pressed={!deleted} onClick={() => onChoose(false)}>Active</button>
      <button type="button" aria-pressed={deleted} onClick={() => onChoose(true)}>Deleted</button>
    </span>
  );
}

function ExperimentRow({ experiment }: { experiment: Experiment }) {
  const tags = Object.entries(pairsOf(experiment.tags)).filter(([key]) => !key.startsWith("mlflow.") && !key.startsWith("millwright."));
  return (
    <tr data-experiment={experiment.experiment_id}>
      <th scope="row" class="wrap-cell"><a href={experimentAddress(experiment.experiment_id)}>{experiment.name}</a></th>
      <td class="tags">{tags.slice(0, 4).map(([key, value]) => <span key={key} class="tag" title={value}>{key}: {value.slice(0, 24)}</span>)}</td>
      <td class="nowrap muted">{experiment.last_update_time > 0 ? milli(experiment.last_update_time) : "–"}</td>
      <td class="num muted mono">{experiment.experiment_id}</td>
    </tr>
  );
}
