// Columns over all runs of an experiment: a value a run and the order that these make. Those of metrics, parameters and
// tags are read when they are wanted and kept; those of what every run says are made of the lines.
import type { RunLines } from "./run_lines";
import type { Column } from "./run_order";
import { orderOfGroups, orderOfMetric, orderOfValues } from "./run_order";
import { readMetric, readTexts } from "./tracking";

const kFreshMs = 10_000; // as long a column is taken for what the server would say

/** "metrics.loss" -> ["metrics", "loss"]; a key may hold dots. */
export function splitColumn(column: string): [kind: string, key: string] {
  const dot = column.indexOf(".");
  return dot < 0 ? ["attributes", column] : [column.slice(0, dot), column.slice(dot + 1)];
}

export class RunColumns {
  private columns = new Map<string, Column>();
  private coming = new Map<string, Promise<void>>();

  /** `whole`: when there is a line of every run. */
  constructor(
    private readonly experiment: string,
    private readonly lines: RunLines,
    private readonly whole: Promise<void>,
  ) {}

  /** What is known of it, which may be old; null: nothing. */
  of(name: string): Column | null {
    const [kind, key] = splitColumn(name);
    return kind === "attributes" ? this.ofLines(name, key) : (this.columns.get(name) ?? null);
  }

  isFresh(name: string): boolean {
    if (splitColumn(name)[0] === "attributes") return true;
    const known = this.columns.get(name);
    return known !== undefined && known.order.length === this.lines.size && performance.now() - known.loadedAt < kFreshMs;
  }

  /** Reads it anew; who asks meanwhile waits for the same answer. Never fails: then it is as it was. */
  read(name: string): Promise<void> {
    let reading = this.coming.get(name);
    if (!reading) {
      reading = this.ask(name).catch(() => undefined).finally(() => this.coming.delete(name));
      this.coming.set(name, reading);
    }
    return reading;
  }

  private async ask(name: string) {
    const [kind, key] = splitColumn(name);
    if (kind === "metrics") {
      const [{ numbers, values }] = await Promise.all([readMetric(this.experiment, key), this.whole]);
      this.columns.set(name, orderOfMetric(numbers, values, this.lines.placeByNumber(), this.lines.size));
    } else {
      const [groups] = await Promise.all([readTexts(this.experiment, kind === "params" ? "param" : "tag", key), this.whole]);
      this.columns.set(name, orderOfGroups(groups, this.lines.placeByNumber(), this.lines.size));
    }
  }

  private ofLines(name: string, key: string): Column {
    const { lines } = this;
    const known = this.columns.get(name);
    if (known && known.order.length === lines.size && performance.now() - known.loadedAt < kFreshMs) return known;
    const now = Date.now();
    const values = key === "duration" ? lines.started.map((at, i) => (Number.isNaN(lines.ended[i]) ? now : lines.ended[i]!) - at) : [...(key === "status" ? lines.statuses : key === "id" ? lines.ids : lines.names)];
    const column = orderOfValues(values, key === "duration");
    this.columns.set(name, column);
    return column;
  }
}
