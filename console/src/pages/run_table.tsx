// One experiment: the table of its runs with filter, columns, views and selection, or their charts.
import { useEffect, useLayoutEffect, useMemo, useReducer, useState } from "preact/hooks";
import { ask, forget, useApi } from "../api";
import { FilterField } from "../filter_field";
import { navigate, usePlace } from "../router";
import { splitColumn } from "../run_columns";
import type { RunIndex } from "../run_index";
import { runsOf } from "../run_index";
import { ColumnChooser } from "../run_table/columns";
import { Grid } from "../run_table/grid";
import { SelectionBar } from "../run_table/selection";
import { TableCharts } from "../run_table/table_charts";
import { address, stateOf, usualColumns } from "../run_table/table_state";
import { ViewMenu } from "../run_table/views";
import type { Experiment, Keys, SavedView, TableState } from "../tracking";
import { kAjax, keysPath, pairsOf, viewsPath } from "../tracking";
import { Empty, Failure, Head, Loading, settled } from "../ui";
import { StageChoice } from "./experiments";
import { ItemMenu } from "./item_menu";
import { Notes } from "./notes";

export function ExperimentPage({ id }: { id: string }) {
  const answer = useApi<{ experiment: Experiment }>(`${kAjax}/experiments/get?experiment_id=${encodeURIComponent(id)}`);
  const keys = useApi<Keys>(keysPath(id));
  const views = useApi<{ views: SavedView[] }>(viewsPath(id));
  useMemo(() => {
    // They come together with the rest. A view may say that it is about deleted ones.
    const query = new URLSearchParams(location.search);
    if (!query.has("view")) runsOf(id, stateOf(query, undefined).stage ?? "active");
  }, []);
  if (!settled(answer, keys, views)) return <Loading />;
  if (answer.error) return <Failure error={answer.error} what={`The experiment ${id}`} />;
  return <Runs experiment={answer.data!.experiment} keys={keys.data ?? { metrics: [], params: [], tags: [] }} views={views.data?.views ?? []} />;
}

function useIndex(experiment: string, stage: "active" | "deleted"): RunIndex {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const index = useMemo(() => runsOf(experiment, stage), [experiment, stage]);
  useLayoutEffect(() => index.listen(() => redraw(0)), [index]);
  return index;
}

function Runs({ experiment, keys, views }: { experiment: Experiment; keys: Keys; views: SavedView[] }) {
  const id = experiment.experiment_id;
  const place = usePlace();
  const viewName = place.query.get("view");
  const view = views.find((v) => v.name === viewName);
  const state = stateOf(place.query, view?.state);
  const stage = state.stage ?? "active";
  const charts = place.query.get("show") === "charts";
  const index = useIndex(id, stage);
  // What is typed holds at once; the address follows when the typing pauses. An address that changes holds too.
  const [typed, setTyped] = useState({ filter: state.filter ?? "", over: state.filter });
  const filter = typed.over === state.filter ? typed.filter : (state.filter ?? "");
  const setFilter = (text: string) => setTyped({ filter: text, over: state.filter });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const columns = state.columns ?? usualColumns(keys);
  const change = (to: Partial<TableState>) => {
    // Read the address anew: it may have changed since this was drawn.
    const now = stateOf(new URLSearchParams(location.search), view?.state);
    navigate(address(place.path, { ...now, ...to }, viewName, place.query.get("show")), "replace");
  };
  useLayoutEffect(() => index.show({ ...state, filter }), [index, filter, state.sort, state.descending]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (filter !== (state.filter ?? "")) change({ filter });
    }, 400);
    return () => window.clearTimeout(timer);
  }, [filter]);
  useEffect(() => setSelected((old) => (old.size > 0 ? new Set() : old)), [index]);
  const tags = pairsOf(experiment.tags);
  const [noting, setNoting] = useState(false);
  const alter = async (call: string, body: object = {}) => {
    await ask("POST", `${kAjax}/experiments/${call}`, { experiment_id: id, ...body });
    forget((path) => path.startsWith(`${kAjax}/experiments/`));
  };
  const note = tags["mlflow.note.content"] ?? "";
  if (index.error) return <Failure error={index.error} what="The table of runs" />;
  if (!index.begun) return <Loading />;
  const show = (mode: string | null) => navigate(address(place.path, stateOf(place.query, view?.state), viewName, mode), "replace");
  return (
    <div class="wide">
      <Head title={experiment.name} kicker={<><a href="/experiments">Experiments</a> › {id}{experiment.lifecycle_stage === "deleted" ? " · deleted" : ""}</>} />
      {(note !== "" || noting) && <Notes text={note} save={(text) => setExperimentTag(id, "mlflow.note.content", text)} />}
      <div class="toolbar">
        <FilterField value={filter} onChange={setFilter} keys={keys} error={index.filterError} valuesOf={(column) => valuesSeen(index, column)} />
        <StageChoice deleted={stage === "deleted"} onChoose={(d) => change({ stage: d ? "deleted" : "active" })} />
        <span class="choices" role="group" aria-label="Table or charts">
          <button type="button" aria-pressed={!charts} onClick={() => show(null)}>Table</button>
          <button type="button" aria-pressed={charts} onClick={() => show("charts")}>Charts</button>
        </span>
        <ColumnChooser keys={keys} columns={columns} onChange={(chosen) => change({ columns: chosen })} />
        <ViewMenu experiment={id} views={views} name={viewName} state={{ ...state, filter, columns }} onNear={(to) => index.prepare(to)} />
        <ItemMenu
          key={experiment.name} what="experiment" name={experiment.name} deleted={experiment.lifecycle_stage === "deleted"}
          rename={(to) => alter("update", { new_name: to })} remove={() => alter("delete")} restore={() => alter("restore")}
        >
          {note === "" && !noting && <button type="button" class="button" onClick={() => setNoting(true)}>Write notes</button>}
        </ItemMenu>
      </div>
      <SelectionBar baseline={tags["millwright.baseline"]} index={index} stage={stage} selected={selected} onSelect={setSelected} />
      {charts ? (
        <TableCharts index={index} selected={selected} columns={columns} keys={keys} />
      ) : index.complete && index.lines.size === 0 ? (
        <Empty title={stage === "deleted" ? "No deleted runs" : "No run yet"} command={`mlflow run . --experiment-id ${id}`}>
          Runs appear here while they log.
        </Empty>
      ) : (
        <Grid index={index} columns={columns} state={state} onChange={change} selected={selected} onSelect={setSelected} experiment={id} />
      )}
    </div>
  );
}

export async function setExperimentTag(experiment: string, key: string, text: string) {
  await ask("POST", `${kAjax}/experiments/set-experiment-tag`, { experiment_id: experiment, key, value: text });
  forget((path) => path.startsWith(`${kAjax}/experiments/`));
}

/** Values of a text column among the rows that were looked at. */
function valuesSeen(index: RunIndex, column: string): string[] {
  const [kind, key] = splitColumn(column);
  const found = new Set<string>();
  for (let i = 0; i < Math.min(500, index.view.length) && found.size < 12; ++i) {
    const row = index.row(index.lines.ids[index.view[i]!]!);
    const text = kind === "params" ? row?.params[key] : kind === "tags" ? row?.tags[key] : undefined;
    if (text !== undefined) found.add(text);
  }
  return [...found].sort();
}
