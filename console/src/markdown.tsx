// Markdown as elements, never as HTML: what is not understood stays text. Links lead to http, https, mailto and places
// on this server; pictures are shown as links, since nothing is fetched from elsewhere.
import type { ComponentChildren } from "preact";

const kBlocksMax = 2000;
const kDepthMax = 12;

function address(text: string): string | null {
  const target = text.trim();
  if (/^(https?:|mailto:)/i.test(target)) return target;
  return /^[/#](?!\/)/.test(target) && !target.includes("\\") ? target : null;
}

const kInline = /`([^`\n]+)`|(!?)\[([^\]\n]*)\]\(([^()\s]*)\)|\*\*([^*\n]+)\*\*|__([^_\n]+)__|\*([^*\s][^*\n]*)\*|(?<![\w])_([^_\s][^_\n]*)_(?!\w)|~~([^~\n]+)~~|(https?:\/\/[^\s<>()]+)/;

function inline(text: string, depth = 0): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  let rest = text;
  while (rest !== "") {
    const found = depth < kDepthMax ? kInline.exec(rest) : null;
    if (!found) {
      out.push(rest);
      break;
    }
    if (found.index > 0) out.push(rest.slice(0, found.index));
    const [all, code, picture, label, target, strong, strong2, soft, soft2, gone, bare] = found;
    const to = address(target ?? bare ?? "");
    if (code !== undefined) out.push(<code>{code}</code>);
    else if (bare !== undefined) out.push(<a href={bare} rel="noreferrer nofollow" target="_blank">{bare}</a>);
    else if (label !== undefined) out.push(to ? <a href={to} rel="noreferrer nofollow" target="_blank">{picture ? `picture: ${label}` : inline(label, depth + 1)}</a> : all);
    else if (strong ?? strong2) out.push(<b>{inline((strong ?? strong2)!, depth + 1)}</b>);
    else if (soft ?? soft2) out.push(<i>{inline((soft ?? soft2)!, depth + 1)}</i>);
    else out.push(<s>{inline(gone!, depth + 1)}</s>);
    rest = rest.slice(found.index + all.length);
  }
  return out;
}

const kItem = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;
const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function blocks(lines: string[], depth: number): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  let i = 0;
  const until = (test: (line: string) => boolean) => {
    const from = i;
    while (i < lines.length && !test(lines[i]!)) ++i;
    return lines.slice(from, i);
  };
  while (i < lines.length && out.length < kBlocksMax) {
    const line = lines[i]!;
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (line.trim() === "") {
      ++i;
    } else if (/^\s*(```|~~~)/.test(line)) {
      ++i;
      const code = until((l) => /^\s*(```|~~~)\s*$/.test(l));
      ++i;
      out.push(<pre>{code.join("\n")}</pre>);
    } else if (heading) {
      ++i;
      const Heading = (["h3", "h3", "h4", "h4", "h5", "h6"] as const)[heading[1]!.length - 1]!;
      out.push(<Heading>{inline(heading[2]!)}</Heading>);
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      ++i;
      out.push(<hr />);
    } else if (/^\s*>/.test(line) && depth < kDepthMax) {
      const quote = until((l) => !/^\s*>/.test(l)).map((l) => l.replace(/^\s*>\s?/, ""));
      out.push(<blockquote>{blocks(quote, depth + 1)}</blockquote>);
    } else if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[i + 1] ?? "")) {
      const head = cells(line);
      i += 2;
      const rows = until((l) => !l.includes("|")).map(cells);
      out.push(
        <div class="scroll">
          <table class="table">
            <thead><tr>{head.map((cell) => <th>{inline(cell)}</th>)}</tr></thead>
            <tbody>{rows.map((row) => <tr>{head.map((_, c) => <td>{inline(row[c] ?? "")}</td>)}</tr>)}</tbody>
          </table>
        </div>,
      );
    } else if (kItem.test(line) && depth < kDepthMax) {
      out.push(list());
    } else {
      const text = until((l) => l.trim() === "" || /^(#{1,6}\s|\s*(```|~~~|>))/.test(l) || kItem.test(l));
      if (text.length === 0) text.push(lines[i++]!);
      out.push(<p>{text.flatMap((l, n) => (n === 0 ? inline(l) : [l.endsWith("  ") ? <br /> : "\n", ...inline(l.trimStart())]))}</p>);
    }
  }
  return out;

  function list(): ComponentChildren {
    const [, pad, mark] = kItem.exec(lines[i]!)!;
    const ordered = /\d/.test(mark!);
    const items: ComponentChildren[] = [];
    while (i < lines.length) {
      const found = kItem.exec(lines[i]!);
      if (!found || found[1]!.length !== pad!.length || /\d/.test(found[2]!) !== ordered) break;
      ++i;
      const body = until((l) => !(l.trim() === "" ? /^\s/.test(lines[i + 1] ?? "") : /^\s/.test(l) && l.length - l.trimStart().length > pad!.length));
      const box = /^\[([ xX])\]\s+(.*)$/.exec(found[3]!);
      items.push(
        <li>
          {box ? <><input type="checkbox" disabled checked={box[1] !== " "} /> {inline(box[2]!)}</> : inline(found[3]!)}
          {body.length > 0 && blocks(body.map((l) => l.replace(/^\s{1,4}/, "")), depth + 1)}
        </li>,
      );
    }
    return ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
  }
}

export function Markdown({ text }: { text: string }) {
  return <div class="markdown">{blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0)}</div>;
}
