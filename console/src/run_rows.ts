// Whole rows of the runs that are looked at: read when they come into sight, and kept for the next look, whichever page
// it is from.
import type { Row } from "./tracking";
import { readRows } from "./tracking";

const kAtOnce = 100;
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
  private reading: Promise<void> | null = null;

  /** `take` is told what came. */
  constructor(
    private readonly experiment: string,
    private readonly take: (rows: Row[]) => void,
  ) {}

  /** Reads those that are not known yet, or all of them anew; what was wanted before and is not read yet is forgotten. */
  want(ids: string[], anew = false) {
    this.wanted = anew ? ids : ids.filter((id) => !known.has(id));
    if (this.wanted.length > 0) this.reading ??= this.read();
  }

  /** When all that is wanted was read. */
  async quiet(): Promise<void> {
    await this.reading;
  }

  private async read() {
    while (this.wanted.length > 0) {
      const batch = this.wanted.slice(0, kAtOnce);
      this.wanted = this.wanted.slice(kAtOnce);
      try {
        const rows = await readRows(this.experiment, batch);
        keepRows(rows);
        this.take(rows);
      } catch {
        break; // the next look tries again
      }
    }
    this.reading = null;
  }
}
