// Runs beside each other: what differs, their curves in one picture, and how parameters and metrics go together.
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { ApiError, useApi } from "../api";
import { useWidth } from "../charts";
import { change, value } from "../format";
import { inkOf } from "../metric_chart";
import { ChartGrid } from "../metric_charts";
import { navigate, usePlace, withQuery } from "../router";
import { keepRows, knownRow } from "../run_rows";
import type { Row } from "../tracking";
import { readRows, runAddress } from "../tracking";
import { Empty, Failure, Head, Loading, Scroll, Section, settled } from "../ui";

const kRunsMax = 100;

/** Rows that were seen elsewhere are there at once, and are read anew. */
function useRows(runs: string[]): { rows: Row[] | null; error: ApiError | null } {
  const key = runs.join();
  const [read, setRead] = useState<{ key: string; rows: Row[] } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const known = useMemo(() => runs.map(knownRow), [key]);
  useLayoutEffect(() => {
    const asked = new AbortController();
    let timer = 0;
    const ask = async () => {
      try {
        const rows = await readRows("0", runs, asked.signal);
        keepRows(rows);
        setRead({ key, rows });
        if (rows.some((row) => row.status === "running")) timer = window.setTimeout(ask, 3000);
      } catch (failure) {
        if (!asked.signal.aborted) setError(failure instanceof ApiError ? failure : new ApiError(0, String(failure)));
      }
    };
    void ask();
    return () => {
      asked.abort();
      window.clearTimeout(timer);
    };
  }, [key]);
  if (read?.key === key) return { rows: read.rows, error };
  return { rows: known.every((row) => row !== undefined) ? known : null, error };
}

export function ComparePage() {
  const place = usePlace();
  const runs = (place.query.get("runs") ?? "").split(",").filter(Boolean).slice(0, kRunsMax);
  const { rows, error } = useRows(runs);
  const changes = useApi<Compared>(runs.length === 2 ? `/api/v1/compare?${new URLSearchParams({ a: runs[0]!, b: runs[1]! })}` : null);
  if (runs.length === 0) return <><Head title="Compare" /><Empty title="No runs chosen">Select runs in the table of an experiment, then Compare.</Empty></>;
  if (error) return <Failure error={error} what="The comparison" />;
  if (!rows || !settled(changes)) return <Loading />;
  return <Comparison key={runs.join()} rows={rows} changes={changes.data} />;
}

/** Whether the page was seen: what stands far below the table comes then. */
function usePainted(): boolean {
  const [painted, setPainted] = useState(false);
  useEffect(() => setPainted(true), []);
  return painted;
}

const nameOf = (row: Row) => row.name || row.id.slice(0, 12);

function Comparison({ rows, changes }: { rows: Row[]; changes: Compared | undefined }) {
  const metrics = useMemo(() => [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))].sort(), [rows]);
  const params = useMemo(() => [...new Set(rows.flatMap((row) => Object.keys(row.params)))].sort(), [rows]);
  const charted = rows.map((row) => ({ id: row.id, name: nameOf(row), running: row.status === "running" }));
  const two = rows.length === 2;
  const painted = usePainted();
  return (
    <div class="wide">
      <Head title={two ? `${nameOf(rows[0]!)} and ${nameOf(rows[1]!)}` : `${rows.length} runs compared`} kicker="Compare" {...(two ? { command: `millwright compare ${rows[0]!.id} ${rows[1]!.id}` } : {})} />
      {changes && <Changes compared={changes} />}
      <Differences rows={rows} metrics={metrics} params={params} />
      {rows.length > 1 && <Together rows={rows} metrics={metrics} params={params} />}
      {painted && <Section title="Curves"><ChartGrid runs={charted} metrics={metrics} /></Section>}
    </div>
  );
}

// ---- what a change of design did ----

interface Side {
  name: string;
  state: "same" | "changed" | "only_a" | "only_b";
  a: unknown;
  b: unknown;
}

interface Compared {
  data: Side[];
  code: Side[];
  config: Side[];
  environment: Side[];
  hardware: Side[];
  summary: string[];
}

const kSides = ["data", "code", "config", "environment", "hardware"] as const;

const short = (text: string) => text.replace(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, "$1");

function sideText(of: unknown): string {
  if (of === null || of === undefined) return "–";
  if (typeof of === "string") return short(of);
  const { digest, rows } = of as { digest?: string; rows?: number };
  return digest ? `${short(digest)}${typeof rows === "number" ? `, ${rows.toLocaleString("en-US")} rows` : ""}` : JSON.stringify(of);
}

interface Changed {
  kind: string;
  names: string[];
  a: string;
  b: string;
}

/** What changed in the same way is one row: steps of one program, packages of one release. */
function changedOf(compared: Compared): Changed[] {
  const rows = new Map<string, Changed>();
  for (const kind of kSides) {
    for (const side of compared[kind]) {
      if (side.state === "same") continue;
      const [a, b] = [sideText(side.a), sideText(side.b)];
      const row = rows.get(JSON.stringify([kind, a, b]));
      if (row) row.names.push(side.name);
      else rows.set(JSON.stringify([kind, a, b]), { kind, names: [side.name], a, b });
    }
  }
  return [...rows.values()];
}

/** The server's own comparison of two: data, code, configuration, environment, hardware. */
function Changes({ compared }: { compared: Compared }) {
  const changed = changedOf(compared);
  return (
    <Section title="What changed" note={changed.length === 0 ? "nothing that was recorded" : undefined}>
      {compared.summary.length > 0 && <ul class="summary">{compared.summary.map((text) => <li key={text}>{text}</li>)}</ul>}
      {changed.length > 0 && (
        <Scroll label="What changed">
          <table class="table" data-changes>
            <thead><tr><th scope="col">In</th><th scope="col">Name</th><th scope="col">First</th><th scope="col">Second</th></tr></thead>
            <tbody>
              {changed.slice(0, 200).map(({ kind, names, a, b }) => (
                <tr key={kind + names[0]}>
                  <td class="muted">{kind}</td>
                  <th scope="row">{names.join(", ")}</th>
                  <td class="cell-text">{a.slice(0, 400)}</td>
                  <td class="cell-text">{b.slice(0, 400)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Section>
  );
}

// ---- the table ----

function Differences({ rows, metrics, params }: { rows: Row[]; metrics: string[]; params: string[] }) {
  const place = usePlace();
  const all = place.query.get("all") === "1";
  const tags = [...new Set(rows.flatMap((row) => Object.keys(row.tags)))].filter((key) => !key.startsWith("mlflow.log") && key !== "mlflow.note.content" && key !== "mlflow.runName").sort();
  const differs = (of: (row: Row) => unknown) => rows.some((row) => of(row) !== of(rows[0]!));
  const group = (title: string, keys: string[], of: (row: Row, key: string) => unknown, numeric: boolean) => {
    const shown = keys.filter((key) => all || differs((row) => of(row, key)));
    if (shown.length === 0) return null;
    return (
      <tbody key={title}>
        <tr class="compare-group"><th scope="rowgroup" colSpan={rows.length + 1}>{title} <span class="muted">{shown.length} of {keys.length}</span></th></tr>
        {shown.map((key) => (
          <tr key={key} data-differs={`${title} ${key}`}>
            <th scope="row" title={key}>{key}</th>
            {rows.map((row, i) => <CompareCell key={row.id} of={of(row, key)} first={of(rows[0]!, key)} index={i} numeric={numeric} />)}
          </tr>
        ))}
      </tbody>
    );
  };
  const set = (on: boolean) => navigate(withQuery(place, "all", on ? "1" : null), "replace");
  return (
    <Section title="Values" note={<span class="choices"><button type="button" aria-pressed={!all} onClick={() => set(false)}>What differs</button><button type="button" aria-pressed={all} onClick={() => set(true)}>All</button></span>}>
      <Scroll label="Values of the runs">
        <table class="table compare">
          <thead>
            <tr>
              <th />
              {rows.map((row, i) => (
                <th key={row.id} scope="col"><i class="swatch" style={{ background: `var(${inkOf(i).color})` }} /> <a href={runAddress("0", row.id)} title={row.id}>{nameOf(row)}</a></th>
              ))}
            </tr>
          </thead>
          {group("Metrics", metrics, (row, key) => row.metrics[key], true)}
          {group("Parameters", params, (row, key) => row.params[key], false)}
          {group("Tags", tags, (row, key) => (key.endsWith("git.commit") ? row.tags[key]?.slice(0, 12) : row.tags[key]), false)}
          {group("Run", ["status", "user", "source"], (row, key) => (row as unknown as Record<string, unknown>)[key], false)}
        </table>
      </Scroll>
    </Section>
  );
}

function CompareCell({ of, first, index, numeric }: { of: unknown; first: unknown; index: number; numeric: boolean }) {
  if (of === undefined) return <td class="muted">–</td>;
  const changed = index > 0 && of !== first;
  const difference = numeric && changed && typeof of === "number" && typeof first === "number" ? of - first : null;
  return (
    <td class={`cell-text${changed && !numeric ? " cell-changed" : ""}`}>
      {numeric ? value(of as number | null) : String(of).slice(0, 300)}
      {difference !== null && <small class="muted"> {change(difference)}</small>}
    </td>
  );
}

// ---- pictures of many ----

/** A value as a number, where it is one. */
function numberOf(row: Row, column: string): number | null {
  const dot = column.indexOf(".");
  const [kind, key] = [column.slice(0, dot), column.slice(dot + 1)];
  const raw = kind === "metrics" ? row.metrics[key] : row.params[key];
  if (raw === undefined || raw === null || raw === "") return null;
  const number = Number(raw);
  return Number.isFinite(number) ? number : null;
}
const labelOf = (column: string) => column.slice(column.indexOf(".") + 1);

function Together({ rows, metrics, params }: { rows: Row[]; metrics: string[]; params: string[] }) {
  const place = usePlace();
  const own = metrics.filter((m) => !m.startsWith("system/"));
  const columns = [...params.map((p) => `params.${p}`), ...own.map((m) => `metrics.${m}`)];
  const numeric = columns.filter((column) => rows.some((row) => numberOf(row, column) !== null));
  const varied = numeric.filter((column) => new Set(rows.map((row) => numberOf(row, column))).size > 1);
  if (varied.length < 2) return null;
  const isMetric = (column: string) => column.startsWith("metrics.");
  const pick = (name: string, usual: string) => {
    const asked = place.query.get(name);
    return asked && numeric.includes(asked) ? asked : usual;
  };
  const y = pick("py", varied.find(isMetric) ?? varied[1]!);
  const x = pick("px", varied.find((column) => column !== y) ?? varied[0]!);
  const set = (name: string) => (event: { currentTarget: HTMLSelectElement }) => navigate(withQuery(place, name, event.currentTarget.value), "replace");
  const choice = (name: string, chosen: string, label: string) => (
    <label class="check">{label} <select class="field field-small" value={chosen} onChange={set(name)}>{numeric.map((column) => <option key={column} value={column}>{labelOf(column)}</option>)}</select></label>
  );
  const axes = [...varied.filter((column) => !isMetric(column)).slice(0, 5), ...varied.filter(isMetric).slice(0, 4)];
  return (
    <>
      <div class="two two-even two-top">
        <Section title="Scatter" note={<span class="choices">{choice("px", x, "x")}{choice("py", y, "y")}</span>}>
          <Scatter rows={rows} x={x} y={y} />
        </Section>
        <Section title={labelOf(y)} note="a bar for each run"><Bars rows={rows} column={y} /></Section>
      </div>
      {axes.length > 1 && <Section title="Parallel coordinates" note="drag along an axis to keep the runs that pass there; a click on it ends that"><Parallel rows={rows} axes={axes} color={y} /></Section>}
    </>
  );
}

function rangeOf(rows: Row[], column: string): [number, number] {
  const values = rows.map((row) => numberOf(row, column)).filter((v): v is number => v !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function Scatter({ rows, x, y }: { rows: Row[]; x: string; y: string }) {
  const [box, width] = useWidth(460);
  const [at, setAt] = useState<number | null>(null);
  const height = 280;
  const [xLow, xHigh] = rangeOf(rows, x);
  const [yLow, yHigh] = rangeOf(rows, y);
  const [left, right, top, bottom] = [58, width - 14, 12, height - 26];
  const placed = rows.map((row, i) => {
    const [vx, vy] = [numberOf(row, x), numberOf(row, y)];
    return vx === null || vy === null ? null : { i, cx: left + ((vx - xLow) / (xHigh - xLow)) * (right - left), cy: bottom - ((vy - yLow) / (yHigh - yLow)) * (bottom - top), vx, vy };
  });
  const here = at === null ? null : placed[at];
  return (
    <figure class="chart">
      <figcaption class="readout">{here ? <><b>{nameOf(rows[here.i]!)}</b> <span>{labelOf(x)} <b>{value(here.vx)}</b></span> <span>{labelOf(y)} <b>{value(here.vy)}</b></span></> : <span class="muted">each dot is a run</span>}</figcaption>
      <div ref={box} style={{ height: `${height}px` }}>
        <svg width={width} height={height} role="img" aria-label={`${labelOf(y)} by ${labelOf(x)}`} data-scatter>
          <g class="axis">
            <line class="grid" x1={left} x2={right} y1={bottom} y2={bottom} /><line class="grid" x1={left} x2={left} y1={top} y2={bottom} />
            <text x={left} y={height - 8}>{value(xLow)}</text><text x={right} y={height - 8} text-anchor="end">{value(xHigh)}</text>
            <text x={left - 6} y={bottom} text-anchor="end">{value(yLow)}</text><text x={left - 6} y={top + 8} text-anchor="end">{value(yHigh)}</text>
            <text x={(left + right) / 2} y={height - 8} text-anchor="middle">{labelOf(x)}</text>
          </g>
          {placed.map((p) => p && (
            <a key={rows[p.i]!.id} href={runAddress("0", rows[p.i]!.id)} aria-label={nameOf(rows[p.i]!)} onFocus={() => setAt(p.i)} onPointerEnter={() => setAt(p.i)}>
              <circle class={`scatter-dot${p.i === at ? " scatter-here" : ""}`} cx={p.cx} cy={p.cy} r={p.i === at ? 6 : 4.5} style={{ fill: `var(${inkOf(p.i).color})` }} />
            </a>
          ))}
        </svg>
      </div>
    </figure>
  );
}

function Bars({ rows, column }: { rows: Row[]; column: string }) {
  const [low, high] = rangeOf(rows, column);
  const base = low >= 0 ? 0 : low;
  return (
    <ul class="bars" data-bars>
      {rows.slice(0, 40).map((row, i) => {
        const v = numberOf(row, column);
        return (
          <li key={row.id}>
            <a href={runAddress("0", row.id)} title={nameOf(row)}>{nameOf(row)}</a>
            <span class="bar-track"><i style={{ width: `${v === null ? 0 : (100 * (v - base)) / (high - base || 1)}%`, background: `var(${inkOf(i).color})` }} /></span>
            <b>{v === null ? "–" : value(v)}</b>
          </li>
        );
      })}
    </ul>
  );
}

function Parallel({ rows, axes, color }: { rows: Row[]; axes: string[]; color: string }) {
  const [box, width] = useWidth(900);
  const [kept, setKept] = useState<Record<string, [number, number]>>({});
  const [drag, setDrag] = useState<{ axis: string; from: number; to: number } | null>(null);
  const height = 300;
  const [top, bottom] = [34, height - 12];
  const xAt = (i: number) => 50 + (i * (width - 100)) / Math.max(1, axes.length - 1);
  const ranges = axes.map((axis) => rangeOf(rows, axis));
  const yAt = (axis: number, v: number) => bottom - ((v - ranges[axis]![0]) / (ranges[axis]![1] - ranges[axis]![0])) * (bottom - top);
  const fits = (row: Row) => axes.every((axis, i) => {
    const span = kept[axis];
    const v = numberOf(row, axis);
    return !span || (v !== null && yAt(i, v) >= span[0] && yAt(i, v) <= span[1]);
  });
  const [low, high] = rangeOf(rows, color);
  const shade = (row: Row) => {
    const v = numberOf(row, color);
    return v === null ? 0 : Math.round(100 * (v - low) / (high - low));
  };
  const left = rows.filter(fits);
  const yOf = (event: PointerEvent) => event.clientY - (event.currentTarget as Element).getBoundingClientRect().top;
  return (
    <figure class="chart">
      <figcaption class="readout"><span>{left.length} of {rows.length} runs</span> {Object.keys(kept).length > 0 && <a href={`/compare?runs=${left.map((row) => row.id).join(",")}`}>compare these</a>} <span class="muted">the stronger the colour, the greater {labelOf(color)}</span></figcaption>
      <div ref={box} style={{ height: `${height}px` }}>
        <svg width={width} height={height} role="img" aria-label={`Runs across ${axes.map(labelOf).join(", ")}`} data-parallel
          onPointerMove={(event) => drag && setDrag({ ...drag, to: yOf(event) })}
          onPointerUp={() => {
            if (!drag) return;
            const span: [number, number] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
            const { [drag.axis]: _, ...others } = kept;
            setKept(span[1] - span[0] < 4 ? others : { ...others, [drag.axis]: span });
            setDrag(null);
          }}>
          {rows.map((row) => {
            const points = axes.flatMap((axis, i) => {
              const v = numberOf(row, axis);
              return v === null ? [] : [`${xAt(i).toFixed(1)},${yAt(i, v).toFixed(1)}`];
            });
            return <polyline key={row.id} class="parallel-line" points={points.join(" ")} style={{ stroke: `color-mix(in srgb, var(--ink-1) ${shade(row)}%, var(--ink-0))`, opacity: fits(row) ? 0.85 : 0.07 }} />;
          })}
          {axes.map((axis, i) => {
            const span = drag?.axis === axis ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)] : kept[axis];
            return (
              <g key={axis} class="axis">
                <line class="parallel-axis" x1={xAt(i)} x2={xAt(i)} y1={top} y2={bottom} />
                <text x={xAt(i)} y={12} text-anchor="middle">{labelOf(axis).slice(-18)}</text>
                <text x={xAt(i)} y={26} text-anchor="middle">{value(ranges[i]![1])}</text>
                <text x={xAt(i) + 6} y={bottom + 10}>{value(ranges[i]![0])}</text>
                {span && <rect class="parallel-span" x={xAt(i) - 7} width={14} y={span[0]!} height={Math.max(1, span[1]! - span[0]!)} />}
                <rect x={xAt(i) - 14} width={28} y={top} height={bottom - top} fill="transparent" class="parallel-grip" onPointerDown={(event) => { const y = event.clientY - (event.currentTarget.ownerSVGElement as Element).getBoundingClientRect().top; setDrag({ axis, from: y, to: y }); }} />
              </g>
            );
          })}
        </svg>
      </div>
    </figure>
  );
}
