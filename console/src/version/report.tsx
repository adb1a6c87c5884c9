// The evaluation report of a version.
import { count, day, given, metric, percent } from "../format";
import type { MetricValue, Report } from "../records/models";
import type { Fact } from "../ui";
import { Facts, Section } from "../ui";
import { Classes, Fit } from "./kinds";
import { Slices } from "./slices";
import { Confusion, Calibration, Threshold } from "./threshold";
import { kNames } from "./names";

export function evaluated(report: Report): string {
  const dates = report.data.from && report.data.until ? `, ${day(report.data.from)} to ${day(report.data.until)} (event time)` : "";
  const positives = report.threshold === null ? "" : `, ${percent(report.counts.positives / Math.max(1, report.counts.rows))} ${report.label}`;
  return `Evaluated on ${count(report.counts.rows)} rows${positives}${dates}.`;
}

const kHeadline = ["roc_auc", "average_precision", "ece", "log_loss", "brier", "precision", "recall", "f1", "accuracy", "flagged_share", "saving"];

function intervalText(name: string, value: MetricValue): string | undefined {
  if (value.low === null || value.high === null) return value.reason;
  return `${metric(name, value.low)} to ${metric(name, value.high)}`;
}

export function ReportSections({ report }: { report: Report }) {
  const binary = report.threshold !== null;
  const all = Object.keys(report.overall).filter((name) => name !== "rows");
  const names = binary ? kHeadline.filter((name) => report.overall[name]) : all;
  const facts: Fact[] = names.map((name) => ({
    label: kNames[name] ?? name,
    value: metric(name, report.overall[name]!.value),
    note: intervalText(name, report.overall[name]!),
  }));
  return (
    <>
      <Section
        title={report.threshold !== null ? `At the threshold ${given(report.threshold)}` : "Evaluation"}
        note={`${percent(report.confidence, 0)} intervals over blocks: ${report.block}`}
      >
        <Facts name="metrics" items={facts} />
      </Section>
      {binary && (
        <div class="two two-even">
          <Section title="Confusion" note={`of ${count(report.counts.rows)} rows`}>
            <Confusion report={report} />
          </Section>
          <Section title="Calibration" note="predicted against observed">
            <Calibration report={report} />
          </Section>
        </div>
      )}
      {binary && report.curve.length > 0 && <Threshold report={report} threshold={report.threshold!} />}
      {report.classes && report.confusion && <Classes report={report} />}
      {report.fit && report.fit.length > 0 && <Fit report={report} />}
      {report.slices.length > 0 && <Slices report={report} />}
    </>
  );
}
