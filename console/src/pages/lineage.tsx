// What something was made of and what it reached, as a graph that is walked in both directions: moved by dragging,
// made larger and smaller by the wheel, opened further at any node.
import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { ApiError, ask } from "../api";
import { moment, plural, shellWord } from "../format";
import { Picture } from "../lineage_graph";
import type { Artifact, Execution, Graph, TitledDigest } from "../records/lineage";
import { datasetAddress, graphPath, joined, lineageAddress, pageOfArtifact, pageOfExecution } from "../records/lineage";
import { navigate, usePlace, withQuery } from "../router";
import { runAddress } from "../tracking";
import { Empty, Failure, Head, Loading, Scroll, Section } from "../ui";

const kFirstHops = 4;

export function LineagePage() {
  const place = usePlace();
  const of = place.query.get("of") ?? "";
  const direction = place.query.get("direction") ?? "both";
  const [graph, setGraph] = useState<Graph | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useLayoutEffect(() => {
    setGraph(null);
    setError(null);
    if (of === "") return undefined;
    const asked = new AbortController();
    ask<Graph>("GET", graphPath(of, direction, kFirstHops), undefined, asked.signal)
      .then(setGraph)
      .catch((failure: ApiError) => !asked.signal.aborted && setError(failure));
    return () => asked.abort();
  }, [of, direction]);
  const expand = async (reference: string) => {
    const more = await ask<Graph>("GET", graphPath(reference, "both", 2));
    setGraph((old) => (old ? joined(old, more) : more));
  };
  const choose = (to: string | null) => navigate(withQuery(place, "direction", to), "replace");
  return (
    <div class="wide">
      <Head title={of || "Lineage"} kicker="Lineage" command={`millwright lineage ${of ? shellWord(of) : "MODEL@VERSION"}`} />
      <div class="toolbar">
        <Reference of={of} />
        <span class="choices" role="group" aria-label="Direction">
          {[["both", "Both ways"], ["upstream", "What made it"], ["downstream", "What it reached"]].map(([name, text]) => (
            <button key={name} type="button" aria-pressed={direction === name} onClick={() => choose(name === "both" ? null : name!)}>{text}</button>
          ))}
        </span>
      </div>
      {error ? <Failure error={error} what={`The lineage of ${of}`} /> : of === "" ? (
        <Empty title="Of what?">A version (<code>late-departures@1</code>), a run (<code>run:ID</code>), an endpoint (<code>endpoint:NAME</code>) or data (<code>dataset:NAME</code>, <code>dataset:NAME@DIGEST</code>, a digest).</Empty>
      ) : graph === null ? <Loading /> : graph.artifacts.length + graph.executions.length === 0 ? (
        <Empty title="Nothing is recorded of it">Runs, steps, versions and deployments record what they take and make by themselves.</Empty>
      ) : <Found graph={graph} expand={expand} />}
    </div>
  );
}

function Found({ graph, expand }: { graph: Graph; expand: (reference: string) => Promise<void> }) {
  const place = usePlace();
  const chosen = place.query.get("node") ?? graph.of?.artifacts[0] ?? graph.of?.executions[0] ?? null;
  const artifact = graph.artifacts.find((a) => a.id === chosen);
  const execution = graph.executions.find((e) => e.id === chosen);
  const digests = graph.of?.digests ?? [];
  const asked = graph.artifacts.find((a) => a.id === graph.of?.artifacts[0]);
  return (
    <>
      {asked && digests.length > 0 && <p class="digest-line">Shown is {asked.digest === digests[0]!.digest ? "the newest" : "one"} of {plural(digests.length, "digest")} that <b>{asked.name}</b> has had: <a href="#digests">all of them</a>.</p>}
      <Picture graph={graph} chosen={chosen} choose={(id) => navigate(withQuery(place, "node", id), "replace")} expand={expand} />
      {artifact && <ArtifactPanel artifact={artifact} expand={expand} />}
      {execution && <ExecutionPanel execution={execution} expand={expand} />}
      {asked && digests.length > 0 && <Digests asked={asked} digests={digests} />}
    </>
  );
}

const kRunsNamed = 6;

/** Everything that one name has meant, with the runs that used each. */
function Digests({ asked, digests }: { asked: Artifact; digests: TitledDigest[] }) {
  return (
    <Section id="digests" title={`Digests of ${asked.name}`} note="newest first">
      <Scroll label="Digests">
        <table class="table">
          <thead><tr><th scope="col">Digest</th><th scope="col">Recorded</th><th scope="col">Runs</th></tr></thead>
          <tbody>
            {digests.map((one) => (
              <tr key={one.artifact} data-digest={one.digest}>
                <th scope="row" class="mono">
                  {one.artifact === asked.id ? <span aria-current="true">{one.digest}</span> : <a href={lineageAddress(`${asked.type}:${asked.name}@${one.digest}`)}>{one.digest}</a>}
                  {asked.type === "dataset" && <> · <a class="small" href={datasetAddress(asked.name ?? "", one.digest)}>its page</a></>}
                </th>
                <td class="nowrap muted">{moment(one.created)}</td>
                <td class="tags">
                  {one.runs.slice(0, kRunsNamed).map((run) => <a key={run} class="tag mono" href={runAddress("0", run)} title={run}>{run.slice(0, 12)}</a>)}
                  {(one.more_runs || one.runs.length > kRunsNamed) && <span class="muted small">and {one.more_runs ? "more" : one.runs.length - kRunsNamed}</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}

function Reference({ of }: { of: string }) {
  const [text, setText] = useState(of);
  useEffect(() => setText(of), [of]);
  return (
    <form class="menu-form field-grow" onSubmit={(event) => { event.preventDefault(); navigate(lineageAddress(text.trim())); }}>
      <input class="field" placeholder="MODEL@VERSION, run:ID, endpoint:NAME, dataset:NAME" aria-label="Lineage of" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit" class="button" disabled={!text.trim()}>Show</button>
    </form>
  );
}

function Details({ of }: { of: Record<string, unknown> }) {
  return (
    <>
      {Object.entries(of).slice(0, 60).map(([key, value]) => (
        <Fragment key={key}>
          <dt>{key}</dt>
          <dd class="wrap small">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
        </Fragment>
      ))}
    </>
  );
}

function ArtifactPanel({ artifact, expand }: { artifact: Artifact; expand: (reference: string) => Promise<void> }) {
  const page = pageOfArtifact(artifact);
  return (
    <Section title={artifact.name || artifact.type} note={<><button type="button" class="link" onClick={() => void expand(artifact.id)}>open further</button>{page && <> · <a href={page}>its page</a></>}</>}>
      <dl class="rows panel" data-lineage>
        <dt>Kind</dt><dd>{artifact.type}</dd>
        {artifact.digest && <><dt>Digest</dt><dd class="mono wrap">{artifact.digest}</dd></>}
        {artifact.uri && <><dt>Lies at</dt><dd class="mono wrap">{artifact.uri}</dd></>}
        <dt>Recorded</dt><dd>{moment(artifact.created)}</dd>
        <Details of={artifact.metadata} />
      </dl>
    </Section>
  );
}

function ExecutionPanel({ execution, expand }: { execution: Execution; expand: (reference: string) => Promise<void> }) {
  const page = pageOfExecution(execution);
  return (
    <Section title={execution.name || execution.type} note={<><button type="button" class="link" onClick={() => void expand(`run:${execution.id}`)}>open further</button>{page && <> · <a href={page}>its page</a></>}</>}>
      <dl class="rows panel" data-lineage>
        <dt>Kind</dt><dd>{execution.type}, {execution.state}</dd>
        <dt>Ran</dt><dd>{moment(execution.started)}{execution.ended && ` to ${moment(execution.ended)}`}</dd>
        {execution.code_version && <><dt>Code</dt><dd class="mono wrap">{execution.code_version}</dd></>}
        <Details of={execution.configuration} />
        <Details of={execution.environment} />
      </dl>
    </Section>
  );
}
