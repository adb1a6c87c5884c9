// Models and their versions: what a version reaches at its threshold, how far its probabilities can be
// believed, where it is weak, and where it came from.
import type { GoalRow, Lineage, MetricValue, ModelRow, Report, Slice, Version } from "../api";
import { useApi } from "../api";
import { VersionRecord } from "./version_record";
import { Chain } from "../chain";
import { LineChart, Whisker } from "../charts";
import { Dag } from "../dag";
import { count, day, digest, given, isLowerBetter, metric, moment, money, number, percent, plural } from "../format";
import { navigate, to, usePlace, withQuery } from "../router";
import type { Fact } from "../ui";
import { Clock, Command, Empty, Facts, Failure, Head, Loading, Scroll, Section, settled } from "../ui";

function Aliases({ names }: { names: string[] }) {
  return (
    <>
      {names.map((name) => (
        <span key={name} class={`tag${name === "production" ? " tag-strong" : ""}`}>{name}</span>
      ))}
    </>
  );
}

export function ModelsPage() {
  const models = useApi<{ models: ModelRow[] }>("/api/v1/models");
  const goals = useApi<{ goals: GoalRow[] }>("/api/v1/goals");
  if (!settled(models, goals)) return <Loading />;
  return (
    <>
      <Head title="Models" command="millwright models">
        Every registered model and where its aliases point.
      </Head>
      {models.error ? (
        <Failure error={models.error} what="The list of models" />
      ) : models.data!.models.length === 0 ? (
        <Empty title="No model yet" command="millwright run PIPELINE">
          A pipeline with a step <code>uses: register</code> registers a version.
        </Empty>
      ) : (
        <ul class="list">
          {models.data!.models.map((model) => (
            <li key={model.name} class="list-row list-tall">
              <div class="grow">
                <a class="strong" href={to("models", model.name)}>{model.name}</a>
                {model.description && <p class="small clamp">{model.description}</p>}
                <p class="muted small">{plural(model.latest, "version")}, goal {goals.data?.goals.find((g) => g.model === model.name)?.name ?? "none"}</p>
              </div>
              <span class="tags">
                {model.aliases.map((alias) => (
                  <a key={alias.alias} class={`tag${alias.alias === "production" ? " tag-strong" : ""}`} href={to("models", model.name, alias.version)}>
                    {alias.alias} v{alias.version}
                  </a>
                ))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const kListed = ["roc_auc", "average_precision", "ece", "precision", "recall", "saving"];

export function ModelPage({ name }: { name: string }) {
  const model = useApi<{ versions: Version[] }>(`/api/v1${to("models", name)}`);
  if (!settled(model)) return <Loading />;
  if (model.error) return <Failure error={model.error} what={`The model ${name}`} />;
  const versions = model.data!.versions;
  const metrics = kListed.filter((m) => versions.some((v) => v.metrics[m] !== undefined));
  const staged = versions.some((v) => v.stage && v.stage !== "None");
  return (
    <>
      <Chain here="version" model={name} />
      <Head title={name} kicker="Model" command={`millwright models ${name}`} />
      <Scroll label="Versions">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Aliases</th>
              {staged && <th scope="col">Stage</th>}
              {metrics.map((m) => <th key={m} scope="col" class="num">{m.replaceAll("_", " ")}</th>)}
              <th scope="col">Registered <Clock of="wall" /></th>
            </tr>
          </thead>
          <tbody>
            {versions.map((version) => (
              <tr key={version.version} data-version={version.version}>
                <th scope="row"><a href={to("models", name, version.version)}>v{version.version}</a></th>
                <td class="tags"><Aliases names={version.aliases} /></td>
                {staged && <td class={version.stage === "None" ? "muted" : ""}>{version.stage}</td>}
                {metrics.map((m) => <td key={m} class="num">{metric(m, version.metrics[m])}</td>)}
                <td class="nowrap muted">{moment(version.created)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

export function VersionPage({ model, reference }: { model: string; reference: string }) {
  const base = `/api/v1${to("models", model, "versions", reference)}`;
  const version = useApi<Version>(base);
  // What was registered by hand, or by MLflow's client, has neither report nor history.
  const made = version.data?.run_id && version.data.attempt_id !== "";
  const report = useApi<Report>(made ? `${base}/report` : null);
  const lineage = useApi<Lineage>(made ? `/api/v1${to("lineage", version.data!.package)}` : null);
  if (!settled(version, report, lineage)) return <Loading />;
  if (version.error) return <Failure error={version.error} what={`Version ${reference} of ${model}`} />;
  const v = version.data!;
  return (
    <>
      <Chain here="version" model={model} version={v.version} />
      <Head
        title={`${model} v${v.version}`}
        kicker={`Model version, registered ${moment(v.created)}`}
        state={<Aliases names={v.aliases} />}
        command={`millwright models ${model}`}
      >
        {report.data && evaluated(report.data)}
      </Head>
      <VersionRecord version={v} pipeline={!!made} />
      {report.data ? (
        <ReportSections report={report.data} />
      ) : (
        <Section title="Evaluation">
          <Empty title="No evaluation report" command="millwright run PIPELINE">
            {report.error?.message ?? "This version was registered without a run, so nothing here evaluated it."}
          </Empty>
        </Section>
      )}
      {lineage.data ? (
        <LineageSection lineage={lineage.data} version={v} />
      ) : (
        <Section title="Where it came from">
          <Empty title="Nothing is known of its making">{lineage.error?.message ?? "It was registered without a run."}</Empty>
        </Section>
      )}
      <Section title="Serve it">
        <Command text={`millwright deploy ${model}@${v.version}`} />
      </Section>
    </>
  );
}

function evaluated(report: Report): string {
  const dates = report.data.from && report.data.until ? `, ${day(report.data.from)} to ${day(report.data.until)} (event time)` : "";
  const positives = report.threshold === null ? "" : `, ${percent(report.counts.positives / Math.max(1, report.counts.rows))} ${report.label}`;
  return `Evaluated on ${count(report.counts.rows)} rows${positives}${dates}.`;
}

const kNames: Record<string, string> = {
  roc_auc: "ROC AUC", average_precision: "Average precision", ece: "Calibration error (ECE)", log_loss: "Log loss",
  brier: "Brier score", precision: "Precision", recall: "Recall", saving: "Saving", flagged_share: "Flagged", f1: "F1",
  accuracy: "Accuracy",
};
const kHeadline = ["roc_auc", "average_precision", "ece", "log_loss", "brier", "precision", "recall", "f1", "accuracy", "flagged_share", "saving"];

function intervalText(name: string, value: MetricValue): string | undefined {
  if (value.low === null || value.high === null) return value.reason;
  return `${metric(name, value.low)} to ${metric(name, value.high)}`;
}

function ReportSections({ report }: { report: Report }) {
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

/** Rows by what was said and what was so, from the shares in the report. */
export function confusionOf(report: Report) {
  const share = (name: string) => report.overall[name]?.value ?? 0;
  const { rows, positives } = report.counts;
  const flagged = Math.round(share("flagged_share") * rows);
  const caught = Math.round(share("recall") * positives);
  return { caught, missed: positives - caught, alarms: flagged - caught, passed: rows - positives - (flagged - caught) };
}

function Confusion({ report }: { report: Report }) {
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

function Calibration({ report }: { report: Report }) {
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

function Threshold({ report, threshold }: { report: Report; threshold: number }) {
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

/** Several classes: where each class's rows went. */
function Classes({ report }: { report: Report }) {
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
function Fit({ report }: { report: Report }) {
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

const kSliceMetrics = ["roc_auc", "ece", "precision", "recall", "macro_f1", "accuracy", "rmse", "mae", "r2"];

function Slices({ report }: { report: Report }) {
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

function LineageSection({ lineage, version }: { lineage: Lineage; version: Version }) {
  const place = usePlace();
  const artifacts = new Map(lineage.artifacts.map((a) => [a.id, a]));
  const makers = new Map(lineage.events.filter((e) => e.direction === "output").map((e) => [e.artifact, e.execution]));
  const inputs = (execution: string) => lineage.events.filter((e) => e.execution === execution && e.direction === "input");
  const sources = lineage.artifacts.filter((a) => !makers.has(a.id));
  const portOf = (id: string) => lineage.events.find((e) => e.artifact === id)?.port ?? "";
  const name = (text: string) => text.slice(text.lastIndexOf("/") + 1);
  const nodes = [
    ...sources.map((source) => ({
      id: source.id,
      label: name(portOf(source.id).replace(/^file /, "")),
      sub: source.type,
      tone: "none" as const,
      after: [],
    })),
    ...lineage.executions.map((execution) => ({
      id: execution.id,
      label: name(execution.name),
      sub: execution.state === "cached" ? "reused" : execution.type,
      tone: execution.state === "failed" ? ("bad" as const) : ("ok" as const),
      after: inputs(execution.id).map((event) => makers.get(event.artifact) ?? event.artifact),
    })),
  ];
  const chosen = nodes.find((n) => n.id === place.query.get("node"))?.id ?? lineage.executions[lineage.executions.length - 1]?.id ?? null;
  const rows = (id: string) => {
    const rowsOf = artifacts.get(id)?.metadata.rows;
    return typeof rowsOf === "number" ? `, ${count(rowsOf)} rows` : "";
  };
  const execution = lineage.executions.find((e) => e.id === chosen);
  const source = sources.find((s) => s.id === chosen);
  return (
    <Section
      title="Where it came from"
      note={
        <>
          package <span class="mono" title={version.package}>{digest(version.package)}</span>
          {version.run_id && <>, <a href={to("runs", version.run_id)}>run {version.run_id.slice(0, 12)}</a></>}
        </>
      }
    >
      <Dag label="From files to the model" nodes={nodes} chosen={chosen} onChoose={(id) => navigate(withQuery(place, "node", id), "replace")} />
      <div class="panel" data-lineage>
        {execution && (
          <dl class="rows">
            <dt>Step</dt>
            <dd>{name(execution.name)}, {moment(execution.started)}</dd>
            <dt>Code</dt>
            <dd class="mono wrap">{execution.code_version}</dd>
            <dt>Took</dt>
            <dd>
              {inputs(execution.id).map((event) => (
                <span key={event.artifact + event.port} class="io">
                  {event.port.replace(/^file /, "")}
                  <span class="muted mono"> {digest(artifacts.get(event.artifact)?.digest ?? "")}{rows(event.artifact)}</span>
                </span>
              ))}
            </dd>
            <dt>Made</dt>
            <dd>
              {lineage.events
                .filter((event) => event.execution === execution.id && event.direction === "output")
                .map((event) => (
                  <span key={event.artifact + event.port} class="io">
                    {event.port}
                    <span class="muted mono"> {digest(artifacts.get(event.artifact)?.digest ?? "")}{rows(event.artifact)}</span>
                  </span>
                ))}
            </dd>
            <dt>Asked of it</dt>
            <dd class="mono wrap small">{JSON.stringify(execution.configuration.with ?? execution.configuration)}</dd>
            <dt>Machine</dt>
            <dd class="small">{Object.entries(execution.environment).map(([key, value]) => `${key} ${String(value)}`).join(", ")}</dd>
          </dl>
        )}
        {source && (
          <dl class="rows">
            <dt>{source.type}</dt>
            <dd>{portOf(source.id).replace(/^file /, "")}</dd>
            <dt>Digest</dt>
            <dd class="mono wrap">{source.digest}</dd>
          </dl>
        )}
      </div>
      {lineage.truncated && <p class="muted small">There is more than is shown here.</p>}
    </Section>
  );
}
