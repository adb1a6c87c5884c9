// Where a version of several classes, or of numbers, is right and where it is not.
import { LineChart } from "../charts";
import { count, metric, number, percent } from "../format";
import type { Report } from "../records/models";
import { Scroll, Section } from "../ui";
import { kNames } from "./names";

/** Several classes: where each class's rows went. */
export function Classes({ report }: { report: Report }) {
  const classes = report.classes!;
  const names = Object.keys(classes[0]?.metrics ?? {}).slice(0, 4);
  return (
    <Section title="Classes" note="rows by class, columns by what was predicted">
      <Scroll label="Classes">
        <table class="table confusion-many">
          <thead>
            <tr>
              <th scope="col">{report.label}</th>
              {classes.map((c) => <th key={c.name} scope="col" class="num">{c.name}</th>)}
              {names.map((name) => <th key={name} scope="col" class="num">{kNames[name] ?? name}</th>)}
            </tr>
          </thead>
          <tbody>
            {classes.map((c, i) => (
              <tr key={c.name} data-class={c.name}>
                <th scope="row">{c.name}</th>
                {(report.confusion![i] ?? []).map((n, j) => (
                  <td key={j} class={`num confusion-${i === j ? "right" : n > 0 ? "wrong" : "none"}`} style={{ "--share": `${Math.round((100 * n) / Math.max(1, c.rows))}%` }}>
                    {count(n)}
                  </td>
                ))}
                {names.map((name) => <td key={name} class="num">{metric(name, c.metrics[name]?.value)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

/** A regression: predictions against labels, and how large errors are. */
export function Fit({ report }: { report: Report }) {
  const ends = report.fit!.flatMap((bin) => [bin.mean_predicted, bin.mean_label]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return (
    <div class="two two-even">
      <Section title="Fit" note="predicted against observed, bins of equal mass">
        <LineChart
          label="Mean label by mean prediction; on the diagonal they agree"
          series={[{ name: "observed", points: report.fit!.map((bin): [number, number] => [bin.mean_predicted, bin.mean_label]) }]}
          x={number}
          y={number}
          xLow={low}
          xHigh={high}
          yLow={low}
          yHigh={high}
          square
          diagonal
          dots
        />
      </Section>
      <Section title="Errors" note="prediction less label">
        <dl class="pairs pairs-narrow">
          {(report.errors ?? []).map((e) => (
            <div key={e.share}>
              <dt>{percent(e.share, 0)} of the rows below</dt>
              <dd>{number(e.error)}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </div>
  );
}
