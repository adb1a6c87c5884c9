// All runs of an experiment in the page's memory: a few words of each, and whole columns where an order needs them.
// So the table scrolls, sorts and finds names without asking anybody. Details are read for the rows that are seen.
import { ApiError } from "./api";
import type { Column } from "./run_order";
import { orderOfMetric, orderOfValues } from "./run_order";
import type { Row, TableState } from "./tracking";
import { readLines, readMatches, readMetric, readRows, readTexts } from "./tracking";

const kFirstPage = 200; // what is seen at once
const kPage = 20_000;
const kRowsAtOnce = 100;
const kRowsKept = 4000;
const kKnownMs = 10_000; // as long a column is taken for fresh

const kBetween = "\u0000";

/** Where the next text begins behind each, when they are joined. */
function endsOf(texts: string[]): Uint32Array {
  const ends = new Uint32Array(texts.length);
  let at = 0;
  for (let i = 0; i < texts.length; ++i) ends[i] = at += texts[i]!.length + kBetween.length;
  return ends;
}

export type RowsListener = () => void;

/** "metrics.loss" -> ["metrics", "loss"]; a key may hold dots. */
export function splitColumn(column: string): [kind: string, key: string] {
  const dot = column.indexOf(".");
  return dot < 0 ? ["attributes", column] : [column.slice(0, dot), column.slice(dot + 1)];
}

/** True for what is said in the filter language; anything else is part of a name. */
export function isExpression(filter: string): boolean {
  return /[=<>]|\b(i?like|in|is)\b\s*['"(n]/i.test(filter) && /^\s*[\w"`.]/.test(filter);
}

const kClause = /^\s*(\w+\.)?(`[^`]+`|"[^"]+"|[\w./-]+)\s*((<=|>=|!=|=|<|>)\s*('[^']*'|"[^"]*"|-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)|\s(i?like)\s*('[^']*'|"[^"]*")|\s(not\s+)?in\s*\(.*\)|\sis\s+(not\s+)?null)\s*$/i;

/** False while a clause is being typed, as far as that can be seen; what is sent the server judges. */
function isWhole(filter: string): boolean {
  // Quoted texts may hold an AND.
  const quotes: string[] = [];
  const bare = filter.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, (text) => `${text[0]}${quotes.push(text) - 1}${text[0]}`);
  return bare.split(/\sand\s/i).every((clause) => kClause.test(clause));
}

export class RunIndex {
  numbers: number[] = [];
  ids: string[] = [];
  names: string[] = [];
  statuses: string[] = [];
  started: number[] = [];
  ended: (number | null)[] = [];
  complete = false;
  error: ApiError | null = null;
  filterError: string | null = null;
  filtering = false;
  sorting = false;
  /** Places in the arrays above, as the table shows them. */
  view: Uint32Array = new Uint32Array(0);

  private lookup = { base: 0, places: new Int32Array(0), size: 0 }; // by number, less the base: its place and 1
  private rows = new Map<string, Row>();
  private columns = new Map<string, Column>();
  private gone = new Set<number>(); // places
  private lower: string[] = [];
  private joined: { text: string; ends: Uint32Array } | null = null; // of `lower`; null: not up to date
  private listeners = new Set<RowsListener>();
  private state: TableState = {};
  private matches: Uint8Array | null = null;
  private asked: AbortController | null = null;
  private askedFilter = "";
  private closed = false;
  private wanted: string[] = [];
  private reading = false;

  constructor(
    readonly experiment: string,
    readonly stage: "active" | "deleted",
  ) {
    void this.load();
  }

  listen(listener: RowsListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
  close() {
    this.closed = true;
    this.asked?.abort();
  }
  private tell() {
    for (const listener of this.listeners) listener();
  }

  get size() {
    return this.ids.length - this.gone.size;
  }
  row(id: string): Row | undefined {
    return this.rows.get(id);
  }
  placeOf(id: string): number {
    return this.ids.indexOf(id);
  }

  private async load() {
    try {
      let limit = kFirstPage;
      for (;;) {
        const last = this.ids.length - 1;
        const query: Record<string, string> = { stage: this.stage, limit: String(limit) };
        if (last >= 0) query.before = `${this.started[last]},${this.ids[last]}`;
        const lines = await readLines(this.experiment, query);
        if (this.closed) return;
        this.append(lines);
        if (lines.ids.length < limit) break;
        this.arrange();
        limit = kPage;
      }
      this.complete = true;
      this.remember();
      this.arrange();
      if (this.askedFilter !== "") this.find(this.askedFilter);
    } catch (error) {
      this.error = error instanceof ApiError ? error : new ApiError(0, String(error));
      this.tell();
    }
  }

  private append(lines: { numbers: number[]; ids: string[]; names: string[]; statuses: string[]; started: number[]; ended: (number | null)[] }) {
    const known = this.placeByNumber();
    for (let i = 0; i < lines.ids.length; ++i) {
      if (known(lines.numbers[i]!) >= 0) continue;
      this.numbers.push(lines.numbers[i]!);
      this.ids.push(lines.ids[i]!);
      this.names.push(lines.names[i]!);
      this.lower.push(`${lines.names[i]!.toLowerCase()}\n${lines.ids[i]!}`);
      this.joined = null;
      this.statuses.push(lines.statuses[i]!);
      this.started.push(lines.started[i]!);
      this.ended.push(lines.ended[i] ?? null);
    }
  }
  /** Where the run of a number stands; -1: it is not here. Good until the next append. */
  private placeByNumber(): (number: number) => number {
    if (this.lookup.size !== this.numbers.length) {
      let [least, most] = [Infinity, 0];
      for (const number of this.numbers) {
        if (number < least) least = number;
        if (number > most) most = number;
      }
      const places = new Int32Array(most - least + 1);
      for (let i = 0; i < this.numbers.length; ++i) places[this.numbers[i]! - least] = i + 1;
      this.lookup = { base: least, places, size: this.numbers.length };
    }
    const { base, places } = this.lookup;
    return (number) => (places[number - base] ?? 0) - 1;
  }
  private remember() {
    this.maxNumber = this.numbers.reduce((most, n) => Math.max(most, n), 0);
  }
  private maxNumber = 0;

  // ---- what is shown ----

  show(state: TableState) {
    const before = this.state;
    this.state = state;
    const filter = (state.filter ?? "").trim();
    if (isExpression(filter)) {
      if (filter !== this.askedFilter && isWhole(filter)) this.find(filter);
      else if (filter !== this.askedFilter) this.filterError = "This is not finished: name, comparison, value, AND …";
    } else {
      this.asked?.abort();
      this.askedFilter = "";
      this.matches = null;
      this.filtering = false;
      this.filterError = null;
    }
    if (before.sort !== state.sort && state.sort) void this.need(state.sort);
    this.arrange();
  }

  private find(filter: string) {
    this.askedFilter = filter;
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    this.filtering = true;
    void readMatches(this.experiment, filter, this.stage, asked.signal)
      .then((numbers) => {
        const matches = new Uint8Array(this.ids.length);
        const placeOf = this.placeByNumber();
        for (const number of numbers) {
          const place = placeOf(number);
          if (place >= 0) matches[place] = 1;
        }
        this.matches = matches;
        this.filterError = null;
      })
      .catch((error: unknown) => {
        if (asked.signal.aborted) return;
        this.filterError = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        if (asked.signal.aborted) return;
        this.filtering = false;
        this.arrange();
      });
  }

  /** Which runs, in which order. */
  private arrange() {
    const filter = (this.state.filter ?? "").trim().toLowerCase();
    const text = filter !== "" && !isExpression(filter) && !/^(metrics|params|tags|attributes)\./.test(filter) ? filter : "";
    const named = text === "" ? null : this.named(text);
    const fits = (i: number) =>
      (this.matches === null || this.matches[i] === 1) && (named === null || named[i] === 1) && (this.gone.size === 0 || !this.gone.has(i));
    const { sort, descending } = this.state;
    const kept = new Uint32Array(this.ids.length);
    let count = 0;
    const column = sort && sort !== "start_time" ? this.columnFor(sort) : null;
    if (column) {
      const { order, starts, numbers } = column;
      const take = (from: number, to: number) => {
        for (let i = from; i < to; ++i) if (fits(order[i]!)) kept[count++] = order[i]!;
      };
      // Downwards too, the newest of equals comes first.
      if (descending) for (let end = numbers; end > 0; end = starts[end - 1]!) take(starts[end - 1]!, end);
      else take(0, numbers);
      take(numbers, order.length);
    }
    // Runs that came after the column was read follow.
    for (let i = column ? column.order.length : 0; i < this.ids.length; ++i) if (fits(i)) kept[count++] = i;
    this.view = column ? kept.subarray(0, count) : this.byStart(kept.subarray(0, count), sort === "start_time" && !descending);
    this.tell();
  }

  /** Marks the runs that hold the text: one search through all names at once, since a search for each is ten times as slow. */
  private named(text: string): Uint8Array {
    this.joined ??= { text: this.lower.join(kBetween), ends: endsOf(this.lower) };
    const { text: all, ends } = this.joined;
    const marks = new Uint8Array(this.lower.length);
    let place = 0;
    for (let at = all.indexOf(text); at >= 0; at = all.indexOf(text, ends[place - 1]!)) {
      while (ends[place]! <= at) ++place;
      marks[place++] = 1;
      if (place >= ends.length) break;
    }
    return marks;
  }

  /** Newest first is how they come. */
  private byStart(places: Uint32Array, oldest: boolean): Uint32Array {
    const way = oldest ? 1 : -1;
    const { started, numbers } = this;
    const isOrdered = () => {
      for (let i = 1; i < places.length; ++i) if ((started[places[i]!]! - started[places[i - 1]!]!) * way < 0) return false;
      return true;
    };
    if (oldest) places.reverse();
    return isOrdered() ? places : places.sort((a, b) => way * (started[a]! - started[b]!) || way * (numbers[a]! - numbers[b]!));
  }

  private columnFor(name: string): Column | null {
    const [kind, key] = splitColumn(name);
    const known = this.columns.get(name);
    if (kind !== "attributes") return known ?? null;
    if (known && known.values.length === this.ids.length && performance.now() - known.loadedAt < kKnownMs) return known;
    const now = Date.now();
    const values = key === "duration" ? this.started.map((at, i) => (this.ended[i] ?? now) - at) : [...(key === "status" ? this.statuses : key === "id" ? this.ids : this.names)];
    const column = orderOfValues(values, key === "duration");
    this.columns.set(name, column);
    return column;
  }

  private coming = new Map<string, Promise<void>>();

  /** Reads a column for an order; `early` before anybody waits for it. */
  async need(name: string, early = false): Promise<void> {
    const [kind, key] = splitColumn(name);
    if (kind === "attributes") return;
    const known = this.columns.get(name);
    if (known && known.values.length === this.ids.length && performance.now() - known.loadedAt < kKnownMs) return;
    if (!early) {
      this.sorting = true;
      this.tell();
    }
    const reading = this.coming.get(name) ?? this.readWhole(name, kind, key);
    this.coming.set(name, reading);
    await reading;
    this.coming.delete(name);
    if (early) return;
    this.sorting = false;
    this.arrange();
  }

  private async readWhole(name: string, kind: string, key: string) {
    try {
      while (!this.complete && !this.error && !this.closed) await new Promise((resolve) => setTimeout(resolve, 10));
      if (kind === "metrics") {
        const { numbers, values } = await readMetric(this.experiment, key);
        if (!this.closed) this.columns.set(name, orderOfMetric(numbers, values, this.placeByNumber(), this.ids.length));
        return;
      }
      const read = await readTexts(this.experiment, kind === "params" ? "param" : "tag", key);
      if (this.closed) return;
      const values = new Array<string | undefined>(this.ids.length);
      const placeOf = this.placeByNumber();
      read.numbers.forEach((number, i) => {
        const place = placeOf(number);
        if (place >= 0) values[place] = read.values[i]!;
      });
      const numeric = read.values.every((v) => v !== "" && Number.isFinite(Number(v)));
      this.columns.set(name, orderOfValues(values, numeric));
    } catch {
      // The order stays as it was.
    }
  }

  /** What a column says of a run, if that is known without its row. */
  cell(name: string, place: number): number | string | null | undefined {
    return this.columns.get(name)?.values[place];
  }

  // ---- details of what is seen ----

  /** Reads rows that are not known yet, or all of them anew. */
  see(ids: string[], anew = false) {
    this.wanted = anew ? ids : ids.filter((id) => !this.rows.has(id));
    if (this.wanted.length > 0 && !this.reading) void this.readWanted();
  }
  private async readWanted() {
    this.reading = true;
    while (this.wanted.length > 0 && !this.closed) {
      const batch = this.wanted.slice(0, kRowsAtOnce);
      this.wanted = this.wanted.slice(kRowsAtOnce);
      try {
        this.take(await readRows(this.experiment, batch));
      } catch {
        break; // the next look tries again
      }
    }
    this.reading = false;
  }
  private take(rows: Row[]) {
    if (this.rows.size > kRowsKept) this.rows.clear();
    let moved = false;
    for (const row of rows) {
      this.rows.set(row.id, row);
      const place = this.places().get(row.id);
      if (place === undefined) continue;
      if (row.stage !== this.stage && !this.gone.has(place)) {
        this.gone.add(place);
        moved = true;
      }
      if (this.names[place] !== row.name) {
        this.names[place] = row.name;
        this.lower[place] = `${row.name.toLowerCase()}\n${row.id}`;
        this.joined = null;
      }
      this.statuses[place] = row.status;
      this.ended[place] = row.ended;
    }
    if (moved) this.arrange();
    else this.tell();
  }
  private byId: Map<string, number> | null = null;
  private places(): Map<string, number> {
    if (this.byId === null || this.byId.size !== this.ids.length) this.byId = new Map(this.ids.map((id, i) => [id, i]));
    return this.byId;
  }

  /** Runs that were made meanwhile, and what is seen as it is now. */
  async refresh(seen: string[]) {
    if (!this.complete || this.closed) return;
    this.see(seen, true);
    if (this.stage === "deleted") return;
    try {
      const lines = await readLines(this.experiment, { after: String(this.maxNumber) });
      if (this.closed || lines.ids.length === 0) return;
      this.append(lines);
      this.remember();
      if (this.state.sort) {
        const old = this.columns.get(this.state.sort);
        if (old) {
          old.loadedAt = 0;
          void this.need(this.state.sort);
        }
      }
      if (this.askedFilter !== "") this.find(this.askedFilter);
      this.arrange();
    } catch {
      // asked again soon
    }
  }

  /** Runs that were deleted or restored here. */
  drop(ids: string[]) {
    for (const id of ids) {
      const place = this.places().get(id);
      if (place !== undefined) this.gone.add(place);
    }
    this.arrange();
  }
}
