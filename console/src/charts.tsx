// Charts, drawn as SVG in the page's own colours. Each says in words what is under the cursor; the cursor moves
// by mouse, touch or arrow keys. Sizes are fixed in height and follow the width, so nothing jumps.
import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** The width of an element, kept. `known`: that it has `first`, so that the browser need not lay out to say it. */
export function useWidth(first = 640, known = false): [RefObject<HTMLDivElement | null>, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(first);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setWidth(Math.max(120, element.clientWidth));
    if (!known) measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** Round numbers from low to high, about `wanted` of them. */
export function ticks(low: number, high: number, wanted: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k) out.push(Number((k * step).toPrecision(12)));
  return out;
}

interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Scale {
  low: number;
  high: number;
  at: (value: number) => number;
}

function scale(low: number, high: number, from: number, to: number): Scale {
  const range = high - low || 1;
  return { low, high, at: (value) => from + ((value - low) / range) * (to - from) };
}

function path(points: [number, number][]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** The lines between what is there: a missing value is a gap. */
function pieces(points: [number, number | null][], x: Scale, y: Scale): string {
  let text = "";
  let open: [number, number][] = [];
  const close = () => {
    text += path(open);
    open = [];
  };
  for (const [px, py] of points) {
    if (py === null) close();
    else open.push([x.at(px), y.at(py)]);
  }
  close();
  return text;
}

function YAxis({ frame, y, marks, format }: { frame: Frame; y: Scale; marks: number[]; format: (v: number) => string }) {
  return (
    <g class="axis">
      {marks.map((mark) => (
        <g key={mark}>
          <line x1={frame.left} x2={frame.width - frame.right} y1={y.at(mark)} y2={y.at(mark)} class="grid" />
          <text x={frame.left - 8} y={y.at(mark)} dy="0.32em" text-anchor="end">
            {format(mark)}
          </text>
        </g>
      ))}
    </g>
  );
}

/** Room for the numbers on the left. */
function leftOf(marks: number[], format: (v: number) => string): number {
  return 14 + Math.max(...marks.map((mark) => format(mark).length)) * 6.6;
}

interface BelowText {
  x: number;
  text: string;
  anchor: "start" | "middle" | "end";
}

interface PlotProps {
  label: string; // what a reader who does not see it is told
  box: RefObject<HTMLDivElement | null>; // whose width the frame has
  frame: Frame;
  y: Scale;
  marks: number[];
  format: (value: number) => string;
  below: BelowText[];
  places: number; // that the cursor can be at
  place: number;
  placeAt: (x: number) => number; // the place at so many pixels from the left
  onPlace: (place: number | null) => void;
  readout: ComponentChildren;
  tall?: boolean;
  children: ComponentChildren;
}

/** The words about what is under the cursor, an axis on the left, texts below; the drawing is its children. */
function Plot({ label, box, frame, y, marks, format, below, places, place, placeAt, onPlace, readout, tall, children }: PlotProps) {
  const go = (to: number) => onPlace(Math.max(0, Math.min(places - 1, to)));
  return (
    <figure class="chart">
      <figcaption class={`readout${tall ? " readout-tall" : ""}`}>{readout}</figcaption>
      <div ref={box} style={{ height: `${frame.height}px` }}>
        <svg
          width={frame.width}
          height={frame.height}
          role="img"
          aria-label={label}
          tabindex={0}
          onPointerMove={(event) => go(placeAt(event.clientX - event.currentTarget.getBoundingClientRect().left))}
          onPointerLeave={() => onPlace(null)}
          onKeyDown={(event) => {
            const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
            if (step === undefined) return;
            event.preventDefault();
            go(place + step);
          }}
        >
          <YAxis frame={frame} y={y} marks={marks} format={format} />
          <g class="axis">
            {below.map((text, i) => (
              <text key={i} x={text.x} y={frame.height - 7} text-anchor={text.anchor}>
                {text.text}
              </text>
            ))}
          </g>
          {children}
        </svg>
      </div>
    </figure>
  );
}

export interface Series {
  name: string;
  points: [number, number | null][];
  class?: string;
}

export interface LineChartProps {
  label: string; // what a reader who does not see it is told
  series: Series[];
  height?: number;
  x: (value: number) => string;
  y: (value: number) => string;
  xLow?: number;
  xHigh?: number;
  yLow?: number;
  yHigh?: number;
  xTicks?: { at: number; text: string }[];
  marks?: { at: number; text: string }[]; // vertical lines
  lines?: { at: number; text: string }[]; // horizontal lines
  diagonal?: boolean;
  square?: boolean;
  dots?: boolean;
  readout?: (x: number, values: (number | null)[]) => ComponentChildren;
  at?: number; // where the cursor rests
}

export function LineChart(props: LineChartProps) {
  const [ref, width] = useWidth(props.square ? 320 : 640);
  const [cursor, setCursor] = useState<number | null>(null);
  const height = props.square ? Math.min(width, 340) : (props.height ?? 200);
  const all = props.series.flatMap((s) => s.points);
  const ys = all.map((p) => p[1]).filter((v): v is number => v !== null).concat((props.lines ?? []).map((l) => l.at));
  const xs = [...new Set(all.map((p) => p[0]))].sort((a, b) => a - b);
  if (xs.length === 0 || ys.length === 0) return <p class="muted">Nothing to draw yet.</p>;
  const pad = (Math.max(...ys) - Math.min(...ys)) * 0.08 || 0.01;
  const yLow = props.yLow ?? Math.min(...ys) - pad;
  const yHigh = props.yHigh ?? Math.max(...ys) + pad;
  const marksY = ticks(yLow, yHigh, props.square ? 5 : 4);
  const frame: Frame = { width, height, left: leftOf(marksY, props.y), right: 14, top: 10, bottom: 24 };
  const x = scale(props.xLow ?? xs[0]!, props.xHigh ?? xs[xs.length - 1]!, frame.left, width - frame.right);
  const y = scale(yLow, yHigh, height - frame.bottom, frame.top);
  const marksX = props.xTicks ?? ticks(x.low, x.high, Math.max(2, Math.floor(width / 110))).map((at) => ({ at, text: props.x(at) }));
  const below = marksX.map((mark, i): BelowText => {
    const at = x.at(mark.at);
    const anchor = i === 0 && at - frame.left < 12 ? "start" : i === marksX.length - 1 && width - at < 36 ? "end" : "middle";
    return { x: at, text: mark.text, anchor };
  });
  const resting = props.at === undefined ? xs.length - 1 : nearest(xs, props.at);
  const index = Math.min(cursor ?? resting, xs.length - 1);
  const here = xs[index]!;
  const values = props.series.map((s) => s.points.find((p) => p[0] === here)?.[1] ?? null);
  const placeAt = (px: number) => nearest(xs, x.low + ((px - frame.left) / (width - frame.left - frame.right)) * (x.high - x.low));
  const readout = props.readout ? (
    props.readout(here, values)
  ) : (
    <>
      <span class="readout-x">{props.x(here)}</span>
      {props.series.map((s, i) => (
        <span key={s.name} class="key">
          <i class={`swatch ${s.class ?? `series-${i}`}`} />
          {s.name} <b>{values[i] === null || values[i] === undefined ? "–" : props.y(values[i]!)}</b>
        </span>
      ))}
    </>
  );
  return (
    <Plot
      label={props.label} box={ref} frame={frame} y={y} marks={marksY} format={props.y} below={below}
      places={xs.length} place={index} placeAt={placeAt} onPlace={setCursor} readout={readout} tall={props.series.length > 3}
    >
      {props.diagonal && <path class="diagonal" d={path([[x.at(x.low), y.at(x.low)], [x.at(x.high), y.at(x.high)]])} />}
      {props.lines?.map((line) => (
        <g key={line.text} class="need">
          <line x1={frame.left} x2={width - frame.right} y1={y.at(line.at)} y2={y.at(line.at)} />
          <text x={width - frame.right} y={y.at(line.at) - 5} text-anchor="end">{line.text}</text>
        </g>
      ))}
      {props.marks?.map((mark) => (
        <g key={mark.text} class="mark">
          <line x1={x.at(mark.at)} x2={x.at(mark.at)} y1={frame.top} y2={height - frame.bottom} />
          <text
            x={x.at(mark.at) + (x.at(mark.at) > width * 0.7 ? -5 : 5)}
            y={frame.top + 8}
            text-anchor={x.at(mark.at) > width * 0.7 ? "end" : "start"}
          >
            {mark.text}
          </text>
        </g>
      ))}
      {props.series.map((s, i) => (
        <path key={s.name} class={`line ${s.class ?? `series-${i}`}`} d={pieces(s.points, x, y)} />
      ))}
      {props.dots &&
        props.series.map((s, i) =>
          s.points.map(([px, py]) =>
            py === null ? null : <circle key={`${s.name}${px}`} class={`dot ${s.class ?? `series-${i}`}`} cx={x.at(px)} cy={y.at(py)} r={2.5} />,
          ),
        )}
      <line class="cursor" x1={x.at(here)} x2={x.at(here)} y1={frame.top} y2={height - frame.bottom} />
      {values.map((value, i) =>
        value === null ? null : (
          <circle key={props.series[i]!.name} class={`point ${props.series[i]!.class ?? `series-${i}`}`} cx={x.at(here)} cy={y.at(value)} r={3.5} />
        ),
      )}
    </Plot>
  );
}

function nearest(sorted: number[], value: number): number {
  let best = 0;
  for (let i = 1; i < sorted.length; ++i) {
    if (Math.abs(sorted[i]! - value) < Math.abs(sorted[best]! - value)) best = i;
  }
  return best;
}

export interface Bar {
  name: string;
  value: number;
  text: string;
  tone?: "bad" | undefined;
}

export function BarChart({ label, bars, tickTexts, format, height = 150 }: {
  label: string;
  bars: Bar[];
  tickTexts: (string | null)[];
  format: (value: number) => string;
  height?: number;
}) {
  const [ref, width] = useWidth();
  const [cursor, setCursor] = useState<number | null>(null);
  const high = Math.max(1, ...bars.map((bar) => bar.value));
  const marks = ticks(0, high, 3);
  const frame: Frame = { width, height, left: leftOf(marks, format), right: 4, top: 10, bottom: 24 };
  const y = scale(0, Math.max(high, marks[marks.length - 1]!), height - frame.bottom, frame.top);
  const slot = (width - frame.left - frame.right) / Math.max(1, bars.length);
  const index = Math.min(cursor ?? bars.length - 1, bars.length - 1);
  const here = bars[index];
  if (!here) return <p class="muted">Nothing to draw yet.</p>;
  const below = tickTexts.flatMap((text, i): BelowText[] => (text === null ? [] : [{ x: frame.left + i * slot, text, anchor: "start" }]));
  const readout = (
    <>
      <span class="readout-x">{here.name}</span>
      <b>{here.text}</b>
    </>
  );
  return (
    <Plot
      label={label} box={ref} frame={frame} y={y} marks={marks} format={format} below={below}
      places={bars.length} place={index} placeAt={slotAt(frame, slot)} onPlace={setCursor} readout={readout}
    >
      {bars.map((bar, i) => (
        <rect
          key={bar.name}
          class={`bar${bar.tone ? ` bar-${bar.tone}` : ""}${i === index ? " bar-here" : ""}`}
          x={frame.left + i * slot + Math.min(2, slot * 0.12)}
          width={Math.max(1, slot - 2 * Math.min(2, slot * 0.12))}
          y={y.at(bar.value)}
          height={Math.max(0, y.at(0) - y.at(bar.value))}
        />
      ))}
    </Plot>
  );
}

/** The slot at so many pixels from the left. */
function slotAt(frame: Frame, slot: number) {
  return (px: number) => Math.floor((px - frame.left) / slot);
}

/** Values with their intervals at named places, held against what is needed. */
export function IntervalChart({ label, cells, need, format, chosen, onChoose }: {
  label: string;
  cells: { name: string; value: number | null; low: number | null; high: number | null; tone: string }[];
  need: { at: number; text: string } | null;
  format: (value: number) => string;
  chosen: number;
  onChoose: (index: number) => void;
}) {
  const [ref, width] = useWidth();
  const height = 190;
  const known = cells.flatMap((c) => [c.value, c.low, c.high]).filter((v): v is number => v !== null);
  if (known.length === 0) return <p class="muted">No value in any window yet.</p>;
  if (need) known.push(need.at);
  const pad = (Math.max(...known) - Math.min(...known)) * 0.12 || Math.abs(known[0]!) * 0.1 || 0.01;
  const marks = ticks(Math.min(...known) - pad, Math.max(...known) + pad, 4);
  const frame: Frame = { width, height, left: leftOf(marks, format), right: 8, top: 14, bottom: 26 };
  const y = scale(Math.min(...known) - pad, Math.max(...known) + pad, height - frame.bottom, frame.top);
  const slot = (width - frame.left - frame.right) / cells.length;
  const at = (i: number) => frame.left + (i + 0.5) * slot;
  return (
    <div class="chart" ref={ref} style={{ height: `${height}px` }}>
      <svg width={width} height={height} role="img" aria-label={label}>
        <YAxis frame={frame} y={y} marks={marks} format={format} />
        <rect class="chosen-slot" x={at(chosen) - slot / 2} width={slot} y={frame.top - 6} height={height - frame.bottom - frame.top + 12} rx="4" />
        {need && (
          <g class="need">
            <line x1={frame.left} x2={width - frame.right} y1={y.at(need.at)} y2={y.at(need.at)} />
            <text x={frame.left + 2} y={y.at(need.at) - 5}>{need.text}</text>
          </g>
        )}
        <path class="line faint" d={pieces(cells.map((c, i) => [i, c.value]), { low: 0, high: 1, at }, y)} />
        {cells.map((cell, i) => (
          <g key={cell.name} class={`interval interval-${cell.tone}`} onClick={() => onChoose(i)}>
            <rect x={at(i) - slot / 2} width={slot} y={0} height={height} fill="transparent" />
            {cell.low !== null && cell.high !== null && <line x1={at(i)} x2={at(i)} y1={y.at(cell.low)} y2={y.at(cell.high)} />}
            {cell.value !== null && <circle cx={at(i)} cy={y.at(cell.value)} r="4" />}
            <text x={at(i)} y={height - 7} text-anchor="middle">{cell.name}</text>
          </g>
        ))}
      </svg>
    </div>
  );
}

/** Shares of two samples over the same bins: the baseline as an outline, the window filled. */
export function HistogramPair({ label, baseline, window, names, height = 180 }: {
  label: string;
  baseline: number[];
  window: number[];
  names: string[];
  height?: number;
}) {
  const [ref, width] = useWidth();
  const [cursor, setCursor] = useState<number | null>(null);
  const bins = Math.max(baseline.length, window.length);
  const high = Math.max(0.001, ...baseline, ...window);
  const marks = ticks(0, high, 3);
  const frame: Frame = { width, height, left: 52, right: 4, top: 10, bottom: 26 };
  const y = scale(0, high, height - frame.bottom, frame.top);
  const slot = (width - frame.left - frame.right) / Math.max(1, bins);
  const outline = [...Array(bins).keys()].flatMap((i): [number, number][] => [
    [frame.left + i * slot, y.at(baseline[i] ?? 0)],
    [frame.left + (i + 1) * slot, y.at(baseline[i] ?? 0)],
  ]);
  const shift = [...Array(bins).keys()].sort((a, b) => diff(b) - diff(a))[0] ?? 0;
  function diff(i: number) {
    return Math.abs((window[i] ?? 0) - (baseline[i] ?? 0));
  }
  const index = cursor ?? shift;
  const share = (value: number | undefined) => `${(100 * (value ?? 0)).toFixed(1)} %`;
  const shown = Math.max(1, Math.ceil((bins * 64) / Math.max(200, width)));
  const below = names.flatMap((name, i): BelowText[] =>
    i % shown === 0 ? [{ x: frame.left + (i + 0.5) * slot, text: shorten(name), anchor: "middle" }] : [],
  );
  const readout = (
    <>
      <span class="readout-x">{names[index]}</span>
      <span class="key"><i class="swatch swatch-outline" />baseline <b>{share(baseline[index])}</b></span>
      <span class="key"><i class="swatch series-0" />window <b>{share(window[index])}</b></span>
    </>
  );
  return (
    <Plot
      label={label} box={ref} frame={frame} y={y} marks={marks} format={(v) => `${Number((100 * v).toFixed(1))} %`} below={below}
      places={bins} place={index} placeAt={slotAt(frame, slot)} onPlace={setCursor} readout={readout}
    >
      {window.map((value, i) => (
        <rect
          key={i}
          class={`bar${i === index ? " bar-here" : ""}`}
          x={frame.left + i * slot + 0.5}
          width={Math.max(1, slot - 1)}
          y={y.at(value)}
          height={y.at(0) - y.at(value)}
        />
      ))}
      <path class="outline" d={path(outline)} />
    </Plot>
  );
}

function shorten(name: string): string {
  const first = name.split(" – ")[0] ?? name;
  return first.length > 9 ? `${first.slice(0, 8)}…` : first;
}

/** One value with its interval on the axis of its column. */
export function Whisker({ value, low, high, from, to, line }: {
  value: number | null;
  low: number | null;
  high: number | null;
  from: number;
  to: number;
  line: number | null;
}) {
  const x = scale(from, to, 4, 116);
  return (
    <svg class="whisker" width="120" height="16" aria-hidden="true">
      {line !== null && <line class="whisker-line" x1={x.at(line)} x2={x.at(line)} y1="0" y2="16" />}
      {low !== null && high !== null && <line class="whisker-span" x1={x.at(low)} x2={x.at(high)} y1="8" y2="8" />}
      {value !== null && <circle cx={x.at(value)} cy="8" r="3" />}
    </svg>
  );
}
