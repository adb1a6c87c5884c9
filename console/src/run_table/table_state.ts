// What one sees of a table of runs, as its address tells it, and which columns there are before anybody chooses.
import type { Keys, TableState } from "../tracking";

export const kNarrowest = 56;
export const kWidest = 900;

/** What the address says over what the view says. */
export function stateOf(query: URLSearchParams, view: TableState | undefined): TableState {
  const state: TableState = { ...view };
  if (query.has("filter")) state.filter = query.get("filter")!;
  if (query.has("sort")) {
    const sort = query.get("sort")!;
    state.sort = sort.replace(/^-/, "");
    state.descending = sort.startsWith("-");
  }
  if (query.has("columns")) state.columns = query.getAll("columns").filter(Boolean);
  if (query.has("widths")) {
    state.widths = {};
    for (const text of query.getAll("widths")) {
      const width = Number(text.slice(text.lastIndexOf(":") + 1));
      if (width >= kNarrowest && width <= kWidest) state.widths[text.slice(0, text.lastIndexOf(":"))] = width;
    }
  }
  if (query.has("folded")) state.folded = query.getAll("folded").filter(Boolean);
  if (query.has("stage")) state.stage = query.get("stage") === "deleted" ? "deleted" : "active";
  return state;
}

export function address(path: string, state: TableState, view: string | null, mode: string | null): string {
  const query = new URLSearchParams();
  if (view) query.set("view", view);
  if (state.filter) query.set("filter", state.filter);
  if (state.sort) query.set("sort", (state.descending ? "-" : "") + state.sort);
  if (state.columns) {
    if (state.columns.length === 0) query.append("columns", "");
    for (const column of state.columns) query.append("columns", column);
  }
  for (const [column, width] of Object.entries(state.widths ?? {})) query.append("widths", `${column}:${width}`);
  if (state.folded) for (const group of state.folded.length > 0 ? state.folded : [""]) query.append("folded", group);
  if (state.stage === "deleted") query.set("stage", "deleted");
  if (mode) query.set("show", mode);
  const text = query.toString();
  return path + (text === "" ? "" : `?${text}`);
}

/** What is seen until somebody chooses: what was measured, without what machines measure of themselves. */
export function usualColumns(keys: Keys): string[] {
  const groups = new Map<string, number>();
  const groupOf = (key: string) => key.slice(0, Math.max(0, key.indexOf("/")));
  for (const key of keys.metrics) groups.set(groupOf(key).replace(/\d+/, ""), (groups.get(groupOf(key).replace(/\d+/, "")) ?? 0) + 1);
  const crowd = (key: string) => (groups.get(groupOf(key).replace(/\d+/, "")) ?? 0) > 8 && groupOf(key) !== "";
  const metrics = keys.metrics.filter((key) => !key.startsWith("system/")).sort((a, b) => Number(crowd(a)) - Number(crowd(b))).slice(0, 6);
  const tags = keys.tags.filter((key) => !key.startsWith("mlflow.") && !key.startsWith("millwright.")).slice(0, 2);
  return [...metrics.map((k) => `metrics.${k}`), ...keys.params.slice(0, 5).map((k) => `params.${k}`), ...tags.map((k) => `tags.${k}`)];
}
