// The chart of one metric: read when it comes into sight, drawn on a canvas, zoomed with what is read anew.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useWidth } from "./charts";
import type { Curve, Layout, Line, XAxis } from "./curves";
import { draw, kNoCurve, nearestIn, readCurves, smoothed } from "./curves";
import { count, duration, short, value } from "./format";

export interface ChartRun {
  id: string;
  name: string;
  running: boolean;
}

export interface ChartSettings {
  axis: XAxis;
  logX: boolean;
  logY: boolean;
  smooth: number;
}

export const kInks = 10;
const kDashes: number[][] = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const kLiveMs = 2000;
const kNearPx = 200; // from the screen

/** The colour and dashes of the nth run, the same in every picture. */
export function inkOf(n: number): { color: string; dash: number[] } {
  return { color: `--ink-${n % kInks}`, dash: kDashes[Math.floor(n / kInks) % kDashes.length]! };
}

const watched = new Map<Element, (near: boolean) => void>();
let watcher: IntersectionObserver | null = null;

/** One watches all: what comes into sight together is drawn, and asked for, together. */
function watch(element: Element, tell: (near: boolean) => void): () => void {
  watcher ??= new IntersectionObserver((entries) => entries.forEach((entry) => watched.get(entry.target)?.(entry.isIntersecting)), { rootMargin: `${kNearPx}px` });
  watched.set(element, tell);
  watcher.observe(element);
  return () => {
    watched.delete(element);
    watcher!.unobserve(element);
  };
}

/**
 * Whether the element is near the screen, and how wide what is last in it was then. What is there from the beginning is
 * near before it is painted.
 */
function useNear(): [{ current: HTMLElement | null }, boolean, number] {
  const ref = useRef<HTMLElement>(null);
  const [{ near, width }, setState] = useState({ near: false, width: 0 });
  useLayoutEffect(() => {
    const element = ref.current!;
    const setNear = (near: boolean) => setState((old) => (old.near === near ? old : { near, width: element.lastElementChild!.clientWidth }));
    const { top, bottom } = element.getBoundingClientRect();
    const hidden = element.closest("details:not([open])") !== null;
    if (!hidden && top < window.innerHeight + kNearPx && bottom > -kNearPx) setNear(true);
    return watch(element, setNear);
  }, []);
  return [ref, near, width];
}

function useTheme(): string {
  const themeNow = () => document.documentElement.dataset.theme ?? "";
  const [theme, setTheme] = useState(themeNow);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(themeNow()));
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, []);
  return theme;
}

const colors = new Map<string, string>();

/** What the style sheet calls so. Asking the browser makes it work out all styles, so it is asked once. */
function colorOf(name: string, theme: string): string {
  const key = theme + name;
  if (!colors.has(key)) colors.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colors.get(key)!;
}

type Range = [number, number];

/** Curves, and what they were read for. */
interface Reading {
  curves: Map<string, Curve>;
  axis: XAxis;
  key: string;
}

/** Reads what is asked for while the chart is near the screen; the last reading stays until then. */
function useCurves(runs: ChartRun[], metric: string, axis: XAxis, range: Range | null, buckets: number, near: boolean): Reading | null {
  const [reading, setReading] = useState<Reading | null>(null);
  const ids = runs.map((run) => run.id);
  const running = runs.some((run) => run.running);
  const key = JSON.stringify([ids, metric, axis, range, buckets]);
  useLayoutEffect(() => {
    if (!near || runs.length === 0 || (reading?.key === key && !running)) return;
    let left = false;
    let timer = 0;
    const read = async () => {
      try {
        const curves = document.hidden ? null : await readCurves(ids, metric, axis, range, buckets);
        if (curves && !left) setReading({ curves, axis, key });
      } catch {
        if (!left) setReading((old) => old ?? { curves: new Map(), axis, key });
      }
      if (!left && running) timer = window.setTimeout(read, kLiveMs);
    };
    void read();
    return () => {
      left = true;
      window.clearTimeout(timer);
    };
  }, [key, near, running]);
  return reading;
}

interface ChartProps {
  runs: ChartRun[];
  metric: string;
  settings: ChartSettings;
}

/** Out of sight it is a frame of the same size. */
export function MetricChart({ alone, ...props }: ChartProps & { alone: boolean }) {
  const [figure, near, width] = useNear();
  const [large, setLarge] = useState(alone);
  const [points, setPoints] = useState(0);
  const wasNear = useRef(false);
  wasNear.current ||= near;
  const { metric } = props;
  const { axis } = props.settings;
  const [zoomed, setZoomed] = useState<{ axis: XAxis; range: Range } | null>(null);
  const range = zoomed?.axis === axis ? zoomed.range : null;
  const zoom = (to: Range | null) => setZoomed(to && { axis, range: to });
  return (
    <figure class={`metric-chart${large ? " metric-chart-large" : ""}`} ref={figure as never} data-chart={metric} data-points={points}>
      <figcaption>
        <b title={metric}>{metric}</b>
        {range && <button type="button" class="link small" onClick={() => zoom(null)}>whole</button>}
        <button type="button" class="quiet" aria-label={large ? `Make the chart of ${metric} smaller` : `Make the chart of ${metric} larger`} onClick={() => setLarge(!large)}>{large ? "−" : "+"}</button>
      </figcaption>
      {wasNear.current ? (
        <Picture {...props} first={width} near={near} large={large} range={range} onRange={zoom} onPoints={setPoints} />
      ) : (
        <>
          <p class="readout chart-readout" />
          <div style={{ height: `${heightOf(large)}px` }} />
        </>
      )}
    </figure>
  );
}

const heightOf = (large: boolean) => (large ? 380 : 210);

function Picture({ runs, metric, settings, first, near, large, range, onRange, onPoints }: ChartProps & {
  first: number; // pixels across
  near: boolean;
  large: boolean;
  range: Range | null;
  onRange: (range: Range | null) => void;
  onPoints: (points: number) => void;
}) {
  const [box, width] = useWidth(first, first > 0);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useRef<Layout | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const height = heightOf(large);
  const { logX, logY, smooth } = settings;
  const reading = useCurves(runs, metric, settings.axis, range, runs.length > 20 ? 300 : width > 700 ? 800 : 600, near && width > 0);
  const curves = reading?.curves;
  const axis = reading?.axis ?? settings.axis; // of what is drawn
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
    [curves, smooth, runs.map((run) => run.id).join()],
  );
  const formatX = (x: number) => (axis === "step" ? short(x) : axis === "relative" ? duration(x) : new Date(x).toISOString().slice(11, 19));
  const theme = useTheme();
  useLayoutEffect(() => {
    if (!canvas.current || !curves || !near) return;
    const ink = (name: string) => colorOf(name, theme);
    const inked = lines.map((line) => ({ ...line, color: ink(line.color) }));
    const inks = { line: ink("--line"), text: ink("--text"), faint: ink("--faint"), accent: ink("--accent") };
    const xRange = axis === settings.axis ? range : null;
    layout.current = draw(canvas.current, inked, { width, height, logX, logY, xRange, formatX, formatY: value, cursor, drag }, inks);
  }, [lines, width, height, logX, logY, range, cursor, drag, theme, near]);
  useLayoutEffect(() => onPoints([...(curves?.values() ?? [])].reduce((sum, curve) => sum + curve.points, 0)), [curves]);
  const pixel = (event: PointerEvent) => event.clientX - canvas.current!.getBoundingClientRect().left;
  const up = (event: PointerEvent) => {
    if (drag && layout.current && Math.abs(pixel(event) - drag[0]) > 6) {
      const ends = [layout.current.xFrom(drag[0]), layout.current.xFrom(pixel(event))].sort((a, b) => a - b) as Range;
      onRange(ends);
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
      onRange([middle - (middle - low) * scale, middle + (high - middle) * scale]);
    } else if (event.key === "Escape" || event.key === "0") {
      onRange(null);
    }
  };
  const many = runs.length > 1;
  return (
    <>
      {curves ? <Readout lines={lines} runs={runs} many={many} at={cursor !== null && layout.current ? layout.current.xFrom(cursor) : null} formatX={formatX} most={large ? 6 : width > 480 ? 3 : width > 340 ? 2 : 1} /> : <p class="readout chart-readout" />}
      <div ref={box} style={{ height: `${height}px` }}>
        <canvas
          ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} tabindex={0} role="img"
          aria-label={`${metric} by ${axis}${many ? ` of ${runs.length} runs` : ""}; arrow keys read it, plus and minus zoom`}
          onPointerDown={(event) => { if (event.button === 0) { event.currentTarget.setPointerCapture(event.pointerId); setDrag([pixel(event), pixel(event)]); } }}
          onPointerMove={(event) => { setCursor(pixel(event)); if (drag) setDrag([drag[0], pixel(event)]); }}
          onPointerUp={up} onPointerLeave={() => { if (!drag) setCursor(null); }} onDblClick={() => onRange(null)} onKeyDown={onKey}
        />
      </div>
    </>
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
