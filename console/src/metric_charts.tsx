// Charts of many metrics of many runs, in groups, and what holds for all of them: the axis, logarithms, smoothing.
import { useEffect, useMemo, useState } from "preact/hooks";
import { plural } from "./format";
import type { ChartRun, ChartSettings } from "./metric_chart";
import { MetricChart } from "./metric_chart";
import { navigate, usePlace, withQuery } from "./router";
import { Empty } from "./ui";

const kGroupsOpen = 3;
const kUngroupedMax = 12;
const kRunsMax = 100; // of one picture

function settingsOf(query: URLSearchParams): ChartSettings {
  const axis = query.get("x");
  return {
    axis: axis === "time" || axis === "relative" ? axis : "step",
    logX: query.get("logx") === "1",
    logY: query.get("logy") === "1",
    smooth: Math.min(0.99, Math.max(0, Number(query.get("smooth")) || 0)),
  };
}

/** "train/loss" -> "train"; system metrics are a group of their own. */
function groupOf(metric: string): string {
  const slash = metric.indexOf("/");
  return slash > 0 ? metric.slice(0, slash) : "";
}

export function ChartGrid({ runs, metrics }: { runs: ChartRun[]; metrics: string[] }) {
  const place = usePlace();
  const settings = settingsOf(place.query);
  const [find, setFind] = useState("");
  const [smooth, setSmooth] = useState(settings.smooth);
  const set = (name: string, to: string | null) => navigate(withQuery({ path: location.pathname, query: new URLSearchParams(location.search) }, name, to), "replace");
  const groups = useMemo(() => {
    const found = metrics.filter((m) => m.toLowerCase().includes(find.toLowerCase()));
    const byName = new Map<string, string[]>();
    const few = metrics.length <= kUngroupedMax;
    const nameOf = (metric: string) => (few && !metric.startsWith("system/") ? "" : groupOf(metric));
    for (const metric of found) byName.set(nameOf(metric), [...(byName.get(nameOf(metric)) ?? []), metric]);
    const last = (name: string) => (name === "system" ? 1 : 0);
    return [...byName].sort((a, b) => last(a[0]) - last(b[0]) || (a[0] < b[0] ? -1 : 1));
  }, [metrics.join("\n"), find]);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      if (smooth !== settings.smooth) set("smooth", smooth === 0 ? null : String(smooth));
    }, 300);
    return () => window.clearTimeout(timer);
  }, [smooth]);
  if (metrics.length === 0) return <Empty title="No metrics yet">What a run logs is drawn here while it runs.</Empty>;
  const shown = { ...settings, smooth };
  return (
    <div class="charts">
      <div class="toolbar">
        {metrics.length > 4 && <input type="search" class="field" placeholder="Find a metric" aria-label="Find a metric" value={find} onInput={(event) => setFind(event.currentTarget.value)} />}
        <span class="choices" role="group" aria-label="Horizontal axis">
          {(["step", "time", "relative"] as const).map((axis) => (
            <button key={axis} type="button" aria-pressed={settings.axis === axis} onClick={() => set("x", axis === "step" ? null : axis)}>{axis === "time" ? "Wall time" : axis === "step" ? "Step" : "Relative"}</button>
          ))}
        </span>
        <label class="check"><input type="checkbox" checked={settings.logY} onChange={(event) => set("logy", event.currentTarget.checked ? "1" : null)} /> log y</label>
        <label class="check"><input type="checkbox" checked={settings.logX} onChange={(event) => set("logx", event.currentTarget.checked ? "1" : null)} /> log x</label>
        <label class="check">
          smooth <input type="range" min="0" max="0.99" step="0.01" value={smooth} aria-label="Smoothing" onInput={(event) => setSmooth(Number(event.currentTarget.value))} />
          <span class="smooth-value">{smooth.toFixed(2)}</span>
        </label>
      </div>
      {groups.map(([name, group], i) => (
        <details key={name} class="chart-group" open={groups.length <= 1 || (i < kGroupsOpen && name !== "system") || find !== ""}>
          <summary><b>{name || "metrics"}</b> <span class="muted">{plural(group.length, "chart")}</span></summary>
          <div class="chart-grid">
            {group.map((metric) => (
              <MetricChart key={metric} runs={runs.slice(0, kRunsMax)} metric={metric} settings={shown} alone={metrics.length === 1} />
            ))}
          </div>
        </details>
      ))}
      {groups.length === 0 && <p class="muted">No metric of that name.</p>}
    </div>
  );
}
