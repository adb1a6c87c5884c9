// A line of every run of an experiment, in the order in which they came: newest first, then those that were made
// since. What a run is called or how it ended may change, its place does not.
import type { Lines, Row } from "./tracking";

const kBetween = "\u0000"; // names, when they are joined

/** What a name search reads of a run. */
const searched = (name: string, id: string) => `${name.toLowerCase()}\n${id}`;

/** Where the next text begins behind each, when they are joined. */
function endsOf(texts: string[]): Uint32Array {
  const ends = new Uint32Array(texts.length);
  let at = 0;
  for (let i = 0; i < texts.length; ++i) ends[i] = at += texts[i]!.length + kBetween.length;
  return ends;
}

export class RunLines {
  readonly numbers: number[] = [];
  readonly ids: string[] = [];
  readonly names: string[] = [];
  readonly statuses: string[] = [];
  readonly started: number[] = [];
  readonly ended: (number | null)[] = [];
  /** The greatest number: what is made later has a greater one. */
  newest = 0;

  private lower: string[] = [];
  private joined: { text: string; ends: Uint32Array } | null = null; // of `lower`; null: not up to date
  private lookup = { base: 0, places: new Int32Array(0), size: 0 }; // by number, less the base: its place and 1
  private byId: Map<string, number> | null = null;

  get size() {
    return this.ids.length;
  }

  /** Lines of runs that are known already are passed over. */
  append(lines: Lines) {
    const known = this.placeByNumber();
    for (let i = 0; i < lines.ids.length; ++i) {
      const number = lines.numbers[i]!;
      if (known(number) >= 0) continue;
      this.numbers.push(number);
      this.ids.push(lines.ids[i]!);
      this.names.push(lines.names[i]!);
      this.lower.push(searched(lines.names[i]!, lines.ids[i]!));
      this.statuses.push(lines.statuses[i]!);
      this.started.push(lines.started[i]!);
      this.ended.push(lines.ended[i] ?? null);
      if (number > this.newest) this.newest = number;
    }
    this.joined = null;
    this.byId = null;
  }

  /** What a whole row says anew of the run at a place. */
  update(place: number, row: Row) {
    if (this.names[place] !== row.name) {
      this.names[place] = row.name;
      this.lower[place] = searched(row.name, row.id);
      this.joined = null;
    }
    this.statuses[place] = row.status;
    this.ended[place] = row.ended;
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

  /** Marks the runs that hold the text: one search through all names at once, since a search for each is ten times as slow. */
  named(text: string): Uint8Array {
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
