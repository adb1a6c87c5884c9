// Curves of metrics: read in as many buckets as a picture has columns, smoothed, and drawn on a canvas. Pure but for
// the reading.
import { ask } from "./api";
import { ticks } from "./charts";

/** Ascending in x; a bucket of many points has its last one as its value, its least and greatest beside it. */
export interface Curve {
  x: Float64Array;
  values: Float64Array; // NaN: a gap
  low: Float64Array;
  high: Float64Array;
  points: number; // of the whole metric
}

export type XAxis = "step" | "time" | "relative";

export const kNoCurve: Curve = { x: new Float64Array(0), values: new Float64Array(0), low: new Float64Array(0), high: new Float64Array(0), points: 0 };

interface Series {
  run_id: string;
  metric: string;
  points: number;
  begin: number;
  x: number[];
  last: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
}

interface Query {
  runs: string[];
  x: "step" | "time";
  buckets: number;
  rough: true; // what a picture does not show
  from?: number;
  to?: number;
}

const kMetricsAtOnce = 6;
const kSeriesAtOnce = 300;
interface Batch {
  metrics: Set<string>;
  answer: Promise<Series[]>;
}
/** What is about to be asked for, by all but the metrics. */
const waiting = new Map<string, Batch>();

/** One metric; charts that ask at the same moment for others of the same runs are answered together. */
async function readSeries(query: Query, metric: string): Promise<Series[]> {
  const key = JSON.stringify(query);
  let batch = waiting.get(key);
  if (!batch || batch.metrics.size >= kMetricsAtOnce || (batch.metrics.size + 1) * query.runs.length > kSeriesAtOnce) {
    const metrics = new Set<string>();
    const answer = Promise.resolve().then(async () => {
      if (waiting.get(key)?.metrics === metrics) waiting.delete(key);
      return (await ask<{ series: Series[] }>("POST", "/api/v1/charts", { ...query, metrics: [...metrics] })).series;
    });
    waiting.set(key, (batch = { metrics, answer }));
  }
  batch.metrics.add(metric);
  return (await batch.answer).filter((series) => series.metric === metric);
}

/** The metric of each run within the range of the axis (whole when null), in so many buckets at most. */
export async function readCurves(runs: string[], metric: string, axis: XAxis, range: [number, number] | null, buckets: number): Promise<Map<string, Curve>> {
  const read = (ids: string[], from?: number, to?: number) =>
    readSeries({ runs: ids, x: axis === "step" ? "step" : "time", buckets, rough: true, ...(from === undefined ? {} : { from: Math.floor(from), to: Math.ceil(to!) }) }, metric);
  if (range === null) return new Map((await read(runs)).map((series) => [series.run_id, curveOf(series, axis)]));
  if (axis !== "relative") return new Map((await read(runs, ...range)).map((series) => [series.run_id, curveOf(series, axis)]));
  // The same seconds after its start are another window of each run.
  const begins = new Map((await read(runs)).map((series) => [series.run_id, series.begin]));
  const all = await Promise.all([...begins].map(([run, begin]) => read([run], begin + range[0] * 1000, begin + range[1] * 1000)));
  return new Map(all.flat().map((series) => [series.run_id, curveOf(series, axis)]));
}

function curveOf(series: Series, axis: XAxis): Curve {
  const numbers = (from: (number | null)[]) => Float64Array.from(from, (v) => v ?? NaN);
  const x = axis === "relative" ? Float64Array.from(series.x, (at) => (at - series.begin) / 1000) : Float64Array.from(series.x);
  return { x, values: numbers(series.last), low: numbers(series.min), high: numbers(series.max), points: series.points };
}

/** An exponential mean that weighs its first points as much as they are worth; 0 leaves all as it is. */
export function smoothed(values: Float64Array, weight: number): Float64Array {
  if (weight <= 0) return values;
  const out = new Float64Array(values.length);
  let mean = 0;
  let share = 0;
  for (let i = 0; i < values.length; ++i) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      out[i] = value;
      continue;
    }
    mean = mean * weight + value * (1 - weight);
    share = share * weight + (1 - weight);
    out[i] = mean / share;
  }
  return out;
}

export interface Line {
  x: Float64Array;
  y: Float64Array;
  raw: Float64Array | null; // drawn faintly behind a smoothed line
  low: Float64Array | null;
  high: Float64Array | null;
  color: string;
  dash: number[];
  strong: boolean;
}

export interface PlotOptions {
  width: number;
  height: number;
  logX: boolean;
  logY: boolean;
  xRange: [number, number] | null;
  formatX: (x: number) => string;
  formatY: (y: number) => string;
  cursor: number | null; // pixels
  drag: [number, number] | null;
}

export interface Layout {
  left: number;
  right: number;
  top: number;
  bottom: number;
  xAt: (x: number) => number;
  xFrom: (pixel: number) => number;
  yAt: (y: number) => number;
  empty: boolean;
}

interface Inks {
  line: string;
  text: string;
  faint: string;
  accent: string;
}

function logTicks(low: number, high: number): number[] {
  const out: number[] = [];
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((to - from) / 6));
  for (let e = from; e <= to; e += every) {
    for (const m of to - from <= 1 ? [1, 2, 5] : [1]) {
      const v = m * 10 ** e;
      if (v >= low * 0.999 && v <= high * 1.001) out.push(v);
    }
  }
  return out.length > 1 ? out : [low, high];
}

/** Draws everything anew; what it returns tells places from pixels. */
export function draw(canvas: HTMLCanvasElement, lines: Line[], options: PlotOptions, inks: Inks): Layout {
  const { width, height, logX, logY } = options;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  let [xLow, xHigh, yLow, yHigh] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const line of lines) {
    for (let i = 0; i < line.x.length; ++i) {
      const x = line.x[i]!;
      const y = line.y[i]!;
      if (!Number.isFinite(y) || (logY && y <= 0) || (logX && x <= 0)) continue;
      if (options.xRange && (x < options.xRange[0] || x > options.xRange[1])) continue;
      if (x < xLow) xLow = x;
      if (x > xHigh) xHigh = x;
      const [least, most] = line.low && line.high && !logY ? [Math.min(y, line.low[i]!), Math.max(y, line.high[i]!)] : [y, y];
      if (least < yLow) yLow = least;
      if (most > yHigh) yHigh = most;
    }
  }
  if (options.xRange) [xLow, xHigh] = options.xRange;
  const empty = !(yLow <= yHigh);
  if (empty) [xLow, xHigh, yLow, yHigh] = [0, 1, 0, 1];
  if (logY && !empty) {
    yLow /= 1.1;
    yHigh *= 1.1;
  } else {
    const pad = (yHigh - yLow) * 0.06 || Math.abs(yHigh) * 0.05 || 0.5;
    yLow -= pad;
    yHigh += pad;
  }
  if (xHigh === xLow) {
    xLow -= 0.5;
    xHigh += 0.5;
    if (logX && xLow <= 0) xLow = xHigh / 10;
  }
  const marksY = logY ? logTicks(yLow, yHigh) : ticks(yLow, yHigh, Math.max(2, Math.floor(height / 55)));
  context.font = "11px Inter, system-ui, sans-serif";
  const left = 12 + Math.max(16, ...marksY.map((mark) => context.measureText(options.formatY(mark)).width));
  const layout: Layout = {
    left,
    right: width - 8,
    top: 8,
    bottom: height - 22,
    xAt: (x) => 0 * x,
    xFrom: (p) => p,
    yAt: (y) => y,
    empty,
  };
  const lx = (x: number) => (logX ? Math.log10(Math.max(x, 1e-300)) : x);
  const ly = (y: number) => (logY ? Math.log10(Math.max(y, 1e-300)) : y);
  const sx = (layout.right - layout.left) / (lx(xHigh) - lx(xLow));
  const sy = (layout.bottom - layout.top) / (ly(yHigh) - ly(yLow));
  layout.xAt = (x) => layout.left + (lx(x) - lx(xLow)) * sx;
  layout.xFrom = (pixel) => {
    const x = lx(xLow) + (pixel - layout.left) / sx;
    return logX ? 10 ** x : x;
  };
  layout.yAt = (y) => layout.bottom - (ly(y) - ly(yLow)) * sy;
  if (empty) marksY.length = 0;
  // Axes.
  context.strokeStyle = inks.line;
  context.fillStyle = inks.faint;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const mark of marksY) {
    const y = Math.round(layout.yAt(mark)) + 0.5;
    if (y < layout.top - 2 || y > layout.bottom + 2) continue;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(layout.right, y);
    context.stroke();
    context.fillText(options.formatY(mark), left - 6, y);
  }
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  const marksX = empty ? [] : logX ? logTicks(Math.max(xLow, 1e-300), xHigh) : ticks(xLow, xHigh, Math.max(2, Math.floor((layout.right - left) / 90)));
  for (const mark of marksX) {
    const x = layout.xAt(mark);
    const text = options.formatX(mark);
    const half = context.measureText(text).width / 2;
    if (x - half < left - 14 || x + half > width + 2) continue;
    context.fillText(text, Math.min(x, width - half - 1), height - 6);
  }
  if (empty) {
    context.fillText("no numbers", (left + layout.right) / 2, (layout.top + layout.bottom) / 2);
    return layout;
  }
  context.save();
  context.beginPath();
  context.rect(left, layout.top - 4, layout.right - left + 4, layout.bottom - layout.top + 8);
  context.clip();
  context.lineJoin = "round";
  for (const line of lines) {
    if (line.low && line.high) band(context, layout, line);
    if (line.raw) {
      context.globalAlpha = 0.22;
      stroke(context, layout, line, line.raw, 1, logY, logX);
      context.globalAlpha = 1;
    }
    context.setLineDash(line.dash);
    stroke(context, layout, line, line.y, line.strong ? 2.6 : 1.6, logY, logX);
    context.setLineDash([]);
  }
  context.restore();
  if (options.cursor !== null && options.cursor >= left && options.cursor <= layout.right) {
    context.strokeStyle = inks.faint;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(Math.round(options.cursor) + 0.5, layout.top);
    context.lineTo(Math.round(options.cursor) + 0.5, layout.bottom);
    context.stroke();
    context.setLineDash([]);
  }
  if (options.drag) {
    context.globalAlpha = 0.16;
    context.fillStyle = inks.accent;
    context.fillRect(Math.min(...options.drag), layout.top, Math.abs(options.drag[1] - options.drag[0]), layout.bottom - layout.top);
    context.globalAlpha = 1;
  }
  return layout;
}

function band(context: CanvasRenderingContext2D, layout: Layout, line: Line) {
  context.globalAlpha = 0.16;
  context.fillStyle = line.color;
  context.beginPath();
  const known = (i: number) => Number.isFinite(line.high![i]!) && Number.isFinite(line.low![i]!);
  for (let i = 0; i < line.x.length; ++i) if (known(i)) context.lineTo(layout.xAt(line.x[i]!), layout.yAt(line.high![i]!));
  for (let i = line.x.length - 1; i >= 0; --i) if (known(i)) context.lineTo(layout.xAt(line.x[i]!), layout.yAt(line.low![i]!));
  context.fill();
  context.globalAlpha = 1;
}

function stroke(context: CanvasRenderingContext2D, layout: Layout, line: Line, values: Float64Array, width: number, logY: boolean, logX: boolean) {
  context.strokeStyle = line.color;
  context.fillStyle = line.color;
  context.lineWidth = width;
  context.beginPath();
  let open = 0;
  let alone: [number, number] | null = null;
  const dot = () => {
    if (open !== 1 || !alone) return;
    const reach = values.length === 1 ? 3 : 1.5; // a line of one point is seen as that point
    context.fillRect(alone[0] - reach, alone[1] - reach, 2 * reach, 2 * reach);
  };
  for (let i = 0; i < values.length; ++i) {
    const value = values[i]!;
    if (!Number.isFinite(value) || (logY && value <= 0) || (logX && line.x[i]! <= 0)) {
      dot();
      open = 0;
      continue;
    }
    const [x, y] = [layout.xAt(line.x[i]!), layout.yAt(value)];
    if (open === 0) {
      context.moveTo(x, y);
      alone = [x, y];
    } else {
      context.lineTo(x, y);
    }
    ++open;
  }
  dot();
  context.stroke();
}

/** The place of the value nearest to `x` in ascending numbers; -1 of none. */
export function nearestIn(sorted: Float64Array, x: number): number {
  let [low, high] = [0, sorted.length - 1];
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < x) low = middle;
    else high = middle;
  }
  return Math.abs(sorted[low]! - x) <= Math.abs(sorted[high]! - x) ? low : high;
}
