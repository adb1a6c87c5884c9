// Whole rows of the runs that are looked at: read when they come into sight, and kept for the next look, whichever page
// it is from.
import type { Row } from "./tracking";
import { readRows } from "./tracking";

const kAtOnce = 100;
const kAsking = 3; // requests under way: who scrolls on need not wait for what was passed
const kKept = 4000;

const known = new Map<string, Row>();

/** As it was when it was read last. */
export const knownRow = (id: string): Row | undefined => known.get(id);

export function keepRows(rows: Row[]) {
  for (const row of rows) {
    known.delete(row.id); // what was read last stands last
    known.set(row.id, row);
  }
  for (const id of known.keys()) {
    if (known.size <= kKept) break;
    known.delete(id);
  }
}

export class RowReader {
  private wanted: string[] = [];
  private coming = new Set<string>();
  private asking = 0;
  private waiting: (() => void)[] = []; // for quiet

  /** `take` is told what came. */
  constructor(
    private readonly experiment: string,
    private readonly take: (rows: Row[]) => void,
  ) {}

  /** Reads those that are not known yet, or all of them anew; what was wanted before and is not asked for yet is forgotten. */
  want(ids: string[], anew = false) {
    this.wanted = ids.filter((id) => !this.coming.has(id) && (anew || !known.has(id)));
    this.read();
  }

  /** When all that is wanted was read. */
  async quiet(): Promise<void> {
    if (this.asking > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private read() {
    while (this.wanted.length > 0 && this.asking < kAsking) void this.ask(this.wanted.splice(0, kAtOnce));
  }

  private async ask(ids: string[]) {
    ++this.asking;
    for (const id of ids) this.coming.add(id);
    try {
      const rows = await readRows(this.experiment, ids);
      keepRows(rows);
      this.take(rows);
    } catch {
      this.wanted = []; // the next look tries again
    }
    for (const id of ids) this.coming.delete(id);
    --this.asking;
    this.read();
    if (this.asking === 0) for (const resolve of this.waiting.splice(0)) resolve();
  }
}
