// All runs of an experiment in the page's memory: a few words of each, and whole columns where an order needs them.
// So the table scrolls, sorts and finds names without asking anybody. Details are read for the rows that are seen.
import { ApiError } from "./api";
import type { Row, TableState } from "./tracking";
import { readColumn, readLines, readMatches, readRows } from "./tracking";

const kFirstPage = 200; // what is seen at once
const kPage = 20_000;
const kRowsAtOnce = 100;
const kRowsKept = 4000;

/** A column over all runs; a value that is missing sorts last, a NaN before it. */
interface Column {
  keys: Float64Array | null; // for numbers: what is compared; NaN stands for both
  texts: (string | undefined)[] | null;
  rank: Uint8Array; // 0 a value, 1 NaN, 2 missing
  loadedAt: number;
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

  private place = new Map<number, number>();
  private rows = new Map<string, Row>();
  private columns = new Map<string, Column>();
  private gone = new Set<number>(); // places
  private lower: string[] = [];
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
    for (let i = 0; i < lines.ids.length; ++i) {
      if (this.place.has(lines.numbers[i]!)) continue;
      this.place.set(lines.numbers[i]!, this.ids.length);
      this.numbers.push(lines.numbers[i]!);
      this.ids.push(lines.ids[i]!);
      this.names.push(lines.names[i]!);
      this.lower.push(`${lines.names[i]!.toLowerCase()}\n${lines.ids[i]!}`);
      this.statuses.push(lines.statuses[i]!);
      this.started.push(lines.started[i]!);
      this.ended.push(lines.ended[i] ?? null);
    }
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
        for (const number of numbers) {
          const place = this.place.get(number);
          if (place !== undefined) matches[place] = 1;
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
    const kept = new Uint32Array(this.ids.length);
    let count = 0;
    for (let i = 0; i < this.ids.length; ++i) {
      if (this.matches !== null && this.matches[i] !== 1) continue;
      if (text !== "" && !this.lower[i]!.includes(text)) continue;
      if (this.gone.size > 0 && this.gone.has(i)) continue;
      kept[count++] = i;
    }
    this.view = this.sorted(kept.subarray(0, count));
    this.tell();
  }

  private sorted(places: Uint32Array): Uint32Array {
    const { sort, descending } = this.state;
    const sign = descending ? -1 : 1;
    if (!sort || sort === "start_time") {
      // Newest first is how they come.
      const newest = sort ? !!descending : true;
      const way = newest ? -1 : 1;
      const { started, numbers } = this;
      let ordered = true;
      for (let i = 1; i < places.length && ordered; ++i) ordered = (started[places[i]!]! - started[places[i - 1]!]!) * way >= 0;
      return ordered ? places : places.sort((a, b) => way * (started[a]! - started[b]!) || way * (numbers[a]! - numbers[b]!));
    }
    const column = this.columnFor(sort);
    if (!column) return places;
    const { rank, keys, texts } = column;
    if (keys) return places.sort((a, b) => rank[a]! - rank[b]! || (rank[a] === 0 ? sign * (keys[a]! - keys[b]!) : 0) || a - b);
    return places.sort((a, b) => rank[a]! - rank[b]! || (rank[a] === 0 ? sign * compareText(texts![a]!, texts![b]!) : 0) || a - b);
  }

  private columnFor(name: string): Column | null {
    const [kind, key] = splitColumn(name);
    if (kind !== "attributes") return this.columns.get(name) ?? null;
    const rank = new Uint8Array(this.ids.length);
    if (key === "duration") {
      const keys = new Float64Array(this.ids.length);
      const now = Date.now();
      for (let i = 0; i < keys.length; ++i) keys[i] = (this.ended[i] ?? now) - this.started[i]!;
      return { keys, texts: null, rank, loadedAt: 0 };
    }
    return { keys: null, texts: key === "status" ? this.statuses : key === "run_id" ? this.ids : this.names, rank, loadedAt: 0 };
  }

  private coming = new Map<string, Promise<void>>();

  /** Reads a column for an order; `early` before anybody waits for it. */
  async need(name: string, early = false): Promise<void> {
    const [kind, key] = splitColumn(name);
    if (kind === "attributes") return;
    const known = this.columns.get(name);
    if (known && known.rank.length === this.ids.length && performance.now() - known.loadedAt < 10_000) return;
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
      const read = await readColumn(this.experiment, kind.replace(/s$/, ""), key);
      if (this.closed) return;
      this.columns.set(name, this.columnOf(kind, read));
    } catch {
      // The order stays as it was.
    }
  }

  private columnOf(kind: string, read: { numbers: number[]; values: (number | string | null)[] }): Column {
    const size = this.ids.length;
    const rank = new Uint8Array(size).fill(2);
    const numeric = kind === "metrics" || read.values.every((v) => v !== null && v !== "" && Number.isFinite(Number(v)));
    const keys = numeric ? new Float64Array(size).fill(NaN) : null;
    const texts = numeric ? null : new Array<string | undefined>(size);
    for (let i = 0; i < read.numbers.length; ++i) {
      const place = this.place.get(read.numbers[i]!);
      if (place === undefined) continue;
      const value = read.values[i]!;
      rank[place] = value === null ? 1 : 0;
      if (keys) keys[place] = value === null ? NaN : Number(value);
      else texts![place] = String(value);
    }
    return { keys, texts, rank, loadedAt: performance.now() };
  }

  /** What a column says of a run, if that is known without its row. */
  cell(name: string, place: number): number | string | null | undefined {
    const column = this.columns.get(name);
    if (!column || column.rank[place] === 2 || place >= column.rank.length) return undefined;
    if (column.rank[place] === 1) return null;
    return column.keys ? column.keys[place] : column.texts![place];
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
      this.names[place] = row.name;
      this.lower[place] = `${row.name.toLowerCase()}\n${row.id}`;
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

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
