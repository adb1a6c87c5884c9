// A line of every run of an experiment, in the order in which they came: newest first, then those that were made
// since. What a run is called or how it ended may change, its place does not.
import type { Lines, Row } from "./tracking";

const kBetween = "\u0000"; // runs, in a block
const kBlock = 4096;

/**
 * What a name search reads of runs that stand together: one text, since a text of each would be most of what the page
 * holds and takes ten times as long to search.
 */
interface Block {
  text: string;
  ends: Uint32Array; // where the next run begins behind each
}

function blockOf(names: string[], ids: string[]): Block {
  const text = names.map((name, i) => `${name.includes(kBetween) ? name.replaceAll(kBetween, " ") : name}\n${ids[i]}`).join(kBetween).toLowerCase();
  const ends = new Uint32Array(names.length).fill(text.length + 1);
  for (let i = 0, at = text.indexOf(kBetween); at >= 0; at = text.indexOf(kBetween, at + 1)) ends[i++] = at + 1;
  return { text, ends };
}

export class RunLines {
  readonly numbers: number[] = [];
  readonly ids: string[] = [];
  readonly names: string[] = [];
  readonly statuses: string[] = [];
  readonly started: number[] = [];
  readonly ended: number[] = []; // NaN: not yet
  /** The greatest number: what is made later has a greater one. */
  newest = 0;

  private blocks: (Block | undefined)[] = []; // of kBlock places each; undefined: not up to date
  private lookup = { base: 0, places: new Int32Array(0), size: 0 }; // by number, less the base: its place and 1
  private byId: Map<string, number> | null = null;

  get size() {
    return this.ids.length;
  }

  /** Lines of runs that are known already are passed over. */
  append(lines: Lines) {
    const known = this.placeByNumber();
    const before = this.size;
    for (let i = 0; i < lines.ids.length; ++i) {
      const number = lines.numbers[i]!;
      if (known(number) >= 0) continue;
      this.numbers.push(number);
      this.ids.push(lines.ids[i]!);
      this.names.push(lines.names[i]!);
      this.statuses.push(lines.statuses[i]!);
      this.started.push(lines.started[i]!);
      this.ended.push(lines.ended[i] ?? NaN);
      if (number > this.newest) this.newest = number;
    }
    this.byId = null;
    // What is searched first is the work of a key press: most of it is done here.
    for (let block = Math.floor(before / kBlock); block * kBlock < this.size; ++block) {
      this.blocks[block] = undefined;
      if ((block + 1) * kBlock <= this.size) this.block(block);
    }
  }

  /** What a whole row says anew of the run at a place. */
  update(place: number, row: Row) {
    if (this.names[place] !== row.name) {
      this.names[place] = row.name;
      this.blocks[Math.floor(place / kBlock)] = undefined;
    }
    this.statuses[place] = row.status;
    this.ended[place] = row.ended ?? NaN;
  }

  /** Where the run of a number stands; -1: it is not here. Good until the next append. */
  placeByNumber(): (number: number) => number {
    if (this.lookup.size !== this.numbers.length) {
      let least = Infinity;
      for (const number of this.numbers) if (number < least) least = number;
      const places = new Int32Array(this.newest - least + 1);
      for (let i = 0; i < this.numbers.length; ++i) places[this.numbers[i]! - least] = i + 1;
      this.lookup = { base: least, places, size: this.numbers.length };
    }
    const { base, places } = this.lookup;
    return (number) => (places[number - base] ?? 0) - 1;
  }

  /** -1: it is not here. */
  placeOf(id: string): number {
    this.byId ??= new Map(this.ids.map((known, i) => [known, i]));
    return this.byId.get(id) ?? -1;
  }

  private block(block: number): Block {
    const [from, to] = [block * kBlock, (block + 1) * kBlock];
    return (this.blocks[block] ??= blockOf(this.names.slice(from, to), this.ids.slice(from, to)));
  }

  /** Marks the runs that hold the text. */
  named(part: string): Uint8Array {
    const marks = new Uint8Array(this.size);
    for (let from = 0; from < this.size; from += kBlock) {
      const { text, ends } = this.block(from / kBlock);
      let i = 0;
      for (let at = text.indexOf(part); at >= 0; at = i < ends.length ? text.indexOf(part, ends[i - 1]) : -1) {
        while (ends[i]! <= at) ++i;
        marks[from + i++] = 1;
      }
    }
    return marks;
  }

  /** The places in the order of start, equals by number; they come newest first as a rule. */
  byStart(places: Uint32Array, oldest: boolean): Uint32Array {
    const way = oldest ? 1 : -1;
    const { started, numbers } = this;
    const isOrdered = () => {
      for (let i = 1; i < places.length; ++i) if ((started[places[i]!]! - started[places[i - 1]!]!) * way < 0) return false;
      return true;
    };
    if (oldest) places.reverse();
    return isOrdered() ? places : places.sort((a, b) => way * (started[a]! - started[b]!) || way * (numbers[a]! - numbers[b]!));
  }
}
