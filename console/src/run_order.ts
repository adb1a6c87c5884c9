// The orders that columns make of all runs: work on typed arrays, some milliseconds for 100,000. Pure.

/** A column over all runs, and the order that it makes. */
export interface Column {
  values: (number | string | null | undefined)[]; // by place; null: NaN; undefined: missing
  order: Uint32Array; // places, ascending by value, then by place; then NaN, then what is missing
  starts: Uint32Array; // of each place in the order that has a value: where its equals begin
  numbers: number; // of those that have a value
  loadedAt: number;
}

/** Of values that come in order, each of the run of a number. Runs that `placeOf` does not know are left out. */
export function orderOfMetric(runs: Float64Array, sorted: Float64Array, placeOf: (number: number) => number, size: number): Column {
  const values = new Array<number | null | undefined>(size);
  const order = new Uint32Array(size);
  const starts = new Uint32Array(size);
  let numbers = 0;
  let begin = 0; // of the equals that are being taken
  const close = () => {
    if (numbers - begin > 1) order.subarray(begin, numbers).sort();
    starts.fill(begin, begin, numbers);
    begin = numbers;
  };
  for (let i = 0; i < runs.length; ++i) {
    const place = placeOf(runs[i]!);
    if (place < 0) continue;
    const value = sorted[i]!;
    if (Number.isNaN(value)) {
      values[place] = null;
      continue;
    }
    if (numbers > begin && value !== values[order[begin]!]) close();
    values[place] = value;
    order[numbers++] = place;
  }
  close();
  return finish(values, order, starts, numbers);
}

/** Of values by place. Texts are compared as texts unless all of them are numbers. */
export function orderOfValues(values: (number | string | null | undefined)[], numeric: boolean): Column {
  const ranks = numeric ? rankOfNumbers(values) : rankOfTexts(values);
  // How many there are of each rank says where each rank begins.
  const begins = new Uint32Array(ranks.size + 1);
  const rankAt = new Int32Array(values.length).fill(-1);
  let numbers = 0;
  for (let i = 0; i < values.length; ++i) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    rankAt[i] = ranks.get(value)!;
    begins[rankAt[i]! + 1]! += 1;
    ++numbers;
  }
  for (let rank = 0; rank < ranks.size; ++rank) begins[rank + 1]! += begins[rank]!;
  const next = begins.slice();
  const order = new Uint32Array(values.length);
  const starts = new Uint32Array(values.length);
  for (let i = 0; i < values.length; ++i) {
    const rank = rankAt[i]!;
    if (rank < 0) continue;
    const at = next[rank]!++;
    order[at] = i;
    starts[at] = begins[rank]!;
  }
  return finish(values, order, starts, numbers);
}

function finish(values: Column["values"], order: Uint32Array, starts: Uint32Array, numbers: number): Column {
  let next = numbers;
  for (let i = 0; i < values.length; ++i) if (values[i] === null) order[next++] = i;
  for (let i = 0; i < values.length; ++i) if (values[i] === undefined) order[next++] = i;
  return { values, order, starts, numbers, loadedAt: performance.now() };
}

type Value = number | string | null | undefined;

function rankOfTexts(values: Value[]): Map<Value, number> {
  const texts = new Set<string>();
  for (const value of values) if (typeof value === "string") texts.add(value);
  return new Map([...texts].sort().map((text, rank) => [text, rank]));
}

/** Values that are the same number share a rank, however they are written. */
function rankOfNumbers(values: Value[]): Map<Value, number> {
  const known = new Map<Value, number>();
  for (const value of values) if (value !== null && value !== undefined && !known.has(value)) known.set(value, Number(value));
  const sorted = new Float64Array(known.values()).sort();
  const ranks = new Map<number, number>();
  for (const number of sorted) if (!ranks.has(number)) ranks.set(number, ranks.size);
  for (const [value, number] of known) known.set(value, ranks.get(number)!);
  return known;
}
