// Charts of many metrics of many runs: read when they come into sight, drawn on canvases, zoomed with what is read anew.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useWidth } from "./charts";
import type { Curve, Layout, Line, XAxis } from "./curves";
import { draw, kNoCurve, nearestIn, readCurves, smoothed } from "./curves";
import { count, duration, plural, short, value } from "./format";
import { navigate, usePlace, withQuery } from "./router";
import { Empty } from "./ui";

export interface ChartRun {
  id: string;
  name: string;
  running: boolean;
}

export const kInks = 10;
const kDashes: number[][] = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const kLiveMs = 2000;
const kGroupsOpen = 3;
const kUngroupedMax = 12;
const kRunsMax = 100; // of one picture

/** The colour and dashes of the nth run, the same in every picture. */
export function inkOf(n: number): { color: string; dash: number[] } {
  return { color: `--ink-${n % kInks}`, dash: kDashes[Math.floor(n / kInks) % kDashes.length]! };
}

interface Settings {
  axis: XAxis;
  logX: boolean;
  logY: boolean;
  smooth: number;
}

function settingsOf(query: URLSearchParams): Settings {
  const axis = query.get("x");
  return {
    axis: axis === "time" || axis === "relative" ? axis : "step",
    logX: query.get("logx") === "1",
    logY: query.get("logy") === "1",
    smooth: Math.min(0.99, Math.max(0, Number(query.get("smooth")) || 0)),
  };
}

/** "train/loss" -> "train"; system metrics are a group of their own. */
function groupOf(metric: string): string {
  const slash = metric.indexOf("/");
  return slash > 0 ? metric.slice(0, slash) : "";
}

export function ChartGrid({ runs, metrics }: { runs: ChartRun[]; metrics: string[] }) {
  const place = usePlace();
  const settings = settingsOf(place.query);
  const [find, setFind] = useState("");
  const [smooth, setSmooth] = useState(settings.smooth);
  const set = (name: string, to: string | null) => navigate(withQuery({ path: location.pathname, query: new URLSearchParams(location.search) }, name, to), "replace");
  const groups = useMemo(() => {
    const found = metrics.filter((m) => m.toLowerCase().includes(find.toLowerCase()));
    const byName = new Map<string, string[]>();
    const few = metrics.length <= kUngroupedMax;
    const nameOf = (metric: string) => (few && !metric.startsWith("system/") ? "" : groupOf(metric));
    for (const metric of found) byName.set(nameOf(metric), [...(byName.get(nameOf(metric)) ?? []), metric]);
    const last = (name: string) => (name === "system" ? 1 : 0);
    return [...byName].sort((a, b) => last(a[0]) - last(b[0]) || (a[0] < b[0] ? -1 : 1));
  }, [metrics.join("\n"), find]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (smooth !== settings.smooth) set("smooth", smooth === 0 ? null : String(smooth));
    }, 300);
    return () => window.clearTimeout(timer);
  }, [smooth]);
  if (metrics.length === 0) return <Empty title="No metrics yet">What a run logs is drawn here while it runs.</Empty>;
  const shown = { ...settings, smooth };
  return (
    <div class="charts">
      <div class="toolbar">
        {metrics.length > 4 && <input type="search" class="field" placeholder="Find a metric" aria-label="Find a metric" value={find} onInput={(event) => setFind(event.currentTarget.value)} />}
        <span class="choices" role="group" aria-label="Horizontal axis">
          {(["step", "time", "relative"] as const).map((axis) => (
            <button key={axis} type="button" aria-pressed={settings.axis === axis} onClick={() => set("x", axis === "step" ? null : axis)}>{axis === "time" ? "Wall time" : axis === "step" ? "Step" : "Relative"}</button>
          ))}
        </span>
        <label class="check"><input type="checkbox" checked={settings.logY} onChange={(event) => set("logy", event.currentTarget.checked ? "1" : null)} /> log y</label>
        <label class="check"><input type="checkbox" checked={settings.logX} onChange={(event) => set("logx", event.currentTarget.checked ? "1" : null)} /> log x</label>
        <label class="check">
          smooth <input type="range" min="0" max="0.99" step="0.01" value={smooth} aria-label="Smoothing" onInput={(event) => setSmooth(Number(event.currentTarget.value))} />
          <span class="smooth-value">{smooth.toFixed(2)}</span>
        </label>
      </div>
      {groups.map(([name, group], i) => (
        <details key={name} class="chart-group" open={groups.length <= 1 || (i < kGroupsOpen && name !== "system") || find !== ""}>
          <summary><b>{name || "metrics"}</b> <span class="muted">{plural(group.length, "chart")}</span></summary>
          <div class="chart-grid">
            {group.map((metric) => (
              <MetricChart key={metric} runs={runs.slice(0, kRunsMax)} metric={metric} settings={shown} alone={metrics.length === 1} />
            ))}
          </div>
        </details>
      ))}
      {groups.length === 0 && <p class="muted">No metric of that name.</p>}
    </div>
  );
}

/** True from the moment that the element comes near the screen. */
function useSeen(): [{ current: HTMLDivElement | null }, boolean] {
  const ref = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen || !ref.current) return;
    const observer = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && setSeen(true), { rootMargin: "200px" });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [seen]);
  return [ref, seen];
}

function useCurves(runs: ChartRun[], metric: string, axis: XAxis, range: [number, number] | null, buckets: number, wanted: boolean) {
  const [curves, setCurves] = useState<Map<string, Curve> | null>(null);
  const ids = runs.map((run) => run.id).join();
  const running = runs.some((run) => run.running);
  useEffect(() => {
    if (!wanted || runs.length === 0) return;
    const asked = new AbortController();
    let timer = 0;
    const read = async () => {
      try {
        if (!document.hidden) setCurves(await readCurves(runs.map((run) => run.id), metric, axis, range, buckets, asked.signal));
      } catch {
        if (!asked.signal.aborted) setCurves((old) => old ?? new Map());
      }
      if (!asked.signal.aborted && running) timer = window.setTimeout(read, kLiveMs);
    };
    void read();
    return () => {
      asked.abort();
      window.clearTimeout(timer);
    };
  }, [ids, metric, axis, range?.join(), buckets, wanted, running]);
  return curves;
}

function MetricChart({ runs, metric, settings, alone }: { runs: ChartRun[]; metric: string; settings: Settings; alone: boolean }) {
  const [seenRef, seen] = useSeen();
  const [large, setLarge] = useState(alone);
  const [box, width] = useWidth(360);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useRef<Layout | null>(null);
  const [range, setRange] = useState<[number, number] | null>(null); // on the axis that is shown
  const [cursor, setCursor] = useState<number | null>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const height = large ? 380 : 210;
  const { axis, logX, logY, smooth } = settings;
  const curves = useCurves(runs, metric, axis, range, runs.length > 20 ? 300 : width > 700 ? 800 : 600, seen);
  const lines = useMemo(
    () =>
      runs.map((run, n): Line => {
        const curve = curves?.get(run.id) ?? kNoCurve;
        const ink = inkOf(n);
        return {
          x: curve.x,
          y: smoothed(curve.values, smooth),
          raw: smooth > 0 ? curve.values : null,
          low: smooth > 0 ? null : curve.low,
          high: smooth > 0 ? null : curve.high,
          color: ink.color,
          dash: ink.dash,
          strong: false,
        };
      }),
    [curves, axis, smooth, runs.map((run) => run.id).join()],
  );
  const formatX = (x: number) => (axis === "step" ? short(x) : axis === "relative" ? duration(x) : new Date(x).toISOString().slice(11, 19));
  const [theme, setTheme] = useState(document.documentElement.dataset.theme);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(document.documentElement.dataset.theme));
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (!canvas.current || !curves) return;
    const style = getComputedStyle(document.documentElement);
    const ink = (name: string) => style.getPropertyValue(name).trim();
    const inked = lines.map((line) => ({ ...line, color: ink(line.color) }));
    const inks = { line: ink("--line"), text: ink("--text"), faint: ink("--faint"), accent: ink("--accent") };
    layout.current = draw(canvas.current, inked, { width, height, logX, logY, xRange: range, formatX, formatY: value, cursor, drag }, inks);
  }, [lines, width, height, logX, logY, range, cursor, drag, theme]);
  useEffect(() => setRange(null), [axis]);
  const zoom = setRange;
  const pixel = (event: PointerEvent) => event.clientX - canvas.current!.getBoundingClientRect().left;
  const up = (event: PointerEvent) => {
    if (drag && layout.current && Math.abs(pixel(event) - drag[0]) > 6) {
      const ends = [layout.current.xFrom(drag[0]), layout.current.xFrom(pixel(event))].sort((a, b) => a - b) as [number, number];
      zoom(ends);
    }
    setDrag(null);
  };
  const onKey = (event: KeyboardEvent) => {
    const at = layout.current;
    if (!at) return;
    const step = { ArrowLeft: -8, ArrowRight: 8, PageUp: -60, PageDown: 60 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setCursor(Math.max(at.left, Math.min(at.right, (cursor ?? at.left) + step)));
    } else if (event.key === "+" || event.key === "-" || event.key === "=") {
      const middle = at.xFrom(cursor ?? (at.left + at.right) / 2);
      const [low, high] = [at.xFrom(at.left), at.xFrom(at.right)];
      const scale = event.key === "-" ? 2 : 0.5;
      zoom([middle - (middle - low) * scale, middle + (high - middle) * scale]);
    } else if (event.key === "Escape" || event.key === "0") {
      zoom(null);
    }
  };
  const many = runs.length > 1;
  const total = [...(curves?.values() ?? [])].reduce((sum, curve) => sum + curve.points, 0);
  return (
    <figure class={`metric-chart${large ? " metric-chart-large" : ""}`} ref={seenRef as never} data-chart={metric} data-points={total}>
      <figcaption>
        <b title={metric}>{metric}</b>
        {range && <button type="button" class="link small" onClick={() => zoom(null)}>whole</button>}
        <button type="button" class="quiet" aria-label={large ? `Make the chart of ${metric} smaller` : `Make the chart of ${metric} larger`} onClick={() => setLarge(!large)}>{large ? "−" : "+"}</button>
      </figcaption>
      <Readout lines={lines} runs={runs} many={many} at={cursor !== null && layout.current ? layout.current.xFrom(cursor) : null} formatX={formatX} most={large ? 6 : width > 480 ? 3 : 2} />
      <div ref={box} style={{ height: `${height}px` }}>
        <canvas
          ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} tabindex={0} role="img"
          aria-label={`${metric} by ${axis}${many ? ` of ${runs.length} runs` : ""}; arrow keys read it, plus and minus zoom`}
          onPointerDown={(event) => { if (event.button === 0) { event.currentTarget.setPointerCapture(event.pointerId); setDrag([pixel(event), pixel(event)]); } }}
          onPointerMove={(event) => { setCursor(pixel(event)); if (drag) setDrag([drag[0], pixel(event)]); }}
          onPointerUp={up} onPointerLeave={() => { if (!drag) setCursor(null); }} onDblClick={() => zoom(null)} onKeyDown={onKey}
        />
      </div>
    </figure>
  );
}

/** What the lines say at the cursor, or where they ended. */
function Readout({ lines, runs, many, at, formatX, most }: { lines: Line[]; runs: ChartRun[]; many: boolean; at: number | null; formatX: (x: number) => string; most: number }) {
  const read = lines
    .map((line, n) => {
      const place = at === null ? line.x.length - 1 : nearestIn(line.x, at);
      return place < 0 ? null : { n, x: line.x[place]!, y: line.y[place]! };
    })
    .filter((r): r is { n: number; x: number; y: number } => r !== null);
  if (read.length === 0) return <p class="readout chart-readout"><span class="muted">no points</span></p>;
  const shown = read.slice(0, most);
  return (
    <p class="readout chart-readout">
      <span class="readout-x">{formatX(at ?? Math.max(...read.map((r) => r.x)))}</span>
      {shown.map((r) => (
        <span key={r.n} class="key" title={runs[r.n]!.name}>
          <i class="swatch" style={{ background: `var(${lines[r.n]!.color})` }} />
          {many && <span class="key-name">{runs[r.n]!.name}</span>} <b>{value(r.y)}</b>
        </span>
      ))}
      {read.length > most && <span>{count(read.length - most)} more</span>}
    </p>
  );
}
