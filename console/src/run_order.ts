// The orders that columns make of all runs: work on typed arrays, some milliseconds for 100,000. Pure.

const [kNone, kKnown, kNaN] = [0, 1, 2]; // what stands at a place

/** What a run says in a column. null: NaN; undefined: it has none. */
export type Cell = number | string | null | undefined;

/** What is made when it is asked for: an order is shown before what it says of runs that nobody has looked at. */
function later<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** A column over all runs, and the order that it makes. */
export interface Column {
  cell: (place: number) => Cell;
  order: Uint32Array; // places, ascending by value, then by place; then NaN, then what is missing
  starts: Uint32Array; // of each place in the order that has a value: where its equals begin
  numbers: number; // of those that have a value
  loadedAt: number;
}

/** Of values that come in order, each of the run of a number. Runs that `placeOf` does not know are left out. */
export function orderOfMetric(runs: Float64Array, sorted: Float64Array, placeOf: (number: number) => number, size: number): Column {
  const kinds = new Uint8Array(size);
  const order = new Uint32Array(size);
  const starts = new Uint32Array(size);
  let numbers = 0;
  let begin = 0; // of the equals that are being taken
  let equals = NaN; // what they say
  for (let i = 0; i < runs.length; ++i) {
    const place = placeOf(runs[i]!);
    if (place < 0) continue;
    const value = sorted[i]!;
    kinds[place] = Number.isNaN(value) ? kNaN : kKnown;
    if (Number.isNaN(value)) continue;
    if (value !== equals) {
      if (numbers - begin > 1) order.subarray(begin, numbers).sort();
      begin = numbers;
      equals = value;
    }
    order[numbers] = place;
    starts[numbers++] = begin;
  }
  if (numbers - begin > 1) order.subarray(begin, numbers).sort();
  const values = later(() => {
    const byPlace = new Float64Array(size);
    for (let i = 0; i < runs.length; ++i) {
      const place = placeOf(runs[i]!);
      if (place >= 0) byPlace[place] = sorted[i]!;
    }
    return byPlace;
  });
  return finish((place) => (kinds[place] === kKnown ? values()[place] : kinds[place] === kNaN ? null : undefined), kinds, order, starts, numbers);
}

/** The texts that runs have, each once and ascending by its bytes, and which runs have it. */
export interface TextGroups {
  texts: string[];
  counts: number[]; // of the runs that have each
  runs: Float64Array; // their numbers: those of the first text, then those of the next
}

/** Texts are compared as texts unless all of them are numbers. Runs that `placeOf` does not know are left out. */
export function orderOfGroups({ texts, counts, runs }: TextGroups, placeOf: (number: number) => number, size: number): Column {
  const rankAt = new Int32Array(size).fill(-1);
  const numeric = texts.every((text) => text !== "" && Number.isFinite(Number(text)));
  const ranks = numeric ? ranksOf(Float64Array.from(texts, Number)) : null;
  let next = 0;
  counts.forEach((count, i) => {
    const rank = ranks ? ranks[i]! : i;
    for (const end = next + count; next < end; ++next) {
      const place = placeOf(runs[next]!);
      if (place >= 0) rankAt[place] = rank;
    }
  });
  const textAt = later(() => {
    const byPlace = new Int32Array(size).fill(-1);
    let next = 0;
    counts.forEach((count, i) => {
      for (const end = next + count; next < end; ++next) {
        const place = placeOf(runs[next]!);
        if (place >= 0) byPlace[place] = i;
      }
    });
    return byPlace;
  });
  return orderOfRanks((place) => texts[textAt()[place]!], rankAt, texts.length);
}

/** Of values by place, which are all numbers or all texts. */
export function orderOfValues(values: Cell[], numeric: boolean): Column {
  const places: number[] = [];
  for (let place = 0; place < values.length; ++place) {
    if (values[place] !== null && values[place] !== undefined) places.push(place);
  }
  const rankAt = new Int32Array(values.length).fill(-1);
  if (numeric) {
    const numbers = new Float64Array(places.length);
    for (let i = 0; i < places.length; ++i) numbers[i] = Number(values[places[i]!]);
    const ranks = ranksOf(numbers);
    for (let i = 0; i < places.length; ++i) rankAt[places[i]!] = ranks[i]!;
  } else {
    const texts = [...new Set(places.map((place) => values[place]))].sort();
    const ranks = new Map(texts.map((text, rank) => [text, rank]));
    for (const place of places) rankAt[place] = ranks.get(values[place])!;
  }
  return orderOfRanks((place) => values[place], rankAt, places.length);
}

/** Of the rank that each place's value has, below `ranks`; -1: it has none. */
function orderOfRanks(cell: Column["cell"], rankAt: Int32Array, ranks: number): Column {
  // How many there are of each rank says where each rank begins.
  const begins = new Uint32Array(ranks + 1);
  let numbers = 0;
  for (const rank of rankAt) {
    if (rank < 0) continue;
    begins[rank + 1]! += 1;
    ++numbers;
  }
  for (let rank = 0; rank < ranks; ++rank) begins[rank + 1]! += begins[rank]!;
  const next = begins.slice();
  const kinds = new Uint8Array(rankAt.length);
  const order = new Uint32Array(rankAt.length);
  const starts = new Uint32Array(rankAt.length);
  for (let i = 0; i < rankAt.length; ++i) {
    const rank = rankAt[i]!;
    if (rank < 0) continue;
    kinds[i] = kKnown;
    const at = next[rank]!++;
    order[at] = i;
    starts[at] = begins[rank]!;
  }
  return finish(cell, kinds, order, starts, numbers);
}

function finish(cell: Column["cell"], kinds: Uint8Array, order: Uint32Array, starts: Uint32Array, numbers: number): Column {
  let next = numbers;
  for (const kind of [kNaN, kNone]) {
    if (next === order.length) break;
    for (let i = 0; i < kinds.length; ++i) if (kinds[i] === kind) order[next++] = i;
  }
  return { cell, order, starts, numbers, loadedAt: performance.now() };
}

/** Of each number, how many are smaller: equal ones share a rank. */
function ranksOf(numbers: Float64Array): Int32Array {
  const sorted = numbers.slice().sort();
  const ranks = new Int32Array(numbers.length);
  for (let i = 0; i < numbers.length; ++i) {
    let [from, to] = [0, sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (sorted[middle]! < numbers[i]!) from = middle + 1;
      else to = middle;
    }
    ranks[i] = from;
  }
  return ranks;
}
