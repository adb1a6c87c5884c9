// Numbers that only grow, as rates and percentiles: what happened between two readings of a counter or a histogram.
import type { HistogramReading, ServingReading, VersionReading } from "./records/endpoints";

const kWindowMs = 60_000; // what "now" means
const kKeptMs = 300_000; // what a chart shows
const kReadingsMax = 400;

/** One reading with its time in milliseconds. */
export interface Sample {
  at: number;
  versions: Map<number, VersionReading>;
}

const histories = new Map<string, Sample[]>();

/** The readings of an endpoint so far, oldest first, this one added. */
export function remember(endpoint: string, reading: ServingReading): Sample[] {
  const samples = histories.get(endpoint) ?? [];
  const at = Date.parse(reading.at);
  if (samples.length === 0 || samples[samples.length - 1]!.at < at) {
    samples.push({ at, versions: new Map(reading.versions.map((v) => [v.version, v])) });
    while (samples.length > kReadingsMax || samples[0]!.at < at - kKeptMs) samples.shift();
    histories.set(endpoint, samples);
  }
  return samples;
}

/** What came between two values; a server that began anew counts from nothing. */
function grown(after: number, before: number): number {
  return after >= before ? after - before : after;
}

export function sizeOf(histogram: HistogramReading | undefined): number {
  return histogram ? histogram.counts.reduce((sum, n) => sum + n, 0) : 0;
}

export function histogramBetween(after: HistogramReading | undefined, before: HistogramReading | undefined): HistogramReading | undefined {
  if (!after || !before || after.bounds.length !== before.bounds.length || sizeOf(after) < sizeOf(before)) return after;
  return {
    bounds: after.bounds,
    counts: after.counts.map((n, i) => Math.max(0, n - (before.counts[i] ?? 0))),
    sum: Math.max(0, after.sum - before.sum),
  };
}

/** The share-th value, between the bounds of its bucket as Prometheus does it; above the last bound that bound. */
export function quantile(histogram: HistogramReading | undefined, share: number): { value: number; above: boolean } | null {
  const size = sizeOf(histogram);
  if (!histogram || size === 0) return null;
  let before = 0;
  for (let i = 0; i < histogram.counts.length; ++i) {
    const here = histogram.counts[i]!;
    if (before + here >= share * size && here > 0) {
      const high = histogram.bounds[i];
      if (high === undefined) return { value: histogram.bounds[histogram.bounds.length - 1] ?? 0, above: true };
      const low = i === 0 ? 0 : histogram.bounds[i - 1]!;
      return { value: low + ((share * size - before) / here) * (high - low), above: false };
    }
    before += here;
  }
  return null;
}

export type Counter = "requests" | "refused" | "failures" | "rows" | "cache_hits" | "cache_misses";

/** A version over the last minute, or since its servers began while there is nothing to hold it against. */
export interface Now {
  recent: boolean;
  seconds: number; // that `per` is over; 0: not known
  count: (counter: Counter) => number;
  stage: (name: string) => HistogramReading | undefined;
  batches: HistogramReading | undefined; // since the servers began, as rejections are
  rejections: Record<string, number>;
}

export function nowOf(samples: Sample[], version: number): Now {
  const last = samples[samples.length - 1];
  const after = last?.versions.get(version);
  const first = samples.find((sample) => sample.at >= (last?.at ?? 0) - kWindowMs);
  const earlier = first && first !== last ? first : undefined;
  const before = earlier?.versions.get(version);
  // A version that is new since then did everything since then.
  const seconds = earlier && last ? (last.at - earlier.at) / 1000 : 0;
  const count = (counter: Counter) => grown(after?.[counter] ?? 0, before?.[counter] ?? 0);
  const recent = seconds > 0 && count("requests") > 0;
  const base = recent ? before : undefined;
  return {
    recent,
    seconds,
    count: (counter) => (seconds > 0 ? count(counter) : (after?.[counter] ?? 0)),
    stage: (name) => histogramBetween(after?.stages[name], base?.stages[name]),
    batches: after?.batch_rows,
    rejections: after?.rejections ?? {},
  };
}

/** Requests or rows a second between each reading and the one before: [seconds before the last, rate]. */
export function ratesOf(samples: Sample[], version: number, counter: Counter): [number, number | null][] {
  const last = samples[samples.length - 1]?.at ?? 0;
  return samples.slice(1).map((sample, i) => {
    const earlier = samples[i]!;
    const seconds = (sample.at - earlier.at) / 1000;
    const after = sample.versions.get(version)?.[counter] ?? 0;
    const before = earlier.versions.get(version)?.[counter] ?? 0;
    // A page that was not looked at has asked nothing meanwhile.
    return [(sample.at - last) / 1000, seconds > 30 ? null : grown(after, before) / Math.max(0.001, seconds)];
  });
}
