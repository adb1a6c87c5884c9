// The table of one experiment's runs: filter as you type, order by any column, columns in groups, views with names,
// selection and what can be done with it. Only the rows that are seen are in the document.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { ask, forget, useApi } from "../api";
import { FilterField } from "../filter_field";
import { count, shortDuration, shortMilli, value } from "../format";
import { ChartGrid } from "../metric_charts";
import { navigate, usePlace } from "../router";
import { RunIndex, splitColumn } from "../run_index";
import type { Experiment, Keys, SavedView, TableState } from "../tracking";
import { deleteView, experimentAddress, forEach, kAjax, keysPath, pairsOf, runAddress, saveView, viewsPath } from "../tracking";
import { Empty, Failure, Head, Loading, settled, Sign } from "../ui";
import { Dialog, Menu } from "../overlay";
import { StageChoice } from "./experiments";
import { ItemMenu } from "./item_menu";
import { Notes } from "./notes";

const kRowHeight = 32;
const kHeadHeight = 62;
const kRefreshMs = 2000;
const kHeightMax = 12_000_000; // browsers draw nothing beyond some 16 million pixels
const kCompareMax = 100;

const kStatusTones: Record<string, "ok" | "bad" | "run" | "warn" | "none"> = { finished: "ok", failed: "bad", killed: "warn", running: "run", scheduled: "none" };

/** What the address says over what the view says. */
function stateOf(query: URLSearchParams, view: TableState | undefined): TableState {
  const state: TableState = { ...view };
  if (query.has("filter")) state.filter = query.get("filter")!;
  if (query.has("sort")) {
    const sort = query.get("sort")!;
    state.sort = sort.replace(/^-/, "");
    state.descending = sort.startsWith("-");
  }
  if (query.has("columns")) state.columns = query.getAll("columns").filter(Boolean);
  if (query.has("stage")) state.stage = query.get("stage") === "deleted" ? "deleted" : "active";
  return state;
}

function address(path: string, state: TableState, view: string | null, mode: string | null): string {
  const query = new URLSearchParams();
  if (view) query.set("view", view);
  if (state.filter) query.set("filter", state.filter);
  if (state.sort) query.set("sort", (state.descending ? "-" : "") + state.sort);
  if (state.columns) {
    if (state.columns.length === 0) query.append("columns", "");
    for (const column of state.columns) query.append("columns", column);
  }
  if (state.stage === "deleted") query.set("stage", "deleted");
  if (mode) query.set("show", mode);
  const text = query.toString();
  return path + (text === "" ? "" : `?${text}`);
}

/** What is seen until somebody chooses: what was measured, without what machines measure of themselves. */
function usualColumns(keys: Keys): string[] {
  const groups = new Map<string, number>();
  const groupOf = (key: string) => key.slice(0, Math.max(0, key.indexOf("/")));
  for (const key of keys.metrics) groups.set(groupOf(key).replace(/\d+/, ""), (groups.get(groupOf(key).replace(/\d+/, "")) ?? 0) + 1);
  const crowd = (key: string) => (groups.get(groupOf(key).replace(/\d+/, "")) ?? 0) > 8 && groupOf(key) !== "";
  const metrics = keys.metrics.filter((key) => !key.startsWith("system/")).sort((a, b) => Number(crowd(a)) - Number(crowd(b))).slice(0, 6);
  const tags = keys.tags.filter((key) => !key.startsWith("mlflow.") && !key.startsWith("millwright.")).slice(0, 2);
  return [...metrics.map((k) => `metrics.${k}`), ...keys.params.slice(0, 5).map((k) => `params.${k}`), ...tags.map((k) => `tags.${k}`)];
}

export function ExperimentPage({ id }: { id: string }) {
  const answer = useApi<{ experiment: Experiment }>(`${kAjax}/experiments/get?experiment_id=${encodeURIComponent(id)}`);
  const keys = useApi<Keys>(keysPath(id));
  const views = useApi<{ views: SavedView[] }>(viewsPath(id));
  if (!settled(answer, keys, views)) return <Loading />;
  if (answer.error) return <Failure error={answer.error} what={`The experiment ${id}`} />;
  return <Runs experiment={answer.data!.experiment} keys={keys.data ?? { metrics: [], params: [], tags: [] }} views={views.data?.views ?? []} />;
}

function useIndex(experiment: string, stage: "active" | "deleted"): RunIndex {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const index = useMemo(() => new RunIndex(experiment, stage), [experiment, stage]);
  useEffect(() => {
    const stop = index.listen(() => redraw(0));
    return () => {
      stop();
      index.close();
    };
  }, [index]);
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
  const [filter, setFilter] = useState(state.filter ?? "");
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const columns = state.columns ?? usualColumns(keys);
  const change = (to: Partial<TableState>) => {
    // Read the address anew: it may have changed since this was drawn.
    const now = stateOf(new URLSearchParams(location.search), view?.state);
    navigate(address(place.path, { ...now, ...to }, viewName, place.query.get("show")), "replace");
  };
  // What is typed holds at once; the address follows when the typing pauses.
  useLayoutEffect(() => index.show({ ...state, filter }), [index, filter, state.sort, state.descending]);
  useEffect(() => setFilter(state.filter ?? ""), [state.filter]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (filter !== (state.filter ?? "")) change({ filter });
    }, 400);
    return () => window.clearTimeout(timer);
  }, [filter]);
  useEffect(() => setSelected(new Set()), [index]);
  const tags = pairsOf(experiment.tags);
  const [noting, setNoting] = useState(false);
  const alter = async (call: string, body: object = {}) => {
    await ask("POST", `${kAjax}/experiments/${call}`, { experiment_id: id, ...body });
    forget((path) => path.startsWith(`${kAjax}/experiments/`));
  };
  const note = tags["mlflow.note.content"] ?? "";
  if (index.error) return <Failure error={index.error} what="The table of runs" />;
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
        <ViewMenu experiment={id} views={views} name={viewName} state={{ ...state, filter, columns }} />
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
      ) : index.complete && index.ids.length === 0 ? (
        <Empty title={stage === "deleted" ? "No deleted runs" : "No run yet"} command={`mlflow run . --experiment-id ${id}`}>
          Runs appear here while they log.
        </Empty>
      ) : (
        <Grid index={index} columns={columns} state={state} onSort={(sort, descending) => change({ sort, descending })} selected={selected} onSelect={setSelected} experiment={id} />
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
    const row = index.row(index.ids[index.view[i]!]!);
    const text = kind === "params" ? row?.params[key] : kind === "tags" ? row?.tags[key] : undefined;
    if (text !== undefined) found.add(text);
  }
  return [...found].sort();
}

// ---- the grid ----

interface GridProps {
  index: RunIndex;
  columns: string[];
  state: TableState;
  onSort: (sort: string, descending: boolean) => void;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  experiment: string;
}

interface GridColumn {
  id: string;
  label: string;
  width: number;
  group: string;
  numeric: boolean;
}

const kFixed: GridColumn[] = [
  { id: "attributes.status", label: "Status", width: 96, group: "", numeric: false },
  { id: "start_time", label: "Started", width: 118, group: "", numeric: false },
  { id: "attributes.duration", label: "Took", width: 92, group: "", numeric: true },
];
const kGroups: Record<string, string> = { metrics: "Metrics", params: "Parameters", tags: "Tags", attributes: "Run" };
const kNameWidth = window.innerWidth < 600 ? 150 : 236;

function gridColumns(columns: string[]): GridColumn[] {
  const order = ["attributes", "metrics", "params", "tags"];
  return [...columns]
    .sort((a, b) => order.indexOf(splitColumn(a)[0]) - order.indexOf(splitColumn(b)[0]))
    .map((id) => {
      const [kind, key] = splitColumn(id);
      const width = Math.min(220, Math.max(kind === "metrics" ? 104 : 88, 28 + key.length * 6.9));
      return { id, label: key, width, group: kGroups[kind] ?? kind, numeric: kind === "metrics" };
    });
}

function Grid({ index, columns, state, onSort, selected, onSelect, experiment }: GridProps) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(560);
  const [active, setActive] = useState(0);
  const anchor = useRef(0);
  const all = [...kFixed, ...gridColumns(columns)];
  const total = index.view.length;
  const room = height - kHeadHeight;
  const whole = total * kRowHeight;
  const scrolled = Math.min(whole, kHeightMax);
  const scale = whole > scrolled ? (whole - room) / Math.max(1, scrolled - room) : 1;
  const offset = Math.min(Math.max(0, top * scale), Math.max(0, whole - room));
  const first = Math.floor(offset / kRowHeight);
  const last = Math.min(total, first + Math.ceil(room / kRowHeight) + 1);
  const width = kNameWidth + all.reduce((sum, column) => sum + column.width, 0);
  const idAt = (row: number) => index.ids[index.view[row]!]!;
  const seen: string[] = [];
  for (let row = first; row < last; ++row) seen.push(idAt(row));
  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setHeight(Math.max(240, Math.min(kHeadHeight + whole + 14, window.innerHeight - element.getBoundingClientRect().top - window.scrollY - 20)));
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, [whole, selected.size > 0]);
  useEffect(() => {
    const timer = window.setTimeout(() => index.see(seen), 30);
    return () => window.clearTimeout(timer);
  }, [index, seen.join()]);
  const seenNow = useRef(seen);
  seenNow.current = seen;
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) void index.refresh(seenNow.current);
    }, kRefreshMs);
    return () => window.clearInterval(timer);
  }, [index]);
  useEffect(() => {
    box.current!.scrollTop = 0;
    setActive(0);
  }, [state.sort, state.descending, state.filter]);

  const reveal = (row: number) => {
    const y = row * kRowHeight;
    if (y < offset) box.current!.scrollTop = y / scale;
    else if (y + kRowHeight > offset + room) box.current!.scrollTop = (y + kRowHeight - room) / scale;
  };
  const choose = (row: number, how: "toggle" | "range") => {
    const next = new Set(selected);
    if (how === "range") {
      const [from, to] = [Math.min(anchor.current, row), Math.max(anchor.current, row)];
      for (let i = from; i <= to; ++i) next.add(idAt(i));
    } else {
      const id = idAt(row);
      if (!next.delete(id)) next.add(id);
      anchor.current = row;
    }
    onSelect(next);
  };
  const onKey = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(room / kRowHeight) - 1);
    const moves: Record<string, number> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: total - 1 };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const row = Math.max(0, Math.min(total - 1, to));
      if (event.shiftKey) choose(row, "range");
      setActive(row);
      reveal(row);
    } else if (event.key === " ") {
      event.preventDefault();
      if (total > 0) choose(active, event.shiftKey ? "range" : "toggle");
    } else if (event.key === "Enter" && event.target === box.current && total > 0) {
      navigate(runAddress(experiment, idAt(active)));
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onSelect(new Set(Array.from(index.view, (p) => index.ids[p]!)));
    } else if (event.key === "Escape") {
      onSelect(new Set());
    }
  };
  const sortBy = (column: GridColumn) => {
    const same = state.sort === column.id;
    onSort(column.id, same ? !state.descending : column.numeric || column.id === "start_time");
  };
  const groups: { name: string; width: number }[] = [];
  for (const column of all) {
    const open = groups[groups.length - 1];
    if (open && open.name === column.group) open.width += column.width;
    else groups.push({ name: column.group, width: column.width });
  }
  const rows: ComponentChildren[] = [];
  for (let row = first; row < last; ++row) {
    rows.push(
      <GridRow
        key={idAt(row)} index={index} place={index.view[row]!} row={row} y={row * kRowHeight - offset} columns={all} width={width}
        active={row === active} selected={selected.has(idAt(row))} experiment={experiment}
        onChoose={(range) => { setActive(row); choose(row, range ? "range" : "toggle"); }}
      />,
    );
  }
  return (
    <div
      class="grid-box" ref={box} tabindex={0} role="grid" aria-label="Runs" aria-rowcount={total + 1} aria-multiselectable="true"
      aria-activedescendant={total > 0 ? `row-${active}` : undefined} style={{ height: `${height}px` }}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={onKey} data-grid data-total={total}
    >
      <div class="grid-space" style={{ height: `${scrolled + kHeadHeight}px`, width: `${width}px` }}>
        <div class="grid-pane" style={{ height: `${height - 2}px`, width: `${width}px` }}>
          <div class="grid-head" style={{ height: `${kHeadHeight}px` }}>
            <div class="grid-groups">
              <span class="grid-fixed" style={{ width: `${kNameWidth}px` }} />
              {groups.map((group, i) => (
                <span key={i} class={group.name ? "grid-group" : ""} style={{ width: `${group.width}px` }}><b>{group.name}</b></span>
              ))}
            </div>
            <div class="grid-heads" role="row">
              <span class="grid-fixed grid-name" style={{ width: `${kNameWidth}px` }} role="columnheader">
                <input
                  type="checkbox" aria-label="Select all runs shown" checked={total > 0 && selected.size >= total} indeterminate={selected.size > 0 && selected.size < total}
                  onChange={(event) => onSelect(event.currentTarget.checked ? new Set(Array.from(index.view, (p) => index.ids[p]!)) : new Set())}
                />
                <HeadButton column={{ id: "attributes.name", label: "Run", width: 0, group: "", numeric: false }} state={state} onSort={sortBy} />
              </span>
              {all.map((column) => (
                <span key={column.id} class={column.numeric ? "grid-num" : ""} style={{ width: `${column.width}px` }} role="columnheader"
                  aria-sort={state.sort === column.id ? (state.descending ? "descending" : "ascending") : "none"}>
                  <HeadButton column={column} state={state} onSort={sortBy} onNear={() => void index.need(column.id, true)} />
                </span>
              ))}
            </div>
          </div>
          <div class={`grid-rows${index.filtering || index.sorting ? " grid-busy" : ""}`} style={{ height: `${room}px` }}>{rows}</div>
        </div>
      </div>
      {index.complete && total === 0 && <p class="grid-none muted">No run fits.</p>}
    </div>
  );
}

/** `onNear`: the pointer is over it, a click may follow. */
function HeadButton({ column, state, onSort, onNear }: { column: GridColumn; state: TableState; onSort: (column: GridColumn) => void; onNear?: () => void }) {
  const sorted = (state.sort ?? "start_time") === column.id;
  const descending = state.sort ? state.descending : true;
  return (
    <button type="button" class="grid-sort" title={column.label} aria-label={`Order by ${column.label}`} data-sort={column.id} onPointerEnter={onNear} onClick={() => onSort(column)} tabindex={-1}>
      <span>{column.label}</span>
      {sorted && <i aria-hidden="true">{descending ? "↓" : "↑"}</i>}
    </button>
  );
}

function GridRow({ index, place, row, y, columns, width, active, selected, onChoose, experiment }: {
  index: RunIndex;
  place: number;
  row: number;
  y: number;
  columns: GridColumn[];
  width: number;
  active: boolean;
  selected: boolean;
  onChoose: (range: boolean) => void;
  experiment: string;
}) {
  const id = index.ids[place]!;
  const status = index.statuses[place]!;
  const known = index.row(id);
  const cell = (column: GridColumn): ComponentChildren => {
    if (column.id === "attributes.status") {
      const tone = kStatusTones[status] ?? "none";
      return <span class={`tone-${tone}`}><Sign tone={tone} /> {status}</span>;
    }
    if (column.id === "start_time") return shortMilli(index.started[place]!);
    if (column.id === "attributes.duration") {
      const end = index.ended[place] ?? (status === "running" ? Date.now() : null);
      return end === null ? "" : shortDuration(Math.max(0, end - index.started[place]!) / 1000);
    }
    const [kind, key] = splitColumn(column.id);
    if (kind === "metrics") {
      const metric = known ? known.metrics[key] : (index.cell(column.id, place) as number | null | undefined);
      return metric === undefined ? (known ? "" : <i class="grid-wait" />) : value(metric);
    }
    if (kind === "attributes") return known ? String((known as unknown as Record<string, unknown>)[key] ?? "") : "";
    const text = known ? (kind === "params" ? known.params : known.tags)[key] : index.cell(column.id, place);
    return text ?? (known ? "" : <i class="grid-wait" />);
  };
  return (
    <div
      id={`row-${row}`} class={`grid-row${active ? " grid-active" : ""}${selected ? " grid-selected" : ""}`} role="row" aria-rowindex={row + 2} aria-selected={selected}
      style={{ transform: `translateY(${y}px)`, width: `${width}px` }} data-run={id}
      onClick={(event) => {
        if ((event.target as Element).closest("a, input")) return;
        onChoose(event.shiftKey);
      }}
    >
      <span class="grid-fixed grid-name" style={{ width: `${kNameWidth}px` }} role="gridcell">
        <input type="checkbox" tabindex={-1} aria-label={`Select ${index.names[place]}`} checked={selected} onClick={(event) => { event.preventDefault(); onChoose(event.shiftKey); }} />
        <a href={runAddress(experiment, id)} tabindex={-1} title={index.names[place]}>{index.names[place] || id.slice(0, 12)}</a>
      </span>
      {columns.map((column) => {
        const content = cell(column);
        return (
          <span key={column.id} class={column.numeric ? "grid-num" : ""} style={{ width: `${column.width}px` }} role="gridcell" title={typeof content === "string" && content.length > 12 ? content.slice(0, 500) : undefined}>
            {typeof content === "string" ? content.slice(0, 200) : content}
          </span>
        );
      })}
    </div>
  );
}

// ---- columns ----

function ColumnChooser({ keys, columns, onChange }: { keys: Keys; columns: string[]; onChange: (columns: string[]) => void }) {
  const [find, setFind] = useState("");
  const chosen = new Set(columns);
  const groups = [
    { name: "Metrics", ids: keys.metrics.map((k) => `metrics.${k}`) },
    { name: "Parameters", ids: keys.params.map((k) => `params.${k}`) },
    { name: "Tags", ids: keys.tags.map((k) => `tags.${k}`) },
    { name: "Run", ids: ["attributes.user", "attributes.source", "attributes.id"] },
  ];
  const toggle = (ids: string[], on: boolean) => onChange(on ? [...columns, ...ids.filter((id) => !chosen.has(id))] : columns.filter((id) => !ids.includes(id)));
  return (
    <Menu label={`Columns (${columns.length})`} name="columns">
      <input type="search" class="field" placeholder="Find a column" aria-label="Find a column" value={find} onInput={(event) => setFind(event.currentTarget.value)} />
      <div class="chooser">
        {groups.map((group) => {
          const ids = group.ids.filter((id) => id.toLowerCase().includes(find.toLowerCase()));
          if (ids.length === 0) return null;
          const on = ids.filter((id) => chosen.has(id)).length;
          return (
            <fieldset key={group.name}>
              <legend>
                <label>
                  <input type="checkbox" checked={on === ids.length} indeterminate={on > 0 && on < ids.length} onChange={(event) => toggle(ids, event.currentTarget.checked)} />
                  <b>{group.name}</b> <span class="muted">{on} of {ids.length}</span>
                </label>
              </legend>
              {ids.slice(0, 300).map((id) => (
                <label key={id} class="chooser-one">
                  <input type="checkbox" checked={chosen.has(id)} data-column={id} onChange={(event) => toggle([id], event.currentTarget.checked)} />
                  <span>{splitColumn(id)[1]}</span>
                </label>
              ))}
            </fieldset>
          );
        })}
      </div>
    </Menu>
  );
}

// ---- views ----

function ViewMenu({ experiment, views, name, state }: { experiment: string; views: SavedView[]; name: string | null; state: TableState }) {
  const [fresh, setFresh] = useState("");
  const [error, setError] = useState("");
  const path = experimentAddress(experiment);
  const save = async (as: string) => {
    try {
      await saveView(experiment, as, state);
      forget((p) => p === viewsPath(experiment));
      navigate(`${path}?${new URLSearchParams({ view: as })}`, "replace");
      setFresh("");
      setError("");
    } catch (failure) {
      setError(String((failure as Error).message));
    }
  };
  const remove = async (which: string) => {
    await deleteView(experiment, which).catch(() => undefined);
    forget((p) => p === viewsPath(experiment));
    if (which === name) navigate(path, "replace");
  };
  return (
    <Menu label={name ? `View: ${name}` : "Views"} name="views">
      <p class="small muted">Everybody who reads this experiment sees its views. The address of this page holds what you see, saved or not.</p>
      <ul class="menu-list">
        <li><a href={path} aria-current={name === null ? "true" : undefined}>All runs</a></li>
        {views.map((view) => (
          <li key={view.name}>
            <a href={`${path}?${new URLSearchParams({ view: view.name })}`} aria-current={view.name === name ? "true" : undefined} data-view={view.name}>{view.name}</a>
            <button type="button" class="quiet" aria-label={`Delete the view ${view.name}`} onClick={() => void remove(view.name)}>×</button>
          </li>
        ))}
      </ul>
      <form class="menu-form" onSubmit={(event) => { event.preventDefault(); if (fresh.trim()) void save(fresh.trim()); }}>
        <input class="field" placeholder="Name of a new view" aria-label="Name of a new view" value={fresh} onInput={(event) => setFresh(event.currentTarget.value)} />
        <button type="submit" class="button" disabled={!fresh.trim()}>Save</button>
      </form>
      {name && <button type="button" class="button" onClick={() => void save(name)}>Save what is shown as “{name}”</button>}
      {error && <p class="tone-bad small">{error}</p>}
    </Menu>
  );
}

// ---- what can be done with runs ----

function SelectionBar({ baseline, index, stage, selected, onSelect }: {
  baseline: string | undefined; // what a run is held against when it is chosen alone
  index: RunIndex;
  stage: string;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
}) {
  const [busy, setBusy] = useState("");
  const [dialog, setDialog] = useState<"delete" | "tag" | null>(null);
  const ids = [...selected];
  const many = ids.length === 1 ? "1 run" : `${count(ids.length)} runs`;
  const alone = ids.length === 1 && baseline !== undefined && baseline !== ids[0];
  const compared = alone ? [baseline, ids[0]!] : ids.slice(0, kCompareMax);
  const perform = async (what: string, call: (id: string) => Promise<unknown>) => {
    setDialog(null);
    setBusy(`${what}: 0 of ${count(ids.length)}`);
    try {
      await forEach(ids, call, (done) => setBusy(`${what}: ${count(done)} of ${count(ids.length)}`));
      setBusy("");
    } catch (error) {
      setBusy(`${what} failed: ${(error as Error).message}`);
    }
  };
  const move = async (action: "delete" | "restore") => {
    await perform(action === "delete" ? "Deleting" : "Restoring", (id) => ask("POST", `${kAjax}/runs/${action}`, { run_id: id }));
    index.drop(ids);
    onSelect(new Set());
  };
  const status = index.filtering || index.sorting ? "looking…" : !index.complete ? `reading ${count(index.ids.length)}…` : "";
  const shown = index.view.length === index.size ? `${count(index.size)} runs` : `${count(index.view.length)} of ${count(index.size)} runs`;
  return (
    <div class="selection" data-selection>
      <span role="status" data-count>{ids.length > 0 ? <b>{many} selected</b> : shown}<span class="muted"> {status}{busy}</span></span>
      {ids.length > 0 && (
        <>
          <a class="button" href={`/compare?runs=${compared.join(",")}`} title={ids.length > kCompareMax ? `the first ${kCompareMax}` : undefined}>
            {alone ? "Compare with the baseline" : "Compare"}
          </a>
          {stage === "active" && <button type="button" class="button" onClick={() => setDialog("tag")}>Tag</button>}
          {stage === "active" ? (
            <button type="button" class="button" onClick={() => setDialog("delete")}>Delete</button>
          ) : (
            <button type="button" class="button" onClick={() => void move("restore")}>Restore</button>
          )}
          <button type="button" class="link" onClick={() => onSelect(new Set())}>Clear</button>
        </>
      )}
      {dialog === "delete" && (
        <Dialog title={`Delete ${many}?`} onClose={() => setDialog(null)}>
          <p class="muted">They go to the deleted ones, from where they can be restored until they are purged.</p>
          <p class="dialog-foot">
            <button type="button" class="button" onClick={() => setDialog(null)}>Keep</button>
            <button type="button" class="button button-bad" onClick={() => void move("delete")}>Delete {many}</button>
          </p>
        </Dialog>
      )}
      {dialog === "tag" && <TagDialog many={many} onClose={() => setDialog(null)} onTag={(key, text) => void perform("Tagging", (id) => ask("POST", `${kAjax}/runs/set-tag`, { run_id: id, key, value: text }))} />}
    </div>
  );
}

function TagDialog({ many, onClose, onTag }: { many: string; onClose: () => void; onTag: (key: string, value: string) => void }) {
  const [key, setKey] = useState("");
  const [text, setText] = useState("");
  return (
    <Dialog title={`Tag ${many}`} onClose={onClose}>
      <form class="menu-form" onSubmit={(event) => { event.preventDefault(); if (key) onTag(key, text); }}>
        <input class="field" placeholder="Tag" aria-label="Tag" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        <input class="field" placeholder="Value" aria-label="Value" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit" class="button" disabled={!key}>Set</button>
      </form>
    </Dialog>
  );
}

// ---- charts of what the table shows ----

const kChartRuns = 12;

function TableCharts({ index, selected, columns, keys }: { index: RunIndex; selected: ReadonlySet<string>; columns: string[]; keys: Keys }) {
  const runs: { id: string; name: string; running: boolean }[] = [];
  const take = (place: number) => runs.push({ id: index.ids[place]!, name: index.names[place]! || index.ids[place]!.slice(0, 12), running: index.statuses[place] === "running" });
  if (selected.size > 0) {
    for (const id of [...selected].slice(0, kCompareMax)) take(index.placeOf(id));
  } else {
    for (let i = 0; i < Math.min(kChartRuns, index.view.length); ++i) take(index.view[i]!);
  }
  const chosen = columns.filter((c) => c.startsWith("metrics.")).map((c) => splitColumn(c)[1]);
  return (
    <>
      <p class="small muted">{selected.size > 0 ? "The selected runs" : `The first ${runs.length} runs of the table`}; a metric has a chart when it is a column, or when there are no such columns.</p>
      <ChartGrid runs={runs} metrics={chosen.length > 0 ? chosen : keys.metrics} />
    </>
  );
}
