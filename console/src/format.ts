// Numbers and times as people read them. Thousands get commas, shares a percent sign, times say their zone.
const kShares = new Set([
  "saving", "precision", "recall", "accuracy", "flagged_share", "positive_share", "mean_predicted", "f1", "mape",
  "error_rate", "missing_share",
]);

export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** 1,234,567 -> "1.2 M", where space is short. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim((value / 1e9).toFixed(1))} G`;
  if (size >= 1e6) return `${trim((value / 1e6).toFixed(1))} M`;
  if (size >= 1e4) return `${trim((value / 1e3).toFixed(0))} k`;
  if (size >= 1e3) return `${trim((value / 1e3).toFixed(1))} k`;
  return trim(value.toFixed(size < 10 && value % 1 !== 0 ? 1 : 0));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

export function isShare(metric: string): boolean {
  return kShares.has(metric.slice(metric.lastIndexOf(".") + 1));
}

export function isTime(metric: string): boolean {
  return metric.startsWith("latency") || metric.endsWith(".age");
}

const kLowerIsBetter = /^(ece|log_loss|brier|rmse|mae|mape|rmsle|latency|error_rate|cost_)|absolute_error|\.age$/;
export function isLowerBetter(metric: string): boolean {
  return kLowerIsBetter.test(metric);
}

export function metric(name: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (isTime(name)) return duration(value);
  if (isShare(name)) return percent(value);
  if (Number.isInteger(value)) return count(value);
  return number(value);
}

/** 0.2 and not 0.200: a number that somebody chose. */
export function given(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Three digits that count. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.01 || size === 0) return value.toFixed(3);
  return value.toPrecision(2);
}

export function money(amount: number, currency: string): string {
  const size = Math.abs(amount);
  const unit = currency || "";
  if (size >= 1e6) return `${(amount / 1e6).toFixed(2)} M${unit}`;
  if (size >= 1e4) return `${(amount / 1e3).toFixed(0)} k${unit}`;
  return `${count(amount)} ${unit}`.trim();
}

export function bytes(size: number): string {
  if (size >= 1 << 30) return `${(size / (1 << 30)).toFixed(1)} GiB`;
  if (size >= 1 << 20) return `${(size / (1 << 20)).toFixed(1)} MiB`;
  if (size >= 1 << 10) return `${(size / (1 << 10)).toFixed(0)} KiB`;
  return `${size} B`;
}

/** "85 µs", "0.31 ms", "12.5 ms", "1,250 ms": latencies. */
export function milliseconds(value: number | null): string {
  if (value === null) return "–";
  if (value < 0.1) return `${(1000 * value).toFixed(0)} µs`;
  if (value < 1) return `${value.toFixed(2)} ms`;
  return value < 100 ? `${value.toFixed(1)} ms` : `${count(value)} ms`;
}

export function duration(seconds: number): string {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

export function between(from: string | null, to: string | null): number | null {
  if (!from) return null;
  return ((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000;
}

const kMonths = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** "22 Nov 2026, 02:54 UTC". */
export function moment(text: string | null): string {
  if (!text) return "–";
  const at = new Date(text);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${day(text)}, ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
}

/** "14:32:25", UTC. */
export function timeOfDay(text: string): string {
  return new Date(text).toISOString().slice(11, 19);
}

/** "22 Nov 2026", of the UTC day. */
export function day(text: string): string {
  const at = new Date(text);
  return `${at.getUTCDate()} ${kMonths[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** "22 Nov". */
export function shortDay(text: string): string {
  const at = new Date(text);
  return `${at.getUTCDate()} ${kMonths[at.getUTCMonth()]}`;
}

/** "13 – 20 May 2013": a window, whose end is not in it. */
export function span(from: string, to: string): string {
  const last = new Date(Date.parse(to) - 1000).toISOString();
  if (Date.parse(to) - Date.parse(from) <= 7200_000) return moment(from);
  if (day(from) === day(last)) return day(from);
  const sameYear = from.slice(0, 4) === last.slice(0, 4);
  return `${sameYear ? shortDay(from) : day(from)} – ${day(last)}`;
}

/** "sha256:1a2b3c4d…" */
export function digest(text: string): string {
  return text.replace(/^sha256:/, "").slice(0, 12);
}

/** Ids in a text, as far as they are needed to tell them apart. */
export function shortIds(text: string): string {
  return text.replace(/([0-9a-f]{12})[0-9a-f]{20}/g, "$1");
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A moment of milliseconds, as MLflow's clients send them. */
export function milli(at: number): string {
  return moment(new Date(at).toISOString());
}

const two = (n: number) => String(n).padStart(2, "0");

/** "22 Nov 14:32", with its year when that is not this one; UTC. */
export function shortMilli(at: number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "–";
  const year = date.getUTCFullYear() === new Date().getUTCFullYear() ? "" : ` ${date.getUTCFullYear()}`;
  return `${date.getUTCDate()} ${kMonths[date.getUTCMonth()]}${year} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** A logged value: five digits that count, exponents where they are shorter. */
export function value(of: number | null | undefined): string {
  if (of === undefined) return "";
  if (of === null || Number.isNaN(of)) return "NaN";
  if (Number.isInteger(of) && Math.abs(of) < 1e9) return count(of);
  const size = Math.abs(of);
  if (size >= 1e6 || size < 1e-4) return of.toExponential(3);
  if (size >= 1000) return of.toLocaleString("en-US", { maximumFractionDigits: 1 });
  return String(Number(of.toPrecision(5)));
}

/** A length of time in one or two words, for columns. */
export function shortDuration(seconds: number): string {
  if (seconds < 60) return duration(seconds);
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} m`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

/** How much more or less: "+0.0035". */
export function change(by: number): string {
  return `${by > 0 ? "+" : "−"}${Number.isInteger(by) ? count(Math.abs(by)) : String(Number(Math.abs(by).toPrecision(3)))}`;
}

/** A text as one word of a shell. */
export function shellWord(text: string): string {
  return /^[\w@:.#/%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
