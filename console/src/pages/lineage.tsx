// What something was made of and what it reached, as a graph that is walked in both directions: moved by dragging,
// made larger and smaller by the wheel, opened further at any node.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, ask } from "../api";
import { count, digest, moment, plural, shellWord } from "../format";
import { layersOf } from "../dag";
import { navigate, to, usePlace, withQuery } from "../router";
import { runAddress } from "../tracking";
import { Empty, Failure, Head, Loading, Section } from "../ui";

interface Artifact {
  id: string;
  type: string;
  name?: string;
  digest: string;
  uri?: string;
  state?: string;
  metadata: Record<string, unknown>;
  created: string;
}
interface Execution {
  id: string;
  type: string;
  name: string;
  state: string;
  code_version: string;
  configuration: Record<string, unknown>;
  environment: Record<string, unknown>;
  started: string;
  ended: string | null;
}
interface Graph {
  of?: { ref: string; artifacts: string[]; executions: string[] };
  artifacts: Artifact[];
  executions: Execution[];
  events: { execution: string; artifact: string; direction: "input" | "output"; port: string }[];
  truncated: boolean;
}

const kWidth = 176;
const kHeight = 46;
const kGapX = 46;
const kGapY = 16;
const kDrawnMax = 600; // nodes of one picture
const kFirstHops = 4;
const kReadable = 0.8; // the least size at which labels are read

const graphPath = (of: string, direction: string, hops: number) => `/api/v1/lineage?${new URLSearchParams({ of, direction, hops: String(hops) })}`;
const tail = (text: string) => text.slice(text.lastIndexOf("/") + 1);

/** One graph out of two. */
function joined(a: Graph, b: Graph): Graph {
  const unique = <T extends { id: string }>(list: T[]) => [...new Map(list.map((one) => [one.id, one])).values()];
  const events = new Map([...a.events, ...b.events].map((e) => [`${e.execution} ${e.artifact} ${e.direction} ${e.port}`, e]));
  return { ...a, artifacts: unique([...a.artifacts, ...b.artifacts]), executions: unique([...a.executions, ...b.executions]), events: [...events.values()], truncated: a.truncated || b.truncated };
}

export function LineagePage() {
  const place = usePlace();
  const of = place.query.get("of") ?? "";
  const direction = place.query.get("direction") ?? "both";
  const [graph, setGraph] = useState<Graph | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    setGraph(null);
    setError(null);
    if (of === "") return;
    ask<Graph>("GET", graphPath(of, direction, kFirstHops)).then(setGraph, (failure: ApiError) => setError(failure));
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
        <Empty title="Of what?">A version (<code>late-departures@1</code>), a run (<code>run:ID</code>), an endpoint (<code>endpoint:NAME</code>) or data (<code>dataset:NAME</code>, a digest).</Empty>
      ) : graph === null ? <Loading /> : graph.artifacts.length + graph.executions.length === 0 ? (
        <Empty title="Nothing is recorded of it">Runs, steps, versions and deployments record what they take and make by themselves.</Empty>
      ) : <Picture graph={graph} expand={expand} />}
    </div>
  );
}

function Reference({ of }: { of: string }) {
  const [text, setText] = useState(of);
  useEffect(() => setText(of), [of]);
  return (
    <form class="menu-form field-grow" onSubmit={(event) => { event.preventDefault(); navigate(`/lineage?${new URLSearchParams({ of: text.trim() })}`); }}>
      <input class="field" placeholder="MODEL@VERSION, run:ID, endpoint:NAME, dataset:NAME" aria-label="Lineage of" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit" class="button" disabled={!text.trim()}>Show</button>
    </form>
  );
}

interface GraphNode {
  id: string;
  label: string;
  sub: string;
  kind: "artifact" | "execution";
  bad: boolean;
  begin: boolean;
  after: string[];
}

/** Where an artifact has a page of its own. */
function pageOf(artifact: Artifact): string | null {
  const name = artifact.name ?? "";
  if (artifact.type === "version" && name.includes("@")) return to("models", name.slice(0, name.lastIndexOf("@")), name.slice(name.lastIndexOf("@") + 1));
  if (artifact.type === "deployment") return to("endpoints", name.split("#")[0]!);
  if (artifact.type === "goal" && name) return to("goals", name);
  return null;
}

function nodesOf(graph: Graph): GraphNode[] {
  const begin = new Set([...(graph.of?.artifacts ?? []), ...(graph.of?.executions ?? [])]);
  const after = new Map<string, string[]>();
  const ports = new Map<string, string>();
  for (const event of graph.events) {
    const [from, into] = event.direction === "input" ? [event.artifact, event.execution] : [event.execution, event.artifact];
    after.set(into, [...(after.get(into) ?? []), from]);
    if (!ports.has(event.artifact)) ports.set(event.artifact, event.port);
  }
  return [
    ...graph.artifacts.map((a): GraphNode => ({
      id: a.id, label: tail(a.name || (ports.get(a.id) ?? a.type)), sub: a.name ? a.type : `${a.type} ${digest(a.digest)}`, kind: "artifact", bad: false, begin: begin.has(a.id), after: after.get(a.id) ?? [],
    })),
    ...graph.executions.map((e): GraphNode => ({
      id: e.id, label: tail(e.name) || e.type, sub: e.state === "complete" ? e.type : `${e.type}, ${e.state}`, kind: "execution", bad: e.state === "failed", begin: begin.has(e.id), after: after.get(e.id) ?? [],
    })),
  ];
}

interface Placed extends GraphNode {
  x: number;
  y: number;
}

/** Left to right by what waits for what; in a column near to what it hangs on. */
function placed(nodes: GraphNode[]): Map<string, Placed> {
  const layers = layersOf(nodes.map((node) => ({ ...node, tone: "none" as const })));
  const low = Math.min(0, ...layers.values());
  const columns: GraphNode[][] = [];
  for (const node of nodes) (columns[(layers.get(node.id) ?? 0) - low] ??= []).push(node);
  const rank = new Map<string, number>();
  const out = new Map<string, Placed>();
  const tallest = Math.max(...columns.map((column) => column?.length ?? 0));
  columns.forEach((column, c) => {
    const weight = (node: GraphNode) => {
      const known = node.after.map((id) => rank.get(id)).filter((r): r is number => r !== undefined);
      return known.length === 0 ? 0.5 : known.reduce((a, b) => a + b, 0) / known.length;
    };
    [...column].sort((a, b) => weight(a) - weight(b) || (a.label < b.label ? -1 : 1)).forEach((node, r) => {
      rank.set(node.id, (r + 0.5) / column.length);
      out.set(node.id, { ...node, x: c * (kWidth + kGapX), y: (r + (tallest - column.length) / 2) * (kHeight + kGapY) });
    });
  });
  return out;
}

function Picture({ graph, expand }: { graph: Graph; expand: (reference: string) => Promise<void> }) {
  const place = usePlace();
  const all = useMemo(() => nodesOf(graph), [graph]);
  const nodes = useMemo(() => placed(all.slice(0, kDrawnMax)), [all]);
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ x: 20, y: 20, scale: 1 });
  const [drag, setDrag] = useState<{ x: number; y: number } | null>(null);
  const chosen = place.query.get("node") ?? graph.of?.artifacts[0] ?? graph.of?.executions[0] ?? null;
  const width = Math.max(...[...nodes.values()].map((n) => n.x)) + kWidth;
  const height = Math.max(...[...nodes.values()].map((n) => n.y)) + kHeight;
  const boxHeight = Math.round(Math.min(560, Math.max(230, height + 90)));
  const whole = () => Math.max(0.15, Math.min(1, (box.current!.clientWidth - 40) / width, (boxHeight - 60) / height));
  const fit = () => {
    const scale = whole();
    setView({ scale, x: (box.current!.clientWidth - width * scale) / 2, y: (boxHeight - height * scale) / 2 });
  };
  useLayoutEffect(() => {
    // At first all of it where that can be read, else around where the walk began.
    const begin = nodes.get(chosen ?? "") ?? [...nodes.values()].find((node) => node.begin);
    if (whole() >= kReadable || !begin) return fit();
    const scale = kReadable;
    setView({ scale, x: box.current!.clientWidth / 2 - (begin.x + kWidth / 2) * scale, y: boxHeight / 2 - (begin.y + kHeight / 2) * scale });
  }, [graph]);
  const zoom = (by: number, cx: number, cy: number) =>
    setView((old) => {
      const scale = Math.min(2.5, Math.max(0.1, old.scale * by));
      return { scale, x: cx - ((cx - old.x) * scale) / old.scale, y: cy - ((cy - old.y) * scale) / old.scale };
    });
  useEffect(() => {
    const element = box.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const bounds = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 400), event.clientX - bounds.left, event.clientY - bounds.top);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);
  const near = useMemo(() => linked(all, chosen), [all, chosen]);
  const middle = (by: number) => zoom(by, box.current!.clientWidth / 2, box.current!.clientHeight / 2);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "+" || event.key === "=") middle(1.25);
    else if (event.key === "-") middle(0.8);
    else if (event.key === "0") fit();
  };
  const artifact = graph.artifacts.find((a) => a.id === chosen);
  const execution = graph.executions.find((e) => e.id === chosen);
  return (
    <>
      <div
        class={`graph${drag ? " graph-held" : ""}`} ref={box} style={{ height: `${boxHeight}px` }} tabindex={0} role="group" aria-label="The graph; plus and minus change its size, 0 shows all" data-graph={nodes.size} onKeyDown={onKey}
        onPointerDown={(event) => { if (!(event.target as Element).closest("button")) { event.currentTarget.setPointerCapture(event.pointerId); setDrag({ x: event.clientX - view.x, y: event.clientY - view.y }); } }}
        onPointerMove={(event) => drag && setView({ ...view, x: event.clientX - drag.x, y: event.clientY - drag.y })}
        onPointerUp={() => setDrag(null)}
      >
        <div class="graph-sheet" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`, width: `${width}px`, height: `${height}px` }}>
          <svg width={width} height={height} aria-hidden="true">
            {[...nodes.values()].flatMap((node) => node.after.map((from) => {
              const source = nodes.get(from);
              if (!source) return null;
              const [x1, y1, x2, y2] = [source.x + kWidth, source.y + kHeight / 2, node.x, node.y + kHeight / 2];
              return <path key={`${from} ${node.id}`} class={near.has(from) && near.has(node.id) ? "edge-near" : ""} d={`M${x1} ${y1}C${x1 + 40} ${y1} ${x2 - 40} ${y2} ${x2} ${y2}`} />;
            }))}
          </svg>
          {[...nodes.values()].map((node) => (
            <button
              key={node.id} type="button" class={`graph-node graph-${node.kind}${node.bad ? " graph-bad" : ""}${node.begin ? " graph-begin" : ""}`} aria-pressed={node.id === chosen} data-node={node.id}
              style={{ left: `${node.x}px`, top: `${node.y}px`, width: `${kWidth}px`, height: `${kHeight}px`, opacity: near.size === 0 || near.has(node.id) ? 1 : 0.42 }}
              title={node.label} onClick={() => navigate(withQuery(place, "node", node.id), "replace")} onDblClick={() => void expand(node.kind === "artifact" ? node.id : `run:${node.id}`).catch(() => undefined)}
            >
              <b>{node.label}</b>
              <span>{node.sub}</span>
            </button>
          ))}
        </div>
        <span class="graph-tools">
          <button type="button" class="button" onClick={() => middle(1.25)} aria-label="Larger">+</button>
          <button type="button" class="button" onClick={() => middle(0.8)} aria-label="Smaller">−</button>
          <button type="button" class="button" onClick={fit}>Fit</button>
        </span>
      </div>
      <p class="small muted">{plural(graph.artifacts.length, "artifact")}, {plural(graph.executions.length, "execution")}; a double click opens a node further.{all.length > kDrawnMax && ` The nearest ${count(kDrawnMax)} are drawn.`}{graph.truncated && " There is more than was read."}</p>
      {artifact && <ArtifactPanel artifact={artifact} expand={expand} />}
      {execution && <ExecutionPanel execution={execution} expand={expand} />}
    </>
  );
}

/** What made the node and what came of it, with itself. */
function linked(nodes: GraphNode[], chosen: string | null): Set<string> {
  const found = new Set<string>();
  if (chosen === null || !nodes.some((n) => n.id === chosen)) return found;
  const before = new Map(nodes.map((n) => [n.id, n.after]));
  const next = new Map<string, string[]>();
  for (const node of nodes) for (const from of node.after) next.set(from, [...(next.get(from) ?? []), node.id]);
  for (const links of [before, next]) {
    const seen = new Set<string>([chosen]);
    const open = [chosen];
    while (open.length > 0) {
      for (const id of links.get(open.pop()!) ?? []) {
        if (seen.has(id)) continue;
        seen.add(id);
        open.push(id);
      }
    }
    for (const id of seen) found.add(id);
  }
  return found;
}

function Details({ of }: { of: Record<string, unknown> }) {
  return (
    <>
      {Object.entries(of).slice(0, 60).map(([key, of]) => (
        <>
          <dt>{key}</dt>
          <dd class="wrap small">{typeof of === "string" ? of : JSON.stringify(of)}</dd>
        </>
      ))}
    </>
  );
}

function ArtifactPanel({ artifact, expand }: { artifact: Artifact; expand: (reference: string) => Promise<void> }) {
  const page = pageOf(artifact);
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
  return (
    <Section title={execution.name || execution.type} note={<><button type="button" class="link" onClick={() => void expand(`run:${execution.id}`)}>open further</button>{execution.type === "run" && <> · <a href={runAddress("0", execution.id)}>its page</a></>}</>}>
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
