// The graph of lineage as a picture: moved by dragging, made larger and smaller by the wheel. From left to right, on
// narrow screens from top to bottom.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, digest, plural } from "./format";
import { layersOf } from "./dag";
import type { Graph } from "./records/lineage";
import { tail } from "./records/lineage";

const kHeight = 46;
const kDrawnMax = 600; // nodes of one picture
const kReadable = 0.8; // the least size at which labels are read
const kMargin = 20;

/** Measures of a picture: a layer is a column of nodes, or rows of at most kAbreast. */
interface Measures {
  down: boolean;
  width: number; // of a node
  gap: number; // between layers
  beside: number; // between nodes of a layer
}
const kAcross: Measures = { down: false, width: 176, gap: 46, beside: 16 };
const kDownwards: Measures = { down: true, width: 152, gap: 34, beside: 12 };
const kAbreast = 2;
const kRowGap = 10; // between rows of one layer

const narrow = matchMedia("(max-width: 640px)");

function useMeasures(): Measures {
  const [down, setDown] = useState(narrow.matches);
  useEffect(() => {
    const follow = () => setDown(narrow.matches);
    narrow.addEventListener("change", follow);
    return () => narrow.removeEventListener("change", follow);
  }, []);
  return down ? kDownwards : kAcross;
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

/** In layers by what waits for what; in a layer near to what it hangs on. */
function placed(nodes: GraphNode[], measures: Measures): Map<string, Placed> {
  const byId = layersOf(nodes.map((node) => ({ ...node, tone: "none" as const })));
  const low = Math.min(0, ...byId.values());
  const layers: GraphNode[][] = [];
  for (const node of nodes) (layers[(byId.get(node.id) ?? 0) - low] ??= []).push(node);
  const rank = new Map<string, number>();
  const out = new Map<string, Placed>();
  const widest = Math.max(...layers.map((layer) => layer?.length ?? 0));
  const abreast = Math.min(kAbreast, widest);
  const { down, width, gap, beside } = measures;
  let top = 0;
  layers.forEach((layer, c) => {
    const weight = (node: GraphNode) => {
      const known = node.after.map((id) => rank.get(id)).filter((r): r is number => r !== undefined);
      return known.length === 0 ? 0.5 : known.reduce((a, b) => a + b, 0) / known.length;
    };
    [...layer].sort((a, b) => weight(a) - weight(b) || (a.label < b.label ? -1 : 1)).forEach((node, r) => {
      rank.set(node.id, (r + 0.5) / layer.length);
      if (!down) {
        out.set(node.id, { ...node, x: c * (width + gap), y: (r + (widest - layer.length) / 2) * (kHeight + beside) });
        return;
      }
      const row = Math.floor(r / kAbreast);
      const inRow = Math.min(kAbreast, layer.length - row * kAbreast);
      out.set(node.id, { ...node, x: ((r % kAbreast) + (abreast - inRow) / 2) * (width + beside), y: top + row * (kHeight + kRowGap) });
    });
    top += Math.ceil(layer.length / kAbreast) * (kHeight + kRowGap) - kRowGap + gap;
  });
  return out;
}

/** From the end of one node to the beginning of another. */
function curve(from: Placed, to: Placed, { down, width }: Measures): string {
  if (!down) {
    const [x1, y1, x2, y2] = [from.x + width, from.y + kHeight / 2, to.x, to.y + kHeight / 2];
    return `M${x1} ${y1}C${x1 + 40} ${y1} ${x2 - 40} ${y2} ${x2} ${y2}`;
  }
  const [x1, y1, x2, y2] = [from.x + width / 2, from.y + kHeight, to.x + width / 2, to.y];
  return `M${x1} ${y1}C${x1} ${y1 + 24} ${x2} ${y2 - 24} ${x2} ${y2}`;
}

interface PictureProps {
  graph: Graph;
  chosen: string | null;
  choose: (id: string) => void;
  expand: (reference: string) => Promise<void>;
}

export function Picture({ graph, chosen, choose, expand }: PictureProps) {
  const measures = useMeasures();
  const all = useMemo(() => nodesOf(graph), [graph]);
  const nodes = useMemo(() => placed(all.slice(0, kDrawnMax), measures), [all, measures]);
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ x: kMargin, y: kMargin, scale: 1 });
  const [drag, setDrag] = useState<{ x: number; y: number } | null>(null);
  const width = Math.max(...[...nodes.values()].map((n) => n.x)) + measures.width;
  const height = Math.max(...[...nodes.values()].map((n) => n.y)) + kHeight;
  const boxHeight = Math.round(Math.min(560, Math.max(230, height + 90)));
  const whole = () => Math.max(0.15, Math.min(1, (box.current!.clientWidth - 2 * kMargin) / width, (boxHeight - 60) / height));
  const fit = () => {
    const scale = whole();
    setView({ scale, x: (box.current!.clientWidth - width * scale) / 2, y: (boxHeight - height * scale) / 2 });
  };
  useLayoutEffect(() => {
    // At first all of it where that can be read, else around where the walk began.
    const begin = nodes.get(chosen ?? "") ?? [...nodes.values()].find((node) => node.begin);
    if (whole() >= kReadable || !begin) return fit();
    const room = box.current!.clientWidth;
    const scale = Math.min(1, Math.max(kReadable, (room - 2 * kMargin) / width));
    const x = along(begin.x + measures.width / 2, width, room, scale);
    // No node is cut off where the picture begins.
    const pitch = (measures.width + measures.gap) * scale;
    const snapped = measures.down || width * scale <= room ? x : kMargin - Math.round((kMargin - x) / pitch) * pitch;
    setView({ scale, x: snapped, y: along(begin.y + kHeight / 2, height, boxHeight, scale) });
  }, [graph, measures]);
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
              return source && <path key={`${from} ${node.id}`} class={near.has(from) && near.has(node.id) ? "edge-near" : ""} d={curve(source, node, measures)} />;
            }))}
          </svg>
          {[...nodes.values()].map((node) => (
            <button
              key={node.id} type="button" class={`graph-node graph-${node.kind}${node.bad ? " graph-bad" : ""}${node.begin ? " graph-begin" : ""}`} aria-pressed={node.id === chosen} data-node={node.id}
              style={{ left: `${node.x}px`, top: `${node.y}px`, width: `${measures.width}px`, height: `${kHeight}px`, opacity: near.size === 0 || near.has(node.id) ? 1 : 0.42 }}
              title={node.label} onClick={() => choose(node.id)} onDblClick={() => void expand(node.kind === "artifact" ? node.id : `run:${node.id}`).catch(() => undefined)}
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
    </>
  );
}

/** Where a length begins in a box so that `middle` of it is in the middle, and no room is left beside it. */
function along(middle: number, length: number, room: number, scale: number): number {
  if (length * scale <= room - 2 * kMargin) return (room - length * scale) / 2;
  return Math.min(kMargin, Math.max(room - kMargin - length * scale, room / 2 - middle * scale));
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
