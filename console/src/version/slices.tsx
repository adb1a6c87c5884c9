// Where a version is weak: its metrics by slices of its data.
import { Whisker } from "../charts";
import { count, isLowerBetter, metric, percent } from "../format";
import type { Report, Slice } from "../records/models";
import { navigate, usePlace, withQuery } from "../router";
import { Scroll, Section } from "../ui";
import { kNames } from "./names";

const kSliceMetrics = ["roc_auc", "ece", "precision", "recall", "macro_f1", "accuracy", "rmse", "mae", "r2"];

export function Slices({ report }: { report: Report }) {
  const place = usePlace();
  const names = kSliceMetrics.filter((name) => report.overall[name]).slice(0, 4);
  const chosen = names.find((name) => name === place.query.get("by")) ?? names[0] ?? Object.keys(report.overall)[0]!;
  const values = (slice: Slice) => slice.metrics[chosen];
  const all = report.slices.flatMap((s) => [values(s)?.low, values(s)?.high, values(s)?.value]).filter((v): v is number => typeof v === "number");
  const [from, until] = [Math.min(...all), Math.max(...all)];
  const overall = report.overall[chosen]?.value ?? null;
  const worse = (value: number) => overall !== null && (isLowerBetter(chosen) ? value > overall : value < overall);
  const binary = report.threshold !== null;
  const columns = [...new Set(report.slices.map((s) => s.column))];
  return (
    <Section
      title="Slices"
      note={
        <span class="choices" role="group" aria-label="Metric of the slices">
          {names.map((name) => (
            <button key={name} type="button" aria-pressed={name === chosen} onClick={() => navigate(withQuery(place, "by", name), "replace")}>
              {kNames[name] ?? name}
            </button>
          ))}
        </span>
      }
    >
      <Scroll label="Slices">
        <table class="table slices">
          <thead>
            <tr>
              <th scope="col">Slice</th>
              <th scope="col" class="num">Rows</th>
              {binary && <th scope="col" class="num">Positive</th>}
              <th scope="col" class="num">{kNames[chosen] ?? chosen}</th>
              <th scope="col">Interval against all rows ({metric(chosen, overall)})</th>
            </tr>
          </thead>
          {columns.map((column) => (
            <tbody key={column}>
              {report.slices
                .filter((slice) => slice.column === column)
                .sort((a, b) => b.counts.rows - a.counts.rows)
                .map((slice) => {
                  const value = values(slice);
                  const low = value?.low ?? null;
                  const high = value?.high ?? null;
                  const apart = overall !== null && low !== null && high !== null && (low > overall || high < overall);
                  return (
                    <tr key={slice.value} data-slice={`${slice.column}=${slice.value}`}>
                      <th scope="row"><span class="muted">{slice.column}</span> {slice.value}</th>
                      <td class="num">{count(slice.counts.rows)}</td>
                      {binary && <td class="num">{percent(slice.counts.positives / Math.max(1, slice.counts.rows))}</td>}
                      <td class="num">{value ? metric(chosen, value.value) : "–"}</td>
                      <td class={apart && value && value.value !== null && worse(value.value) ? "tone-bad" : "muted"}>
                        {slice.status !== "ok" ? (
                          <span class="small">{slice.reason ?? "too few rows"}</span>
                        ) : (
                          <>
                            <Whisker value={value?.value ?? null} low={low} high={high} from={from} to={until} line={overall} />
                            {apart && value && value.value !== null && worse(value.value) && <span class="small"> worse</span>}
                          </>
                        )}
                      </td>
                    </tr>
                  );
                })}
            </tbody>
          ))}
        </table>
      </Scroll>
    </Section>
  );
}
