// What a version of two classes reaches at its threshold and would at others, and how far its probabilities can be
// believed.
import { LineChart } from "../charts";
import { count, given, money, percent } from "../format";
import type { Report } from "../records/models";
import { Section } from "../ui";

/** Rows by what was said and what was so, from the shares in the report. */
export function confusionOf(report: Report) {
  const share = (name: string) => report.overall[name]?.value ?? 0;
  const { rows, positives } = report.counts;
  const flagged = Math.round(share("flagged_share") * rows);
  const caught = Math.round(share("recall") * positives);
  return { caught, missed: positives - caught, alarms: flagged - caught, passed: rows - positives - (flagged - caught) };
}

export function Confusion({ report }: { report: Report }) {
  const { caught, missed, alarms, passed } = confusionOf(report);
  const largest = Math.max(caught, missed, alarms, passed, 1);
  const cell = (value: number, name: string, right: boolean) => (
    <td class={`confusion-${right ? "right" : "wrong"}`} style={{ "--share": `${Math.round((100 * value) / largest)}%` }} data-confusion={name}>
      <b>{count(value)}</b>
      <span>{name}</span>
    </td>
  );
  return (
    <>
      <table class="confusion">
        <caption class="hidden">Rows by prediction and outcome</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">flagged</th>
            <th scope="col">not flagged</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{report.label}</th>
            {cell(caught, "caught", true)}
            {cell(missed, "missed", false)}
          </tr>
          <tr>
            <th scope="row">not</th>
            {cell(alarms, "false alarm", false)}
            {cell(passed, "passed", true)}
          </tr>
        </tbody>
      </table>
      {report.cost !== null && report.rule_cost !== null && (
        <p class="small muted">
          Costs {money(report.cost, report.currency)}; the best rule without a model ({report.no_model.rule}) costs {money(report.rule_cost, report.currency)}.
        </p>
      )}
    </>
  );
}

export function Calibration({ report }: { report: Report }) {
  const bins = report.calibration;
  if (bins.length === 0) return <p class="muted">Too few rows for a curve.</p>;
  const high = Math.min(1, Math.max(...bins.map((bin) => Math.max(bin.mean_predicted, bin.positive_share))) * 1.08);
  return (
    <LineChart
      label="Share of positives by mean predicted probability; on the diagonal they agree"
      series={[{ name: "observed", points: bins.map((bin): [number, number] => [bin.mean_predicted, bin.positive_share]) }]}
      x={(value) => percent(value, 0)}
      y={(value) => percent(value, 0)}
      xLow={0}
      xHigh={high}
      yLow={0}
      yHigh={high}
      square
      diagonal
      dots
      readout={(x, values) => {
        const bin = bins.find((b) => b.mean_predicted === x);
        return (
          <>
            <span class="readout-x">{bin ? `${count(bin.rows)} rows` : ""}</span>
            <span>predicted <b>{percent(x)}</b></span>
            <span>observed <b>{values[0] === null || values[0] === undefined ? "–" : percent(values[0])}</b></span>
          </>
        );
      }}
    />
  );
}

export function Threshold({ report, threshold }: { report: Report; threshold: number }) {
  const points = [...report.curve].sort((a, b) => a.threshold - b.threshold);
  const saving = points.some((p) => p.saving !== null);
  const floor = Math.max(-1, Math.min(0, ...points.map((p) => p.saving ?? 0)));
  return (
    <div class="two two-even">
      <Section title="Every threshold" note="what another one would reach">
        <div data-chart="threshold">
          <LineChart
            label="Precision, recall, share flagged and saving by threshold"
            height={260}
            series={[
              { name: "precision", points: points.map((p): [number, number] => [p.threshold, p.precision]) },
              { name: "recall", points: points.map((p): [number, number] => [p.threshold, p.recall]) },
              { name: "flagged", points: points.map((p): [number, number] => [p.threshold, p.flagged_share]) },
              ...(saving ? [{ name: "saving", points: points.map((p): [number, number | null] => [p.threshold, p.saving !== null && p.saving >= floor ? p.saving : null]) }] : []),
            ]}
            x={(value) => value.toFixed(2)}
            y={(value) => percent(value, 0)}
            yHigh={1}
            yLow={floor}
            marks={[{ at: threshold, text: `threshold ${given(threshold)}` }]}
            at={threshold}
          />
        </div>
      </Section>
      <Section title="Ranking" note="ROC curve">
        <LineChart
          label="Recall by false positive rate; the diagonal is chance"
          series={[
            {
              name: "recall",
              points: ([[0, 0], ...report.curve.map((p) => [p.false_positive_rate, p.recall]), [1, 1]] as [number, number][]).sort((a, b) => a[0] - b[0]),
            },
          ]}
          x={(value) => percent(value, 0)}
          y={(value) => percent(value, 0)}
          xLow={0}
          xHigh={1}
          yLow={0}
          yHigh={1}
          square
          diagonal
          at={nearestRate(report, threshold)}
          readout={(x, values) => (
            <>
              <span>false positives <b>{percent(x)}</b></span>
              <span>recall <b>{percent(values[0] ?? 0)}</b></span>
            </>
          )}
        />
      </Section>
    </div>
  );
}

function nearestRate(report: Report, threshold: number): number {
  const best = report.curve.reduce((a, b) => (Math.abs(b.threshold - threshold) < Math.abs(a.threshold - threshold) ? b : a));
  return best.false_positive_rate;
}
