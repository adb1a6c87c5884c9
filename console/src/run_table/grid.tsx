// The rows of a table of runs, of which only those that are seen are in the document; its head orders by a column,
// makes it wider and folds groups.
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { shortDuration, shortMilli, value } from "../format";
import { navigate } from "../router";
import { splitColumn } from "../run_columns";
import type { RunIndex } from "../run_index";
import type { TableState } from "../tracking";
import { runAddress } from "../tracking";
import { Sign } from "../ui";
import type { GridColumn } from "./columns";
import { gridColumns, kNameWidth, withFolded } from "./columns";
import { kNarrowest, kWidest } from "./table_state";

const kRowHeight = 32;
const kHeadHeight = 62;
const kFootHeight = 20; // free below the table
const kRefreshMs = 2000;
const kBeside = 200; // pixels left and right of what is seen, in which cells are there too
const kBusyMs = 150; // after which waiting is shown: what comes sooner would only flicker
const kHeightMax = 12_000_000; // browsers draw nothing beyond some 16 million pixels

const kStatusTones: Record<string, "ok" | "bad" | "run" | "warn" | "none"> = { finished: "ok", failed: "bad", killed: "warn", running: "run", scheduled: "none" };

/** How high a table may be and how much of it is seen across: as it was last, so that it is drawn once. */
let lastSize = { below: window.innerHeight - 236, across: window.innerWidth - 281 };

interface GridProps {
  index: RunIndex;
  columns: string[];
  state: TableState;
  onChange: (to: Partial<TableState>) => void;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
  experiment: string;
}

export function Grid({ index, columns, state, onChange, selected, onSelect, experiment }: GridProps) {
  const box = useRef<HTMLDivElement>(null);
  const [{ top, left, turn }, setScroll] = useScroll(index.outcome);
  const [{ below, across }, setSize] = useState(lastSize);
  const [active, setActive] = useState(0);
  const anchor = useRef(0);
  const [drawn, setDrawn] = useState<Record<string, number>>({}); // widths while a border is held
  const widths = { ...state.widths, ...drawn };
  const all = gridColumns(columns, { ...state, widths });
  const nameWidth = widths["attributes.name"] ?? kNameWidth;
  const total = index.view.length;
  const whole = total * kRowHeight;
  const height = Math.max(240, Math.min(kHeadHeight + whole + 14, below));
  const room = height - kHeadHeight;
  const scrolled = Math.min(whole, kHeightMax);
  const scale = whole > scrolled ? (whole - room) / Math.max(1, scrolled - room) : 1;
  const offset = Math.min(Math.max(0, top * scale), Math.max(0, whole - room));
  const first = Math.floor(offset / kRowHeight);
  const last = Math.min(total, first + Math.ceil(room / kRowHeight) + 1);
  const width = nameWidth + all.reduce((sum, column) => sum + column.width, 0);
  const idAt = (row: number) => index.lines.ids[index.view[row]!]!;
  const seen = index.view.subarray(first, last);
  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => {
      lastSize = { below: Math.floor(window.innerHeight - element.getBoundingClientRect().top - window.scrollY - kFootHeight), across: element.clientWidth };
      setSize((old) => (old.below === lastSize.below && old.across === lastSize.across ? old : lastSize));
    };
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, [selected.size > 0]);
  const seenNow = useRef(seen);
  seenNow.current = seen;
  useLayoutEffect(() => index.see(seen), [index, seen.join()]);
  useEffect(() => {
    const refresh = () => !document.hidden && void index.refresh(seenNow.current);
    refresh(); // it may have been known since a while
    const timer = window.setInterval(refresh, kRefreshMs);
    return () => window.clearInterval(timer);
  }, [index]);
  useLayoutEffect(() => {
    if (turn) box.current!.scrollTop = 0;
    setActive(0);
  }, [index.outcome]);

  const allShown = () => new Set(Array.from(index.view, (place) => index.lines.ids[place]!));
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
      onSelect(allShown());
    } else if (event.key === "Escape") {
      onSelect(new Set());
    }
  };
  const sortBy = (column: GridColumn) => {
    const same = state.sort === column.id;
    onChange({ sort: column.id, descending: same ? !state.descending : column.numeric || column.id === "start_time" });
  };
  const resize = (id: string, to: number | null, done: boolean) => {
    const { [id]: _, ...others } = { ...state.widths };
    setDrawn(done || to === null ? {} : { [id]: to });
    if (done) onChange({ widths: to === null ? others : { ...others, [id]: to } });
  };
  const groups: { name: string; width: number; folded: boolean }[] = [];
  for (const column of all) {
    const open = groups[groups.length - 1];
    if (open && open.name === column.group) open.width += column.width;
    else groups.push({ name: column.group, width: column.width, folded: column.folded !== undefined });
  }
  const cells = useSame(cellsWithin(all, left - kBeside, left + across + kBeside));
  const choosing = useRef(choose);
  choosing.current = (row, how) => {
    setActive(row);
    choose(row, how);
  };
  const onChoose = useCallback((row: number, range: boolean) => choosing.current(row, range ? "range" : "toggle"), []);
  // A row of the document shows one run after the other: changing its texts takes less than making it anew.
  const slots = Math.ceil(room / kRowHeight) + 2;
  const rows: ComponentChildren[] = [];
  for (let row = first; row < last; ++row) {
    rows.push(
      <GridRow
        key={row % slots} index={index} place={index.view[row]!} row={row} y={row * kRowHeight - offset} cells={cells} width={width}
        nameWidth={nameWidth} active={row === active} selected={selected.has(idAt(row))} experiment={experiment} onChoose={onChoose}
      />,
    );
  }
  const busy = index.filtering || index.sorting;
  const late = useLate(busy);
  return (
    <div
      class="grid-box" ref={box} tabindex={0} role="grid" aria-label="Runs" aria-rowcount={total + 1} aria-colcount={all.length + 1} aria-multiselectable="true"
      aria-activedescendant={total > 0 ? `row-${active}` : undefined} style={{ height: `${height}px` }}
      onScroll={({ currentTarget }) => setScroll(currentTarget.scrollTop, currentTarget.scrollLeft)} onKeyDown={onKey} data-grid data-total={total}
    >
      <div class="grid-space" style={{ height: `${scrolled + kHeadHeight}px`, width: `${width}px` }}>
        <div class="grid-pane" style={{ height: `${height - 2}px`, width: `${width}px` }}>
          <div class="grid-head" style={{ height: `${kHeadHeight}px` }}>
            <div class="grid-groups">
              <span class="grid-fixed" style={{ width: `${nameWidth}px` }} />
              {groups.map((group, i) => (
                <span key={i} class={group.name ? "grid-group" : ""} style={{ width: `${group.width}px` }}>
                  {group.name && (
                    <button
                      type="button" class="grid-fold" style={{ left: `${nameWidth + 10}px` }} data-fold={group.name} aria-expanded={!group.folded} tabindex={-1}
                      title={group.folded ? `Show the columns of ${group.name}` : `Hide the columns of ${group.name}`}
                      onClick={() => onChange({ folded: withFolded(state.folded, group.name) })}
                    >
                      {group.name} <i class={`caret${group.folded ? "" : " caret-open"}`} aria-hidden="true" />
                    </button>
                  )}
                </span>
              ))}
            </div>
            <div class="grid-heads" role="row">
              <span class="grid-fixed grid-name" style={{ width: `${nameWidth}px` }} role="columnheader">
                <input
                  type="checkbox" aria-label="Select all runs shown" checked={total > 0 && selected.size >= total} indeterminate={selected.size > 0 && selected.size < total}
                  onChange={(event) => onSelect(event.currentTarget.checked ? allShown() : new Set())}
                />
                <HeadButton column={{ id: "attributes.name", label: "Run", width: 0, group: "", numeric: false }} state={state} onSort={sortBy} />
                <Border id="attributes.name" label="Run" width={nameWidth} onResize={resize} />
              </span>
              {all.map((column) => (
                <span key={column.id} class={column.numeric ? "grid-num" : ""} style={{ width: `${column.width}px` }} role="columnheader"
                  aria-sort={state.sort === column.id ? (state.descending ? "descending" : "ascending") : "none"}>
                  {column.folded ? <span class="faint small">{column.label}</span> : <HeadButton column={column} state={state} onSort={sortBy} onNear={() => index.prepare({ sort: column.id })} />}
                  {!column.folded && <Border id={column.id} label={column.label} width={column.width} onResize={resize} />}
                </span>
              ))}
            </div>
          </div>
          <div class={`grid-rows${busy ? " grid-busy" : ""}${late ? " grid-late" : ""}`} style={{ height: `${room}px` }}>{rows}</div>
        </div>
      </div>
      {index.complete && total === 0 && <p class="grid-none muted">No run fits.</p>}
    </div>
  );
}

/** The columns that lie between two places, how many stand before them and how wide these are. */
interface Cells {
  columns: GridColumn[];
  before: number;
  skipped: number; // pixels
}

/** How far the table is scrolled. A new outcome is seen from its top; `turn`: to which it is still to be turned. */
function useScroll(outcome: number): [{ top: number; left: number; turn: boolean }, (top: number, left: number) => void] {
  const [at, setAt] = useState({ top: 0, left: 0, outcome });
  const turn = at.outcome !== outcome && at.top > 0;
  const set = (top: number, left: number) => setAt((old) => (old.top === top && old.left === left && old.outcome === outcome ? old : { top, left, outcome }));
  return [{ top: turn ? 0 : at.top, left: at.left, turn }, set];
}

/** The one before, as long as it says the same. */
function useSame<T>(now: T): T {
  const text = JSON.stringify(now);
  return useMemo(() => now, [text]);
}

/** Whether it has been so for a while. */
function useLate(busy: boolean): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!busy) return setLate(false);
    const timer = window.setTimeout(() => setLate(true), kBusyMs);
    return () => window.clearTimeout(timer);
  }, [busy]);
  return busy && late;
}

function cellsWithin(all: GridColumn[], from: number, to: number): Cells {
  const cells: Cells = { columns: [], before: 0, skipped: 0 };
  let x = 0;
  for (const column of all) {
    if (x + column.width < from) {
      ++cells.before;
      cells.skipped += column.width;
    } else if (x < to) {
      cells.columns.push(column);
    }
    x += column.width;
  }
  return cells;
}

/** The right border of a column: drag it, or use arrow keys; a double click makes the column as wide as it was. */
function Border({ id, label, width, onResize }: { id: string; label: string; width: number; onResize: (id: string, to: number | null, done: boolean) => void }) {
  const held = useRef<{ x: number; width: number } | null>(null);
  const within = (to: number) => Math.round(Math.max(kNarrowest, Math.min(kWidest, to)));
  const at = (event: PointerEvent) => within(held.current!.width + event.clientX - held.current!.x);
  return (
    <i
      class="grid-border" role="separator" aria-orientation="vertical" aria-label={`Width of ${label}`} aria-valuenow={Math.round(width)} tabindex={-1} data-border={id}
      onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); held.current = { x: event.clientX, width }; event.preventDefault(); }}
      onPointerMove={(event) => { if (held.current) onResize(id, at(event), false); }}
      onPointerUp={(event) => {
        if (held.current && event.clientX !== held.current.x) onResize(id, at(event), true);
        held.current = null;
      }}
      onDblClick={() => onResize(id, null, true)}
      onKeyDown={(event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        event.stopPropagation();
        onResize(id, within(width + (event.key === "ArrowLeft" ? -8 : 8)), true);
      }}
    />
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

/** Made anew only when it says something else. */
function GridRow({ index, place, row, y, cells, width, nameWidth, active, selected, onChoose, experiment }: {
  index: RunIndex;
  place: number;
  row: number;
  y: number;
  cells: Cells;
  width: number;
  nameWidth: number;
  active: boolean;
  selected: boolean;
  onChoose: (row: number, range: boolean) => void;
  experiment: string;
}) {
  const { ids, names, statuses, started, ended } = index.lines;
  const id = ids[place]!;
  const status = statuses[place]!;
  const known = index.row(id);
  const cell = (column: GridColumn): ComponentChildren => {
    if (column.id === "attributes.status") {
      const tone = kStatusTones[status] ?? "none";
      return <span class={`tone-${tone}`}><Sign tone={tone} /> {status}</span>;
    }
    if (column.id === "start_time") return shortMilli(started[place]!);
    if (column.id === "attributes.duration") {
      const end = status === "running" && Number.isNaN(ended[place]) ? Date.now() : ended[place]!;
      return Number.isNaN(end) ? "" : shortDuration(Math.max(0, end - started[place]!) / 1000);
    }
    if (column.folded) return "";
    const [kind, key] = splitColumn(column.id);
    if (kind === "metrics") {
      const metric = known ? known.metrics[key] : (index.cell(column.id, place) as number | null | undefined);
      return metric === undefined ? (known ? "" : <i class="grid-wait" />) : value(metric);
    }
    if (kind === "attributes") return known ? String((known as unknown as Record<string, unknown>)[key] ?? "") : "";
    const text = known ? (kind === "params" ? known.params : known.tags)[key] : index.cell(column.id, place);
    return text ?? (known ? "" : <i class="grid-wait" />);
  };
  const still = known && !Number.isNaN(ended[place]) ? known : {}; // else it may change by itself
  return useMemo(() => (
    <div
      id={`row-${row}`} class={`grid-row${active ? " grid-active" : ""}${selected ? " grid-selected" : ""}`} role="row" aria-rowindex={row + 2} aria-selected={selected}
      style={{ transform: `translateY(${y}px)`, width: `${width}px` }} data-run={id}
      onClick={(event) => {
        if ((event.target as Element).closest("a, input")) return;
        onChoose(row, event.shiftKey);
      }}
    >
      <span class="grid-fixed grid-name" style={{ width: `${nameWidth}px` }} role="gridcell">
        <input type="checkbox" tabindex={-1} aria-label={`Select ${names[place]}`} checked={selected} onClick={(event) => { event.preventDefault(); onChoose(row, event.shiftKey); }} />
        <a href={runAddress(experiment, id)} tabindex={-1} title={names[place]}>{names[place] || id.slice(0, 12)}</a>
      </span>
      {cells.skipped > 0 && <span style={{ width: `${cells.skipped}px` }} />}
      {cells.columns.map((column, i) => {
        const content = cell(column);
        return (
          <span key={column.id} class={column.numeric ? "grid-num" : ""} style={{ width: `${column.width}px` }} role="gridcell" aria-colindex={cells.before + i + 2} title={typeof content === "string" && content.length > 12 ? content.slice(0, 500) : undefined}>
            {typeof content === "string" ? content.slice(0, 200) : content}
          </span>
        );
      })}
    </div>
  ), [still, id, names[place], status, row, y, cells, width, nameWidth, active, selected, experiment]);
}
