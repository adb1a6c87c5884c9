// The runs of an experiment as its table shows them: a line of each in the page's memory, and of these the ones that
// fit a filter, in an order. So the table scrolls, sorts and finds names without asking anybody.
import { ApiError } from "./api";
import { clausesOf, isExpression, isWhole, partOfName } from "./filter_text";
import { RunColumns } from "./run_columns";
import { RunLines } from "./run_lines";
import { keepRows, knownRow, RowReader } from "./run_rows";
import type { Row, TableState } from "./tracking";
import { readLines, readMatches } from "./tracking";

const kFirstPage = 200;
const kFirstSeen = 40; // rows, before anybody says which are seen
const kPatienceMs = 80; // that a new outcome waits for its first rows, so that it is drawn once
const kPage = 5_000; // read between two frames
const kPagesOfDrawing = 4; // are read before the table is told
const kSeenMax = 5_000;
const kFreshMs = 10_000; // as long what a clause leaves is taken for what the server would say
const kClausesKept = 12;
const kKeptMs = 60_000; // after it was looked at last

/** Whether the run of a number fits. */
type Fits = (number: number) => boolean;

export class RunIndex {
  readonly lines = new RunLines();
  complete = false;
  error: ApiError | null = null;
  filterError: string | null = null;
  filtering = false;
  /** Places of lines, as the table shows them. */
  view: Uint32Array = new Uint32Array(0);
  /** Counts the outcomes of what was asked for: of each, the beginning is looked at. */
  outcome = 0;

  private gone = new Set<number>(); // places
  private listeners = new Set<() => void>();
  private leftAt = performance.now();
  private state: TableState = {};
  private matches: Fits[] | null = null; // of runs, by clause
  private clauses = new Map<string, { fits: Promise<Fits>; at: number }>();
  private askedFilter = "";
  private asked = 0; // the number of the question that is waited for
  private lastAsked = 0;
  private seen = new Map<string, number>(); // places of the runs that were looked at, so that nobody looks through all
  private awaited: string | null = null; // the column of an order that is not known yet
  private atOnce = kFirstSeen; // rows that are seen
  private held = false; // an outcome waits for its rows
  private loading = false;
  private isWhole!: () => void;
  private readonly columns: RunColumns;
  private readonly rows: RowReader;

  constructor(
    readonly experiment: string,
    readonly stage: "active" | "deleted",
  ) {
    this.columns = new RunColumns(experiment, this.lines, new Promise((resolve) => (this.isWhole = resolve)));
    this.rows = new RowReader(experiment, (rows) => this.take(rows));
    void this.load();
  }

  /** Lines are read while somebody listens. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    void this.load();
    return () => {
      this.listeners.delete(listener);
      this.leftAt = performance.now();
    };
  }
  private tell() {
    for (const listener of this.listeners) listener();
  }
  get isUseful() {
    return this.error === null && (this.listeners.size > 0 || performance.now() - this.leftAt < kKeptMs);
  }

  get size() {
    return this.lines.size - this.gone.size;
  }
  get sorting() {
    return this.awaited !== null;
  }
  /** Whether there is something to show. */
  get begun() {
    return this.complete || this.lines.size > 0;
  }
  row(id: string): Row | undefined {
    return knownRow(id);
  }
  /** Where a run stands; -1: it is not here. */
  placeOf(id: string): number {
    return this.seen.get(id) ?? this.lines.placeOf(id);
  }
  /** What a column says of a run, if that is known without its row. */
  cell(name: string, place: number): number | string | null | undefined {
    return this.columns.of(name)?.cell(place);
  }

  // ---- lines ----

  private async load() {
    if (this.loading || this.complete || this.error) return;
    this.loading = true;
    try {
      await this.loadPages();
    } catch (error) {
      this.error = error instanceof ApiError ? error : new ApiError(0, String(error));
      this.tell();
    }
    this.loading = false;
  }

  private async loadPages() {
    const { lines } = this;
    for (let pages = 0; pages === 0 || this.listeners.size > 0; ++pages) {
      const last = lines.size - 1;
      const limit = last < 0 ? kFirstPage : kPage;
      const query: Record<string, string> = { stage: this.stage, limit: String(limit) };
      if (last >= 0) query.before = `${lines.started[last]},${lines.ids[last]}`;
      if (last < 0) query.rows = String(kFirstSeen);
      const page = await readLines(this.experiment, query);
      if (page.rows) keepRows(page.rows);
      lines.append(page);
      if (page.ids.length < limit) return this.finish();
      if (pages % kPagesOfDrawing === 0) this.arrange();
      if (last < 0) await nextFrame(); // what is seen comes first, then the others
    }
  }

  private finish() {
    this.complete = true;
    this.isWhole();
    this.arrange();
  }

  /** Runs that were made meanwhile, and what is seen as it is now. */
  async refresh(seen: ArrayLike<number>) {
    if (!this.complete) return;
    this.see(seen, true);
    if (this.stage === "deleted") return;
    try {
      const made = await readLines(this.experiment, { after: String(this.lines.newest) });
      if (made.ids.length === 0) return;
      this.lines.append(made);
      if (this.state.sort) void this.need(this.state.sort, true);
      if (this.askedFilter !== "" && !this.filtering) this.find(this.askedFilter, true);
      this.arrange();
    } catch {
      // asked again soon
    }
  }

  /** Runs that were deleted or restored here. */
  drop(ids: string[]) {
    for (const id of ids) {
      const place = this.lines.placeOf(id);
      if (place >= 0) this.gone.add(place);
    }
    this.arrange();
  }

  // ---- rows ----

  /** The runs at these places are looked at; `anew`: what is known of them may have changed. */
  see(places: ArrayLike<number>, anew = false) {
    if (this.seen.size > kSeenMax) this.seen.clear();
    if (places.length > 0) this.atOnce = places.length + 2;
    for (let i = 0; i < places.length; ++i) this.seen.set(this.lines.ids[places[i]!]!, places[i]!);
    this.rows.want(Array.from(places, (place) => this.lines.ids[place]!), anew);
  }

  private take(rows: Row[]) {
    let moved = false;
    for (const row of rows) {
      const place = this.seen.get(row.id);
      if (place === undefined) continue;
      if (row.stage !== this.stage && !this.gone.has(place)) {
        this.gone.add(place);
        moved = true;
      }
      this.lines.update(place, row);
    }
    if (moved) this.arrange();
    else if (!this.held) this.tell();
  }

  // ---- what is shown ----

  show(state: TableState) {
    const before = this.state;
    this.state = state;
    const filter = (state.filter ?? "").trim();
    if (!isExpression(filter)) {
      this.askedFilter = "";
      this.asked = 0;
      this.matches = null;
      this.filtering = false;
      this.filterError = null;
    } else if (filter !== this.askedFilter) {
      if (isWhole(filter)) this.find(filter, false);
      else this.filterError = "This is not finished: name, comparison, value, AND …";
    }
    if (before.sort !== state.sort) {
      this.awaited = null;
      if (state.sort) void this.need(state.sort);
    }
    // What comes soon is shown whole: an order without its filter would be drawn for nothing.
    if (this.isWaiting && this.view.length > 0) return this.tell();
    ++this.outcome;
    this.held = false;
    this.arrange();
  }

  private get isWaiting() {
    return this.filtering || this.sorting;
  }

  /** Shows what was waited for, when nothing else is, with its first rows if they come soon. */
  private async settle() {
    if (this.isWaiting) return;
    const outcome = ++this.outcome;
    this.place();
    this.held = true;
    this.see(this.view.subarray(0, this.atOnce));
    await Promise.race([this.rows.quiet(), new Promise((resolve) => setTimeout(resolve, kPatienceMs))]);
    if (outcome !== this.outcome) return;
    this.held = false;
    this.tell();
  }

  /** `again`: what is shown stays where it is. */
  private find(filter: string, again: boolean) {
    this.askedFilter = filter;
    const asked = (this.asked = ++this.lastAsked);
    this.filtering = !again;
    if (again) this.clauses.clear();
    void Promise.all(clausesOf(filter).map((clause) => this.clause(clause)))
      .then((fits) => {
        if (asked !== this.asked) return;
        this.matches = fits;
        this.filterError = null;
      })
      .catch((error: unknown) => {
        if (asked !== this.asked) return;
        this.filterError = error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        if (asked !== this.asked) return;
        if (again) return this.arrange();
        this.filtering = false;
        void this.settle();
      });
  }

  /** Each is asked for by itself: the server looks at some at once, and whoever adds one waits for that one. */
  private clause(clause: string): Promise<Fits> {
    const known = this.clauses.get(clause);
    if (known && performance.now() - known.at < kFreshMs) return known.fits;
    const asked = { fits: readMatches(this.experiment, clause), at: performance.now() };
    this.clauses.delete(clause); // what was asked last stands last
    this.clauses.set(clause, asked);
    for (const old of this.clauses.keys()) if (this.clauses.size > kClausesKept) this.clauses.delete(old);
    asked.fits.catch(() => this.clauses.get(clause) === asked && this.clauses.delete(clause));
    return asked.fits;
  }

  /** Begins to read what a state needs, before anybody waits for it. */
  prepare({ filter = "", sort }: TableState) {
    if (isExpression(filter) && isWhole(filter)) for (const clause of clausesOf(filter)) void this.clause(clause);
    if (sort) void this.need(sort, true);
  }

  /** Reads a column for an order; `early` before anybody waits for it. An order that is known is shown meanwhile. */
  async need(name: string, early = false): Promise<void> {
    if (this.columns.isFresh(name)) return;
    if (!early && !this.columns.of(name)) {
      this.awaited = name;
      this.tell();
    }
    await this.columns.read(name);
    if (this.awaited === name) {
      this.awaited = null;
      return this.settle();
    }
    if (this.state.sort === name) this.arrange();
  }

  private arrange() {
    this.place();
    this.tell();
  }

  /** Which runs, in which order. */
  private place() {
    const { lines } = this;
    const { sort, descending } = this.state;
    const column = sort && sort !== "start_time" ? this.columns.of(sort) : null;
    const fits = this.fitting();
    const kept = new Uint32Array(lines.size);
    let count = 0;
    if (column) {
      const { order, starts, numbers } = column;
      // Downwards too, the newest of equals comes first.
      for (let end = descending ? numbers : 0, from = 0; end > 0; end = from) {
        from = starts[end - 1]!;
        for (let i = from; i < end; ++i) if (fits[order[i]!] === 1) kept[count++] = order[i]!;
      }
      for (let i = descending ? numbers : 0; i < order.length; ++i) if (fits[order[i]!] === 1) kept[count++] = order[i]!;
    }
    // Runs that came after the column was read follow.
    for (let i = column ? column.order.length : 0; i < lines.size; ++i) if (fits[i] === 1) kept[count++] = i;
    this.view = column ? kept.subarray(0, count) : lines.byStart(kept.subarray(0, count), sort === "start_time" && !descending);
  }

  /** Marks the places of the runs that the filter leaves. */
  private fitting(): Uint8Array {
    const { lines, matches, gone } = this;
    const text = partOfName(this.state.filter ?? "");
    const fits = text === "" ? new Uint8Array(lines.size).fill(1) : lines.named(text);
    for (const clause of matches ?? []) for (let i = 0; i < fits.length; ++i) if (!clause(lines.numbers[i]!)) fits[i] = 0;
    for (const place of gone) fits[place] = 0;
    return fits;
  }
}

/** When what was told is painted; a page that is not seen paints nothing. */
const nextFrame = () => new Promise<void>((resolve) => (document.hidden ? resolve() : requestAnimationFrame(() => setTimeout(resolve))));

let latest: RunIndex | null = null;

/** The runs of an experiment; those that were looked at last are known still, for a while. */
export function runsOf(experiment: string, stage: "active" | "deleted"): RunIndex {
  if (!latest || latest.experiment !== experiment || latest.stage !== stage || !latest.isUseful) latest = new RunIndex(experiment, stage);
  return latest;
}
