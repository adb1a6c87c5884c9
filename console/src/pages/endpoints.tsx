// Endpoints: what answers, how fast, how the world has moved since training, and how much of it is labelled.
import type { Endpoint, EndpointView } from "../records/endpoints";
import type { DriftCell, Feature, FeatureWindow, Finding, Monitoring } from "../records/monitoring";
import { useApi } from "../api";
import { Chain } from "../chain";
import { BarChart, HistogramPair, LineChart } from "../charts";
import { count, day, duration, milliseconds, moment, number, percent, plural, short, shortDay, shortIds, span } from "../format";
import { navigate, to, usePlace, withQuery } from "../router";
import { Serving, useServing } from "./serving";
import type { Fact, Tone } from "../ui";
import { Clock, Command, Empty, Facts, Failure, Head, Loading, Scroll, Section, settled, Sign, State, usePatience } from "../ui";

/** How long the page waits for model servers that it asks through the control plane. */
const kServersMs = 1200;

export function EndpointsPage() {
  const endpoints = useApi<{ endpoints: EndpointView[] }>("/api/v1/endpoints");
  if (!settled(endpoints)) return <Loading />;
  return (
    <>
      <Head title="Endpoints" command="millwright status">
        What answers, and with which version.
      </Head>
      {endpoints.error ? (
        <Failure error={endpoints.error} what="The list of endpoints" />
      ) : endpoints.data!.endpoints.length === 0 ? (
        <Empty title="Nothing answers yet" command="millwright deploy MODEL@candidate">
          An endpoint answers with one version of a model; deploying the first makes it.
        </Empty>
      ) : (
        <ul class="list">
          {endpoints.data!.endpoints.map((endpoint) => (
            <li key={endpoint.endpoint} class="list-row list-tall">
              <div class="grow">
                <a class="strong" href={to("endpoints", endpoint.endpoint)}>{endpoint.endpoint}</a>
                <p class="muted small">{plural(endpoint.servers.length, "server")}, since {moment(endpoint.created)}</p>
              </div>
              <a href={to("models", endpoint.model, endpoint.version)}>{endpoint.model} v{endpoint.version}</a>
              <State of={endpoint.ready ? "ready" : "not ready"} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

export function EndpointPage({ name }: { name: string }) {
  const endpoint = useApi<Endpoint>(`/api/v1${to("endpoints", name)}`);
  const monitoring = useApi<Monitoring>(`/api/v1${to("endpoints", name)}/monitoring`);
  const serving = useServing(name);
  const patient = usePatience(kServersMs);
  if (!settled(endpoint, monitoring) || (patient && !settled(serving.reading, serving.problems))) return <Loading />;
  if (endpoint.error) return <Failure error={endpoint.error} what={`The endpoint ${name}`} />;
  const e = endpoint.data!;
  const m = monitoring.data;
  return (
    <>
      <Chain here="endpoint" endpoint={name} />
      <Head title={name} kicker="Endpoint" state={<State of={e.ready ? "ready" : "not ready"} />} command={`millwright monitor ${name}`}>
        Answers with <a href={to("models", e.model, e.version)}>{e.model} v{e.version}</a> since {moment(e.ready_at ?? e.created)}.
      </Head>
      <Facts name="endpoint" items={factsOf(e, m)} />
      <Serving endpoint={e} serving={serving} />
      {m && (m.windows.length > 0 || m.traffic.length > 0) ? (
        <Watched name={name} monitoring={m} />
      ) : (
        <Section title="Traffic">
          <Empty title="No predictions recorded yet" command={`millwright predict ${name} --example`}>
            {monitoring.error && monitoring.error.status !== 404 ? monitoring.error.message : "Every prediction is recorded by hour of event time once the endpoint is asked."}
          </Empty>
        </Section>
      )}
      <Deployments endpoint={e} />
    </>
  );
}

function factsOf(endpoint: Endpoint, monitoring: Monitoring | undefined): Fact[] {
  const facts: Fact[] = [];
  if (monitoring) {
    const total = (of: "rows" | "requests" | "failures" | "refused" | "dropped") => monitoring.traffic.reduce((sum, w) => sum + w[of], 0);
    const failures = total("failures");
    facts.push({ label: "Predictions", value: count(total("rows")), note: `${count(total("requests"))} requests` });
    facts.push({
      label: "Failed requests",
      value: count(failures),
      note: `${count(total("refused"))} refused, ${total("dropped") > 0 ? `${count(total("dropped"))} not recorded` : "every prediction recorded"}`,
      tone: failures > 0 ? "bad" : "ok",
    });
    if (monitoring.latency) {
      facts.push({ label: "Latency, 99 of 100", value: milliseconds(monitoring.latency.p99_ms), note: `half below ${milliseconds(monitoring.latency.p50_ms)}, wall time` });
    }
    if (monitoring.labels) {
      facts.push({
        label: "Labelled",
        value: monitoring.labels.coverage === null ? "–" : percent(monitoring.labels.coverage),
        note: monitoring.labels.delay_p50_s === null ? undefined : `half known after ${duration(monitoring.labels.delay_p50_s)}`,
      });
    }
    const alerts = monitoring.findings.filter((f) => f.severity === "alert").length;
    facts.push({ label: "Alerts", value: count(alerts), note: plural(monitoring.findings.length - alerts, "note"), tone: alerts > 0 ? "bad" : "ok" });
  }
  facts.push({ label: "Servers", value: count(endpoint.servers.length), note: endpoint.servers.map((s) => s.address.replace(/^https?:\/\//, "")).join(", ") });
  return facts;
}

function Watched({ name, monitoring }: { name: string; monitoring: Monitoring }) {
  return (
    <>
      {monitoring.windows.length > 0 ? (
        <>
          <Findings findings={monitoring.findings} />
          <Drift name={name} monitoring={monitoring} />
        </>
      ) : (
        <Section title="Drift">
          <Empty title="No window is evaluated yet">
            {monitoring.baseline ? "Predictions are held against the baseline once there are enough of them." : "This version has no baseline; those that the step train makes carry one."}
          </Empty>
        </Section>
      )}
      <div class="two two-even">
        <Section title="Traffic" note={<Clock of="event" />}>
          <Traffic monitoring={monitoring} />
        </Section>
        <Section title="Latency" note={<Clock of="wall" />}>
          <Latency monitoring={monitoring} />
        </Section>
      </div>
      {monitoring.labels && (
        <Section title="Labels">
          {monitoring.labels.labelled === 0 ? (
            <Empty title="No label yet" command={`millwright labels ${name} --file labels.csv`}>
              Labels say what really happened. Until they come, quality in production is an estimate.
            </Empty>
          ) : (
          <Facts
            name="labels"
            items={[
              { label: "Predictions", value: count(monitoring.labels.predictions) },
              { label: "Labelled", value: count(monitoring.labels.labelled), note: monitoring.labels.coverage === null ? undefined : percent(monitoring.labels.coverage) },
              { label: "Known after", value: seconds(monitoring.labels.delay_p50_s), note: `95 of 100 within ${seconds(monitoring.labels.delay_p95_s)}, event time` },
              { label: "Sent twice", value: count(monitoring.labels.duplicates) },
              { label: "Contradicting", value: count(monitoring.labels.contradictions) },
              { label: "Of unknown predictions", value: count(monitoring.labels.unknown) },
            ]}
          />
          )}
        </Section>
      )}
    </>
  );
}

function seconds(value: number | null): string {
  return value === null ? "–" : duration(value);
}

const kFindingsShown = 8;

interface FindingGroup {
  latest: Finding;
  windows: number;
  since: string;
}

function sliceOf(finding: Finding): string {
  return finding.slice ? `${finding.slice.column}=${finding.slice.value}` : "";
}

function keyOf(finding: Finding): string {
  return `${finding.severity} ${finding.kind} ${finding.column} ${sliceOf(finding)}`;
}

/** The sentence, with the slice in front of it where it does not name it. */
function wording(finding: Finding): string {
  const slice = sliceOf(finding);
  return slice && !finding.sentence.includes(slice) ? `${slice}: ${finding.sentence}` : finding.sentence;
}

/** The same about the same column, window after window, is one finding. Alerts first, then by impact. */
function grouped(findings: Finding[]): FindingGroup[] {
  const groups = new Map<string, FindingGroup>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const group = groups.get(key);
    if (!group) {
      groups.set(key, { latest: finding, windows: 1, since: finding.window.from });
      continue;
    }
    group.windows += 1;
    if (finding.window.from < group.since) group.since = finding.window.from;
    if (finding.window.from > group.latest.window.from) group.latest = finding;
  }
  const alert = (group: FindingGroup) => (group.latest.severity === "alert" ? 1 : 0);
  return [...groups.values()].sort((a, b) => alert(b) - alert(a) || b.latest.impact - a.latest.impact);
}

function Findings({ findings }: { findings: Finding[] }) {
  const place = usePlace();
  const groups = grouped(findings);
  const shown = place.query.has("all") ? groups : groups.slice(0, kFindingsShown);
  return (
    <Section title="Findings" note={findings.length === 0 ? undefined : "alerts touch what the model uses, notes do not or little"}>
      {findings.length === 0 ? (
        <p class="muted">Nothing found: the traffic looks like the baseline.</p>
      ) : (
        <ul class="list">
          {shown.map(({ latest, windows, since }) => (
            <li key={keyOf(latest)} class="list-row list-top" data-finding={latest.kind}>
              <State of={latest.severity} />
              <div class="grow">
                <p>{wording(latest)}</p>
                {(latest.impact >= 0.0005 || windows > 1) && (
                  <p class="muted small">
                    {[latest.impact >= 0.0005 ? `touches ${percent(latest.impact)} of what the model uses` : "", windows > 1 ? `in ${windows} windows since ${day(since)}` : ""].filter(Boolean).join(", ")}
                  </p>
                )}
              </div>
              <span class="muted nowrap small">{span(latest.window.from, latest.window.to)}</span>
            </li>
          ))}
        </ul>
      )}
      {groups.length > shown.length && (
        <p class="pager">
          <a href={withQuery(place, "all", "1")}>All {count(groups.length)}</a>
        </p>
      )}
    </Section>
  );
}

function toneOfCell(cell: DriftCell): Tone {
  if (cell.severity === "alert" || cell.state === "alert" || cell.state === "error" || cell.state === "no_data") return "bad";
  if (cell.severity === "note" || cell.state === "warning") return "warn";
  return cell.state === "ok" ? "ok" : "none";
}

function distance(feature: Feature, cell: DriftCell): number | null {
  return (feature.kind === "category" ? (cell.l_infinity ?? cell.jsd) : (cell.jsd ?? cell.l_infinity)) ?? null;
}

/** Five steps of a colour, by how far from the baseline. */
function heat(value: number | null): number {
  return value === null ? 0 : value < 0.05 ? 0 : value < 0.1 ? 1 : value < 0.3 ? 2 : value < 0.6 ? 3 : 4;
}

function Drift({ name, monitoring }: { name: string; monitoring: Monitoring }) {
  const place = usePlace();
  const features = [...monitoring.features].sort((a, b) => (b.attribution ?? -1) - (a.attribution ?? -1));
  const chosenFeature = features.findIndex((f) => f.name === place.query.get("feature"));
  const chosenWindow = monitoring.windows.findIndex((w) => w.from === place.query.get("window"));
  if (features.length === 0) {
    return (
      <Section title="Drift">
        <Empty title="No baseline to hold the traffic against">Versions trained by the step <code>train</code> carry one.</Empty>
      </Section>
    );
  }
  const choose = (f: number, w: number) => {
    const query = new URLSearchParams(place.query);
    query.set("feature", features[f]!.name);
    query.set("window", monitoring.windows[w]!.from);
    navigate(`${place.path}?${query}`, "replace");
  };
  const told = monitoring.findings
    .filter((finding) => finding.severity === "alert" && features.some((row) => row.name === finding.column))
    .reduce<Finding | undefined>((latest, finding) => (latest && latest.window.from >= finding.window.from ? latest : finding), undefined);
  const first = features.findIndex((row) => row.name === told?.column);
  const feature = features[Math.max(0, chosenFeature >= 0 ? chosenFeature : first)]!;
  const toldWindow = feature.name === told?.column ? monitoring.windows.findIndex((window) => window.from === told.window.from) : -1;
  const w = chosenWindow >= 0 ? chosenWindow : toldWindow >= 0 ? toldWindow : farthest(feature);
  const f = features.indexOf(feature);
  const move = (event: KeyboardEvent, row: number, column: number) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = [Math.max(0, Math.min(features.length - 1, row + step[0]!)), Math.max(0, Math.min(monitoring.windows.length - 1, column + step[1]!))];
    (event.currentTarget as Element).closest("table")?.querySelector<HTMLElement>(`[data-heat="${next[0]} ${next[1]}"]`)?.focus();
  };
  const months = monitoring.windows.map((window, i) => {
    const month = shortDay(window.from).split(" ")[1]!;
    return i === 0 || month !== shortDay(monitoring.windows[i - 1]!.from).split(" ")[1] ? month : null;
  });
  if (months[1] || months[2]) months[0] = null; // no room for it
  const baseline = monitoring.baseline;
  return (
    <Section
      title="Drift by feature"
      note={
        <>
          windows of {monitoring.drift_window?.replace(/ 0[hms]/g, "") ?? "time"}, <Clock of="event" />
          {baseline && `, against ${count(baseline.rows)} rows of ${baseline.source}`}
        </>
      }
    >
      <Scroll label="Drift by feature and window">
        <table class="heat">
          <caption class="hidden">Distance of each feature from its baseline, by window of event time</caption>
          <thead>
            <tr>
              <th scope="col">Feature</th>
              <th scope="col" class="num">Matters</th>
              {monitoring.windows.map((window, i) => (
                <th key={window.from} scope="col" class="heat-month">
                  <span aria-hidden="true">{months[i]}</span>
                  <span class="hidden">{span(window.from, window.to)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {features.map((row, i) => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                <td class="num muted">{row.attribution === null ? "" : percent(row.attribution, 0)}</td>
                {monitoring.windows.map((window, j) => {
                  const cell = row.cells[j];
                  if (!cell) return <td key={window.from} />;
                  const value = distance(row, cell);
                  const here = i === f && j === w;
                  const tone = toneOfCell(cell);
                  return (
                    <td key={window.from}>
                      <button
                        type="button"
                        class={`heat-cell heat-${heat(value)} heat-tone-${tone}`}
                        data-heat={`${i} ${j}`}
                        tabindex={here ? 0 : -1}
                        aria-pressed={here}
                        aria-label={`${row.name}, ${span(window.from, window.to)}: ${value === null ? "no value" : number(value)}, ${cell.severity ?? cell.state.replaceAll("_", " ")}`}
                        onClick={() => choose(i, j)}
                        onKeyDown={(event) => move(event, i, j)}
                      >
                        {tone === "bad" ? "!" : tone === "warn" ? "·" : ""}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="legend">
        <span>distance</span>
        {["< 0.05", "0.05", "0.1", "0.3", "0.6"].map((text, i) => (
          <span key={text}><i class={`heat-cell heat-${i}`} /> {text}</span>
        ))}
        <span><b class="tone-bad">!</b> alert</span>
        <span><b class="tone-warn">·</b> note</span>
      </p>
      {w >= 0 && <Histograms name={name} monitoring={monitoring} feature={feature} window={w} />}
    </Section>
  );
}

function farthest(feature: Feature): number {
  let best = feature.cells.length - 1;
  feature.cells.forEach((cell, i) => {
    if ((distance(feature, cell) ?? -1) > (feature.cells[best] ? (distance(feature, feature.cells[best]!) ?? -1) : -1)) best = i;
  });
  return best;
}

function Histograms({ name, monitoring, feature, window }: { name: string; monitoring: Monitoring; feature: Feature; window: number }) {
  const { from, to: until } = monitoring.windows[window]!;
  const cell = feature.cells[window];
  const answer = useApi<FeatureWindow>(`/api/v1${to("endpoints", name)}/monitoring/features/${encodeURIComponent(feature.name)}?${new URLSearchParams({ from, to: until })}`);
  return (
    <div class="panel two" data-histograms={feature.name}>
      <div>
        <h3>{feature.name}</h3>
        <p class="muted small">{span(from, until)} <Clock of="event" /></p>
        {cell && (
          <dl class="pairs pairs-narrow">
            <div><dt>JSD</dt><dd>{number(cell.jsd)}</dd></div>
            {typeof cell.l_infinity === "number" && <div><dt>L-infinity</dt><dd>{number(cell.l_infinity)}</dd></div>}
            {typeof cell.wasserstein === "number" && <div><dt>Wasserstein</dt><dd>{number(cell.wasserstein)}</dd></div>}
            <div><dt>noise floor{cell.floor_method ? ` (${cell.floor_method})` : ""}</dt><dd>{number(cell.floor)}</dd></div>
            <div><dt>missing</dt><dd>{typeof cell.missing === "number" ? percent(cell.missing) : "–"}</dd></div>
            <div><dt>state</dt><dd><Sign tone={toneOfCell(cell)} /> {cell.severity ?? cell.state.replaceAll("_", " ")}</dd></div>
          </dl>
        )}
      </div>
      {!settled(answer) ? (
        <div class="chart-wait" />
      ) : answer.error ? (
        <p class="muted">{answer.error.message}</p>
      ) : (
        <HistogramPair
          label={`${feature.name}: shares of the baseline and of the window over the same bins`}
          baseline={answer.data!.baseline.map((share) => share ?? 0)}
          window={answer.data!.window.map((share) => share ?? 0)}
          names={binNames(answer.data!)}
          height={220}
        />
      )}
    </div>
  );
}

function binNames(feature: FeatureWindow): string[] {
  if (feature.categories) return feature.categories;
  const edges = feature.edges ?? [];
  const text = (value: number) => (Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString());
  const bins = Math.max(feature.baseline.length, feature.window.length);
  // Inner edges only, or the outer ones as well.
  if (edges.length === bins + 1) return Array.from({ length: bins }, (_, i) => `${text(edges[i]!)} – ${text(edges[i + 1]!)}`);
  return Array.from({ length: bins }, (_, i) => (i === 0 ? `< ${text(edges[0] ?? 0)}` : i >= edges.length ? `≥ ${text(edges[edges.length - 1] ?? 0)}` : `${text(edges[i - 1]!)} – ${text(edges[i]!)}`));
}

function Traffic({ monitoring }: { monitoring: Monitoring }) {
  const windows = monitoring.traffic;
  const every = Math.max(1, Math.ceil(windows.length / 6));
  return (
    <BarChart
      label="Predictions by window of event time"
      bars={windows.map((w) => ({
        name: span(w.from, w.to),
        value: w.rows,
        text: `${count(w.rows)} predictions, ${count(w.failures)} failed`,
        tone: w.failures > 0 ? ("bad" as const) : undefined,
      }))}
      tickTexts={windows.map((w, i) => (i % every === 0 ? shortDay(w.from) : null))}
      format={short}
      height={180}
    />
  );
}

function Latency({ monitoring }: { monitoring: Monitoring }) {
  const windows = monitoring.latency?.windows ?? [];
  if (windows.length === 0) return <p class="muted">No request was timed yet.</p>;
  const at = (i: number) => windows[Math.max(0, Math.min(windows.length - 1, Math.round(i)))]!;
  const series = (name: string, of: "p50_ms" | "p90_ms" | "p99_ms") => ({ name, points: windows.map((w, i): [number, number | null] => [i, w[of]]) });
  const every = Math.max(1, Math.ceil(windows.length / 5));
  return (
    <LineChart
      label="Latency by window: half, 90 and 99 of 100 requests are faster"
      height={180}
      series={[series("p50", "p50_ms"), series("p90", "p90_ms"), series("p99", "p99_ms")]}
      x={(i) => span(at(i).from, at(i).to)}
      y={(value) => milliseconds(value)}
      yLow={0}
      xTicks={windows.map((w, i) => ({ at: i, text: shortDay(w.from) })).filter((_, i) => i % every === 0)}
    />
  );
}

function Deployments({ endpoint }: { endpoint: Endpoint }) {
  return (
    <Section title="Deployments" note={<Clock of="wall" />}>
      <Scroll label="Deployments">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Wanted</th>
              <th scope="col" class="num">Ready after</th>
              <th scope="col">By</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {endpoint.history.map((d) => (
              <tr key={d.generation} data-generation={d.generation}>
                <th scope="row"><a href={to("models", d.model, d.version)}>{d.model} v{d.version}</a></th>
                <td class="nowrap muted">{moment(d.created)}</td>
                <td class="num">{d.ready_at ? duration((Date.parse(d.ready_at) - Date.parse(d.created)) / 1000) : "–"}</td>
                <td class="muted">{shortIds(d.requested_by)}</td>
                <td class="muted">{d.cause}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <div class="commands">
        <Command text={`millwright predict ${endpoint.endpoint} --example`} label="Ask it" />
        <Command text={`millwright rollback ${endpoint.endpoint}`} label="Go back to the version before" />
      </div>
    </Section>
  );
}
