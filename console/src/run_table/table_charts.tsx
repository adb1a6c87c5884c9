// Charts of the runs that a table shows first, or of those that are selected in it.
import { ChartGrid } from "../metric_charts";
import { splitColumn } from "../run_columns";
import type { RunIndex } from "../run_index";
import type { Keys } from "../tracking";
import { kCompareMax } from "./selection";

const kChartRuns = 12;

export function TableCharts({ index, selected, columns, keys }: { index: RunIndex; selected: ReadonlySet<string>; columns: string[]; keys: Keys }) {
  const runs: { id: string; name: string; running: boolean }[] = [];
  const { ids, names, statuses } = index.lines;
  const take = (place: number) => runs.push({ id: ids[place]!, name: names[place]! || ids[place]!.slice(0, 12), running: statuses[place] === "running" });
  if (selected.size > 0) {
    for (const id of [...selected].slice(0, kCompareMax)) take(index.placeOf(id));
  } else {
    for (let i = 0; i < Math.min(kChartRuns, index.view.length); ++i) take(index.view[i]!);
  }
  const chosen = columns.filter((c) => c.startsWith("metrics.")).map((c) => splitColumn(c)[1]);
  return (
    <>
      <p class="small muted">{selected.size > 0 ? "The selected runs" : `The first ${runs.length} runs of the table`}; a metric has a chart when it is a column, or when there are no such columns.</p>
      <ChartGrid runs={runs} metrics={chosen.length > 0 ? chosen : keys.metrics} />
    </>
  );
}
