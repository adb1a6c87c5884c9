// A graph in layers: what must come first stands first. From left to right where there is room, else downwards.
import type { Tone } from "./ui";
import { Sign } from "./ui";
import { useWidth } from "./charts";

export interface Node {
  id: string;
  label: string;
  sub: string;
  tone: Tone;
  after: string[];
}

/** The layer of each node: one more than that of the latest it waits for. */
export function layersOf(nodes: Node[]): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const layers = new Map<string, number>();
  const layer = (id: string, depth: number): number => {
    const known = layers.get(id);
    if (known !== undefined) return known;
    const before = (byId.get(id)?.after ?? []).filter((other) => byId.has(other));
    const own = depth > nodes.length || before.length === 0 ? 0 : 1 + Math.max(...before.map((other) => layer(other, depth + 1)));
    layers.set(id, own);
    return own;
  };
  for (const node of nodes) layer(node.id, 0);
  // What waits for nothing stands close to what wants it.
  for (const node of nodes) {
    const wanted = nodes.filter((other) => other.after.includes(node.id)).map((other) => layers.get(other.id)!);
    if (node.after.length === 0 && wanted.length > 0) layers.set(node.id, Math.min(...wanted) - 1);
  }
  return layers;
}

/** Edges that do not follow from others. */
export function edgesOf(nodes: Node[]): [string, string][] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const reach = new Map<string, Set<string>>();
  const ancestors = (id: string): Set<string> => {
    const known = reach.get(id);
    if (known) return known;
    const all = new Set<string>();
    reach.set(id, all);
    for (const other of byId.get(id)?.after ?? []) {
      all.add(other);
      for (const far of ancestors(other)) all.add(far);
    }
    return all;
  };
  return nodes.flatMap((node) =>
    node.after
      .filter((other) => byId.has(other) && !node.after.some((third) => third !== other && ancestors(third).has(other)))
      .map((other): [string, string] => [other, node.id]),
  );
}

/** The nodes of each layer, those with neighbours above each other kept close. */
function rows(nodes: Node[], layers: Map<string, number>): Node[][] {
  const depth = Math.max(0, ...layers.values()) + 1;
  const out: Node[][] = Array.from({ length: depth }, () => []);
  for (const node of nodes) out[layers.get(node.id) ?? 0]!.push(node);
  const place = new Map<string, number>();
  for (const row of out) {
    const weight = (node: Node) => {
      if (node.after.length === 0) return row.length;
      const known = node.after.map((id) => place.get(id)).filter((p): p is number => p !== undefined);
      return known.length === 0 ? 0 : known.reduce((a, b) => a + b, 0) / known.length;
    };
    row.sort((a, b) => weight(a) - weight(b));
    row.forEach((node, i) => place.set(node.id, i));
  }
  return out;
}

export function Dag({ label, nodes, chosen, onChoose }: {
  label: string;
  nodes: Node[];
  chosen: string | null;
  onChoose: (id: string) => void;
}) {
  const [ref, width] = useWidth(900);
  const layers = layersOf(nodes);
  const layered = rows(nodes, layers);
  const widest = Math.max(1, ...layered.map((row) => row.length));
  const across = width / layered.length >= 92;
  const nodeHeight = 48;
  const slotX = across ? width / layered.length : width / widest;
  const slotY = across ? nodeHeight + 16 : nodeHeight + 20;
  const nodeWidth = Math.min(slotX - (across ? 15 : 10), 168);
  const height = (across ? widest : layered.length) * slotY - (slotY - nodeHeight);
  const at = new Map<string, { x: number; y: number }>();
  layered.forEach((row, layer) =>
    row.forEach((node, i) => {
      const x = across ? layer * slotX : (i + 0.5) * slotX - nodeWidth / 2 + ((widest - row.length) * slotX) / 2;
      const y = across ? i * slotY : layer * slotY;
      at.set(node.id, { x, y });
    }),
  );
  const edge = (from: { x: number; y: number }, to: { x: number; y: number }) => {
    if (across) {
      const [x1, y1, x2, y2] = [from.x + nodeWidth, from.y + nodeHeight / 2, to.x, to.y + nodeHeight / 2];
      const bend = Math.min(40, (x2 - x1) / 2);
      return y1 === y2 ? `M${x1} ${y1}L${x2} ${y2}` : `M${x1} ${y1}L${x2 - 2 * bend} ${y1}C${x2 - bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
    }
    const [x1, y1, x2, y2] = [from.x + nodeWidth / 2, from.y + nodeHeight, to.x + nodeWidth / 2, to.y];
    return `M${x1} ${y1}C${x1} ${y1 + 12} ${x2} ${y2 - 12} ${x2} ${y2}`;
  };
  return (
    <div class="dag" ref={ref} style={{ height: `${height}px` }} role="group" aria-label={label}>
      <svg width={width} height={height} aria-hidden="true">
        {edgesOf(nodes).map(([from, to]) => (
          <path key={`${from} ${to}`} d={edge(at.get(from)!, at.get(to)!)} class={from === chosen || to === chosen ? "edge-near" : ""} />
        ))}
      </svg>
      {layered.flat().map((node) => (
        <button
          key={node.id}
          type="button"
          class={`node node-${node.tone}`}
          data-node={node.id}
          aria-pressed={node.id === chosen}
          style={{ left: `${at.get(node.id)!.x}px`, top: `${at.get(node.id)!.y}px`, width: `${nodeWidth}px`, height: `${nodeHeight}px` }}
          onClick={() => onChoose(node.id)}
        >
          <span class="node-label">
            <Sign tone={node.tone} />
            <span>{node.label}</span>
          </span>
          <span class="node-sub">{node.sub}</span>
        </button>
      ))}
    </div>
  );
}
