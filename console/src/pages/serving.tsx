// What answers at an endpoint now: its versions and their shares, how many requests they take, where the time goes, what
// is turned away. Read from the model servers through the control plane every two seconds.
import type { Answer } from "../api";
import type { Endpoint, EndpointVersion, RequestLine, RequestLines, ServingReading, ShadowOutcome } from "../records/endpoints";
import { useEvery } from "../api";
import { BarChart, LineChart } from "../charts";
import { bytes, count, milliseconds, percent, plural, short, timeOfDay, shortDay } from "../format";
import type { Now, Sample } from "../live";
import { nowOf, quantile, ratesOf, remember, sizeOf } from "../live";
import { to } from "../router";
import { Clock, Command, Scroll, Section, Sign, State } from "../ui";

const kReadingMs = 2000;
const kProblemsMs = 5000;
const kProblemsShown = 8;
const kSeriesMax = 4;
const kStages: [string, string][] = [
  ["decode", "bytes to values"],
  ["queue", "waiting for a worker"],
  ["compute", "the model"],
  ["encode", "values to bytes, and the record"],
  ["total", "from the whole request to the whole answer"],
];

export interface ServingAnswers {
  reading: Answer<ServingReading>;
  problems: Answer<RequestLines>;
}

export function useServing(name: string): ServingAnswers {
  const query = new URLSearchParams({ endpoint: name, problems: "true", since: "24h", limit: String(kProblemsShown) });
  return {
    reading: useEvery<ServingReading>(`/api/v1${to("endpoints", name)}/serving`, kReadingMs),
    problems: useEvery<RequestLines>(`/api/v1/requests?${query}`, kProblemsMs),
  };
}

export function Serving({ endpoint, serving }: { endpoint: Endpoint; serving: ServingAnswers }) {
  const reading = serving.reading.data;
  if (!reading) {
    const error = serving.reading.error;
    return error && error.status !== 404 ? (
      <Section title="Serving now">
        <p class="muted">{error.message}</p>
      </Section>
    ) : null;
  }
  const samples = remember(endpoint.endpoint, reading);
  const numbers = versionsOf(endpoint, reading);
  const now = new Map(numbers.map((version) => [version, nowOf(samples, version)]));
  return (
    <>
      <Versions endpoint={endpoint} reading={reading} numbers={numbers} now={now} />
      <div class="two two-even">
        <Section title="Requests a second" note={<Clock of="wall" />}>
          <Rates samples={samples} numbers={numbers.filter((v) => reading.versions.some((r) => r.version === v))} />
        </Section>
        <Section title="Batches" note={batchNote(numbers, now)}>
          <Batches endpoint={endpoint} now={now} />
        </Section>
      </div>
      <Stages endpoint={endpoint} numbers={numbers} now={now} />
      <TurnedAway endpoint={endpoint} problems={serving.problems} numbers={numbers} now={now} />
    </>
  );
}

/** Those that are to answer, newest first, then those that did and have a request counted in the last minutes. */
function versionsOf(endpoint: Endpoint, reading: ServingReading): number[] {
  const wanted = endpoint.versions?.map((v) => v.version) ?? [endpoint.version];
  const others = reading.versions.filter((v) => !wanted.includes(v.version) && (v.requests ?? 0) > 0).map((v) => v.version);
  const newest = (a: number, b: number) => b - a;
  return [...[...wanted].sort(newest), ...others.sort(newest)];
}

/** One state for all servers, or how many have the best one. */
function stateOf(version: EndpointVersion | undefined): { state: string; note: string } {
  if (!version) return { state: "not served any more", note: "" };
  const states = version.servers.map((s) => s.state.toLowerCase());
  const failed = version.servers.find((s) => s.error);
  if (states.length === 0) return { state: "waiting", note: "no server has reported" };
  const ready = states.filter((s) => s === "ready").length;
  const state = failed ? "failed" : ready === states.length ? "ready" : (states.find((s) => s !== "ready") ?? "ready");
  const some = ready > 0 && ready < states.length ? `ready on ${ready} of ${states.length}` : "";
  return { state, note: failed?.error || some };
}

function rate(value: number, seconds: number): string {
  if (seconds <= 0) return "–";
  const per = value / seconds;
  return per === 0 ? "0" : per < 10 ? per.toFixed(1) : short(per);
}

function latency(now: Now, stage: string, share: number): string {
  const at = quantile(now.stage(stage), share);
  return at === null ? "–" : `${at.above ? "> " : ""}${milliseconds(1000 * at.value)}`;
}

function Versions({ endpoint, reading, numbers, now }: { endpoint: Endpoint; reading: ServingReading; numbers: number[]; now: Map<number, Now> }) {
  const silent = reading.servers.filter((s) => s.error);
  return (
    <Section title="Serving now" note={<><Clock of="wall" />, the last minute</>}>
      <Scroll label="Versions that answer">
        <table class="table" data-versions>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">State</th>
              <th scope="col">Share</th>
              <th scope="col" class="num">Requests/s</th>
              <th scope="col" class="num">Rows/s</th>
              <th scope="col" class="num">P50</th>
              <th scope="col" class="num">P99</th>
              <th scope="col" class="num">Refused</th>
              <th scope="col" class="num">Failed</th>
              <th scope="col" class="num">Kept answers</th>
              <th scope="col" class="num">Memory</th>
            </tr>
          </thead>
          <tbody>
            {numbers.map((number) => {
              const version = endpoint.versions?.find((v) => v.version === number);
              const here = now.get(number)!;
              const { state, note } = stateOf(version);
              const asked = here.count("requests");
              const kept = here.count("cache_hits") + here.count("cache_misses");
              const failed = here.count("failures");
              const memory = Math.max(0, ...(version?.servers.map((s) => s.memory_bytes) ?? []));
              return (
                <tr key={number} data-version={number}>
                  <th scope="row"><a href={to("models", endpoint.model, number)}>v{number}</a></th>
                  <td class="nowrap"><State of={state} />{note && <p class="muted small clamp wrap-note">{note}</p>}<Compared version={version} /></td>
                  <td><Share version={version} alone={endpoint.versions === undefined && number === endpoint.version} /></td>
                  <td class="num" data-of="requests">{rate(asked, here.seconds)}</td>
                  <td class="num" data-of="rows">{rate(here.count("rows"), here.seconds)}</td>
                  <td class="num" data-of="p50">{latency(here, "total", 0.5)}</td>
                  <td class="num" data-of="p99">{latency(here, "total", 0.99)}</td>
                  <td class="num" data-of="refused">{count(here.count("refused"))}</td>
                  <td class={`num${failed > 0 ? " tone-bad" : ""}`} data-of="failures">{count(failed)}</td>
                  <td class="num" data-of="kept">{kept > 0 ? percent(here.count("cache_hits") / kept, 0) : "–"}</td>
                  <td class="num muted">{memory > 0 ? bytes(memory) : "–"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      {endpoint.fault && <p class="finding-line small"><Sign tone="bad" /> Nothing serves it: {endpoint.fault}</p>}
      {silent.length > 0 && (
        <p class="finding-line small unheard"><Sign tone="warn" /> {silent.map((s) => `${s.address} was not heard: ${s.error}`).join("; ")}</p>
      )}
    </Section>
  );
}

/** How a shadow answered beside the primary, on all servers since they began. */
function Compared({ version }: { version: EndpointVersion | undefined }) {
  const outcomes = (version?.servers ?? []).flatMap((s) => (s.shadow ? [s.shadow] : []));
  const sum = (of: (o: ShadowOutcome) => number) => outcomes.reduce((total, o) => total + of(o), 0);
  const rows = sum((o) => o.rows);
  if (rows === 0) return null;
  const otherwise = sum((o) => o.disagreements);
  const unseen = sum((o) => o.dropped + o.failures);
  return (
    <p class={`small wrap-note${otherwise > 0 ? "" : " muted"}`} data-compared>
      {count(rows)} rows compared, {count(otherwise)} decided otherwise ({percent(otherwise / rows, 2)}); numbers differ by at most{" "}
      {Math.max(...outcomes.map((o) => o.difference_max)).toPrecision(3)}{unseen > 0 && `; ${count(unseen)} requests not compared`}
    </p>
  );
}

function Share({ version, alone }: { version: EndpointVersion | undefined; alone: boolean }) {
  const weight = alone ? 1 : (version?.weight ?? 0) / 10000;
  const shadow = (version?.shadow_share ?? 0) / 10000;
  if (weight === 0 && shadow === 0) return <span class="muted">–</span>;
  return (
    <span class="share" data-share={weight}>
      <i class="share-bar" aria-hidden="true"><b class={weight > 0 ? "" : "share-shadow"} style={{ width: `${100 * (weight > 0 ? weight : shadow)}%` }} /></i>
      {weight > 0 ? percent(weight, weight * 100 % 1 === 0 ? 0 : 1) : `${percent(shadow, 0)} shadow`}
    </span>
  );
}

function ago(seconds: number): string {
  return seconds > -1 ? "now" : seconds > -60 ? `${Math.round(-seconds)} s ago` : `${Math.round(-seconds / 60)} min ago`;
}

function Rates({ samples, numbers }: { samples: Sample[]; numbers: number[] }) {
  if (samples.length < 3) return <p class="muted chart-wait">The first seconds are being counted.</p>;
  const shown = numbers.slice(0, kSeriesMax);
  const first = (samples[1]!.at - samples[samples.length - 1]!.at) / 1000;
  const step = first < -120 ? 60 : first < -40 ? 20 : 5;
  const marks = Array.from({ length: Math.floor(-first / step) + 1 }, (_, i) => -i * step).reverse();
  return (
    <LineChart
      label="Requests a second by version, over the last minutes"
      height={180}
      series={shown.map((version) => ({ name: `v${version}`, points: ratesOf(samples, version, "requests") }))}
      x={ago}
      y={(value) => (value < 10 ? value.toFixed(1) : short(value))}
      yLow={0}
      xHigh={0}
      xTicks={marks.map((at) => ({ at, text: ago(at) }))}
    />
  );
}

function batchNote(numbers: number[], now: Map<number, Now>): string | undefined {
  return numbers.some((version) => sizeOf(now.get(version)!.batches) > 0) ? "by rows, since the servers began" : undefined;
}

function Batches({ endpoint, now }: { endpoint: Endpoint; now: Map<number, Now> }) {
  const all = [...now.values()].map((n) => n.batches).filter((b) => sizeOf(b) > 0);
  const requests = [...now.values()].reduce((sum, n) => sum + n.count("requests"), 0);
  const rows = [...now.values()].reduce((sum, n) => sum + n.count("rows"), 0);
  if (all.length === 0) {
    return (
      <p class="muted">
        {endpoint.model} answers each request as it comes, without waiting for others.
        {requests > 0 && ` A request has ${rows / requests < 10 ? (rows / requests).toFixed(1) : short(rows / requests)} rows on average.`}
      </p>
    );
  }
  const bounds = all[0]!.bounds;
  const counts = bounds.map((_, i) => all.reduce((sum, b) => sum + (b!.counts[i] ?? 0), 0));
  counts.push(all.reduce((sum, b) => sum + (b!.counts[bounds.length] ?? 0), 0));
  const last = counts.reduce((high, n, i) => (n > 0 ? i : high), 0);
  const name = (i: number) => {
    const low = i === 0 ? 1 : bounds[i - 1]! + 1;
    const high = bounds[i];
    return high === undefined ? `${count(low)} or more` : high === low ? count(high) : `${count(low)} – ${count(high)}`;
  };
  const shown = counts.slice(0, Math.max(4, last + 1));
  const every = Math.max(1, Math.ceil(shown.length / 6));
  return (
    <BarChart
      label="Batches by their number of rows"
      bars={shown.map((n, i) => ({ name: `${name(i)} rows`, value: n, text: plural(Math.round(n), "batch", "batches") }))}
      tickTexts={shown.map((_, i) => (i % every === 0 ? (bounds[i] === undefined ? "more" : count(bounds[i]!)) : null))}
      format={short}
      height={180}
    />
  );
}

function Stages({ endpoint, numbers, now }: { endpoint: Endpoint; numbers: number[]; now: Map<number, Now> }) {
  const timed = numbers.filter((version) => sizeOf(now.get(version)!.stage("total")) > 0);
  const recent = timed.some((version) => now.get(version)!.recent);
  return (
    <Section title="Where the time goes" note={<><Clock of="wall" />, {recent ? "the last minute" : "since the servers began"}</>}>
      {timed.length === 0 ? (
        <p class="muted">No request was timed yet.</p>
      ) : (
        <Scroll label="Latency by stage">
          <table class="table stages" data-stages>
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">Stage</th>
                <th scope="col" class="num">P50</th>
                <th scope="col" class="num">P90</th>
                <th scope="col" class="num">P99</th>
                <th scope="col" class="stage-share">Part of the time</th>
              </tr>
            </thead>
            {timed.map((version) => (
              <StageRows key={version} endpoint={endpoint} version={version} now={now.get(version)!} />
            ))}
          </table>
        </Scroll>
      )}
    </Section>
  );
}

function StageRows({ endpoint, version, now }: { endpoint: Endpoint; version: number; now: Now }) {
  const whole = now.stage("total")?.sum ?? 0;
  const stages = kStages.filter(([stage]) => stage !== "queue" || sizeOf(now.stage(stage)) > 0);
  return (
    <tbody>
      {stages.map(([stage, title], i) => {
        const share = whole > 0 && stage !== "total" ? Math.min(1, (now.stage(stage)?.sum ?? 0) / whole) : null;
        return (
          <tr key={stage} data-stage={`${version} ${stage}`} class={stage === "total" ? "stage-total" : undefined}>
            {i === 0 && <th scope="rowgroup" rowSpan={stages.length}><a href={to("models", endpoint.model, version)}>v{version}</a></th>}
            <td><span>{stage}</span> <span class="muted small wide-only">{title}</span></td>
            <td class="num">{latency(now, stage, 0.5)}</td>
            <td class="num">{latency(now, stage, 0.9)}</td>
            <td class="num">{latency(now, stage, 0.99)}</td>
            <td class="stage-share">{share !== null && <span class="share"><i class="share-bar" aria-hidden="true"><b style={{ width: `${100 * share}%` }} /></i>{percent(share, 0)}</span>}</td>
          </tr>
        );
      })}
    </tbody>
  );
}

const kReasons: Record<string, string> = {
  queue_full: "the queue was full",
  too_late: "its deadline could not be held",
  expired: "its deadline passed while it waited",
  shed: "more urgent ones came",
  unloading: "the version was leaving",
  cancelled: "the client went away",
  workers_down: "the workers were down",
};

function TurnedAway({ endpoint, problems, numbers, now }: { endpoint: Endpoint; problems: Answer<RequestLines>; numbers: number[]; now: Map<number, Now> }) {
  const reasons = new Map<string, number>();
  for (const version of numbers) {
    for (const [reason, n] of Object.entries(now.get(version)!.rejections)) if (n > 0) reasons.set(reason, (reasons.get(reason) ?? 0) + n);
  }
  const lines = [...(problems.data?.requests ?? [])].filter((line) => line.outcome).reverse();
  return (
    <Section title="Refused, failed, slow" note={<><Clock of="wall" />, the last 24 hours</>}>
      {reasons.size > 0 && (
        <ul class="reasons" data-reasons>
          {[...reasons].sort((a, b) => b[1] - a[1]).map(([reason, n]) => (
            <li key={reason} data-reason={reason}><b>{count(n)}</b> <span class="muted">{kReasons[reason] ?? reason.replaceAll("_", " ")}</span></li>
          ))}
          <li class="faint small">since the servers began</li>
        </ul>
      )}
      {lines.length === 0 ? (
        <p class="muted">{problems.error ? problems.error.message : "Nothing was refused, failed or took 100 ms."}</p>
      ) : (
        <Scroll label="The last requests that were refused, failed or slow">
          <table class="table" data-problems>
            <thead>
              <tr>
                <th scope="col">Time (UTC)</th>
                <th scope="col">What</th>
                <th scope="col" class="num">Took</th>
                <th scope="col" class="why-cell">Why</th>
                <th scope="col">Client</th>
              </tr>
            </thead>
            <tbody>{lines.map((line, i) => <Problem key={`${line.time} ${line.server} ${i}`} line={line} />)}</tbody>
          </table>
        </Scroll>
      )}
      <div class="commands"><Command text={`millwright logs --endpoint ${endpoint.endpoint} --problems`} label="All of them" /></div>
    </Section>
  );
}

function Problem({ line }: { line: RequestLine }) {
  const state = line.outcome === "answered" ? "slow" : (line.outcome ?? "");
  const today = new Date().toISOString().slice(0, 10) === line.time.slice(0, 10);
  return (
    <tr>
      <td class="nowrap muted">{today ? timeOfDay(line.time) : `${shortDay(line.time)} ${timeOfDay(line.time)}`}</td>
      <td class="nowrap"><State of={state} /> <span class="muted small">{line.status}{line.version ? `, v${line.version}` : ""}</span></td>
      <td class="num nowrap">{line.total_us === undefined ? "–" : milliseconds(line.total_us / 1000)}</td>
      <td class="why-cell">
        {line.error ?? `${plural(line.rows ?? 0, "row")} by ${line.protocol}`}
        {line.trace_id && <span class="muted small mono trace"> trace {line.trace_id}</span>}
      </td>
      <td class="nowrap muted">{line.client}</td>
    </tr>
  );
}
