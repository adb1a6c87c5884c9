// Columns of a table of runs: how wide they are, in which groups they stand, and which of them are shown.
import { useState } from "preact/hooks";
import { Menu } from "../overlay";
import { splitColumn } from "../run_columns";
import type { Keys, TableState } from "../tracking";

export interface GridColumn {
  id: string;
  label: string;
  width: number;
  group: string;
  numeric: boolean;
  folded?: number; // stands for so many columns of its group
}

export const kFixed: GridColumn[] = [
  { id: "attributes.status", label: "Status", width: 96, group: "", numeric: false },
  { id: "start_time", label: "Started", width: 158, group: "", numeric: false },
  { id: "attributes.duration", label: "Took", width: 92, group: "", numeric: true },
];
const kGroups: Record<string, string> = { metrics: "Metrics", params: "Parameters", tags: "Tags", attributes: "Run" };
export const kNameWidth = window.innerWidth < 600 ? 150 : 236;

const kOrder = ["attributes", "metrics", "params", "tags"];

/** What the table shows: what is chosen, and what it is ordered by. */
export function gridColumns(columns: string[], { sort, widths, folded }: TableState): GridColumn[] {
  const wanted = sort && /^(metrics|params|tags)\./.test(sort) && !columns.includes(sort) ? [sort, ...columns] : columns;
  const shown: GridColumn[] = kFixed.map((column) => ({ ...column, width: widths?.[column.id] ?? column.width }));
  for (const kind of kOrder) {
    const ids = wanted.filter((id) => splitColumn(id)[0] === kind);
    const group = kGroups[kind]!;
    if (ids.length > 0 && folded?.includes(kind)) {
      shown.push({ id: `folded.${kind}`, label: `${ids.length} hidden`, width: 104, group, numeric: false, folded: ids.length });
      continue;
    }
    for (const id of ids) {
      const key = splitColumn(id)[1];
      const width = widths?.[id] ?? Math.min(220, Math.max(kind === "metrics" ? 104 : 88, 28 + key.length * 6.9));
      shown.push({ id, label: key, width, group, numeric: kind === "metrics" });
    }
  }
  return shown;
}

/** Which groups are folded when this one is clicked. */
export function withFolded(folded: string[] | undefined, group: string): string[] {
  const kind = kOrder.find((k) => kGroups[k] === group)!;
  return folded?.includes(kind) ? folded.filter((k) => k !== kind) : [...(folded ?? []), kind];
}

export function ColumnChooser({ keys, columns, onChange }: { keys: Keys; columns: string[]; onChange: (columns: string[]) => void }) {
  const [find, setFind] = useState("");
  const chosen = new Set(columns);
  const groups = [
    { name: "Metrics", ids: keys.metrics.map((k) => `metrics.${k}`) },
    { name: "Parameters", ids: keys.params.map((k) => `params.${k}`) },
    { name: "Tags", ids: keys.tags.map((k) => `tags.${k}`) },
    { name: "Run", ids: ["attributes.user", "attributes.source", "attributes.id"] },
  ];
  const toggle = (ids: string[], on: boolean) => onChange(on ? [...columns, ...ids.filter((id) => !chosen.has(id))] : columns.filter((id) => !ids.includes(id)));
  return (
    <Menu label={`Columns (${columns.length})`} name="columns">
      <input type="search" class="field" placeholder="Find a column" aria-label="Find a column" value={find} onInput={(event) => setFind(event.currentTarget.value)} />
      <div class="chooser">
        {groups.map((group) => {
          const ids = group.ids.filter((id) => id.toLowerCase().includes(find.toLowerCase()));
          if (ids.length === 0) return null;
          const on = ids.filter((id) => chosen.has(id)).length;
          return (
            <fieldset key={group.name}>
              <legend>
                <label>
                  <input type="checkbox" checked={on === ids.length} indeterminate={on > 0 && on < ids.length} onChange={(event) => toggle(ids, event.currentTarget.checked)} />
                  <b>{group.name}</b> <span class="muted">{on} of {ids.length}</span>
                </label>
              </legend>
              {ids.slice(0, 300).map((id) => (
                <label key={id} class="chooser-one">
                  <input type="checkbox" checked={chosen.has(id)} data-column={id} onChange={(event) => toggle([id], event.currentTarget.checked)} />
                  <span>{splitColumn(id)[1]}</span>
                </label>
              ))}
            </fieldset>
          );
        })}
      </div>
    </Menu>
  );
}
