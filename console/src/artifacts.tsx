// The files of a run or of a logged model: a tree, and the beginning of what is chosen. A file is shown as text, as a table of text or as a
// picture; nothing of it is ever run or taken for markup.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { useApi } from "./api";
import { bytes, count } from "./format";
import { Markdown } from "./markdown";
import { navigate, to, usePlace, withQuery } from "./router";
import { kAjax } from "./tracking";
import { Empty, Failure, Scroll } from "./ui";

interface File {
  path: string;
  is_dir: boolean;
  file_size?: number | string;
}

const kHeadBytes = 262_144; // of a file that is previewed
const kLines = 2000;
const kRows = 200;
const kColumns = 60;
const kPictures = /\.(png|jpe?g|gif|webp|bmp|ico)$/i;
const kTables = /\.(csv|tsv)$/i;
const kNotText = /\.(parquet|pkl|pickle|joblib|npy|npz|pt|pth|onnx|bin|h5|zip|gz|bz2|xz|zst|tar|pdf|safetensors|arrow|feather|woff2?|mp4|mp3|wav)$/i;

/** Where files are asked for. */
export interface Files {
  list: (path: string) => string;
  file: (path: string) => string;
  uri: string; // where they lie
  keeper: string; // what fills them: "mlflow.log_artifact"
}

export const runFiles = (run: string, uri: string): Files => ({
  list: (path) => `${kAjax}/artifacts/list?${new URLSearchParams(path ? { run_id: run, path } : { run_id: run })}`,
  file: (path) => `/get-artifact?${new URLSearchParams({ run_uuid: run, path })}`,
  uri,
  keeper: "mlflow.log_artifact",
});

export const modelFiles = (id: string, uri: string): Files => ({
  list: (path) => `${kAjax}${to("logged-models", id, "artifacts", "directories")}${path ? `?${new URLSearchParams({ artifact_directory_path: path })}` : ""}`,
  file: (path) => `${kAjax}${to("logged-models", id, "artifacts", "files")}?${new URLSearchParams({ artifact_file_path: path })}`,
  uri,
  keeper: "log_model",
});

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/** `elsewhere`: where files are that are not kept here. */
export function Artifacts({ of, elsewhere }: { of: Files; elsewhere?: ComponentChildren }) {
  const place = usePlace();
  const chosen = place.query.get("path");
  const root = useApi<{ files?: File[] }>(of.list(""));
  if (!root.settled) return null;
  if (root.error) return <Failure error={root.error} what="The list of artifacts" />;
  const files = root.data!.files ?? [];
  if (files.length === 0) {
    return <Empty title="No artifacts">What is kept with <code>{of.keeper}</code> lies at {of.uri}.{elsewhere}</Empty>;
  }
  return (
    <div class="artifacts">
      <ul class="tree" role="tree" aria-label="Artifacts">
        <Branch of={of} files={files} chosen={chosen} depth={0} />
      </ul>
      <div class="preview" data-preview={chosen ?? ""}>
        {chosen ? <Preview key={chosen} of={of} path={chosen} /> : <Overview of={of} files={files} />}
      </div>
    </div>
  );
}

function Branch({ of, files, chosen, depth }: { of: Files; files: File[]; chosen: string | null; depth: number }) {
  const sorted = [...files].sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || (a.path < b.path ? -1 : 1));
  return (
    <>
      {sorted.slice(0, 1000).map((file) => (file.is_dir ? <Folder key={file.path} of={of} file={file} chosen={chosen} depth={depth} /> : <Leaf key={file.path} file={file} chosen={chosen} depth={depth} />))}
      {sorted.length > 1000 && <li class="muted small">{count(sorted.length - 1000)} more</li>}
    </>
  );
}

function Folder({ of, file, chosen, depth }: { of: Files; file: File; chosen: string | null; depth: number }) {
  const holds = chosen?.startsWith(`${file.path}/`) ?? false;
  const [open, setOpen] = useState(holds);
  useEffect(() => {
    if (holds) setOpen(true);
  }, [holds]);
  const answer = useApi<{ files?: File[] }>(open ? of.list(file.path) : null);
  return (
    <li role="treeitem" aria-expanded={open}>
      <button type="button" class="tree-item" style={{ paddingLeft: `${8 + depth * 14}px` }} onClick={() => setOpen(!open)} data-folder={file.path}>
        <i class={`caret${open ? " caret-open" : ""}`} aria-hidden="true" />
        <span>{nameOf(file.path)}/</span>
      </button>
      {open && answer.data && <ul role="group"><Branch of={of} files={answer.data.files ?? []} chosen={chosen} depth={depth + 1} /></ul>}
    </li>
  );
}

function Leaf({ file, chosen, depth }: { file: File; chosen: string | null; depth: number }) {
  const place = usePlace();
  return (
    <li role="treeitem" aria-selected={file.path === chosen}>
      <button type="button" class="tree-item" style={{ paddingLeft: `${24 + depth * 14}px` }} aria-current={file.path === chosen ? "true" : undefined} data-file={file.path}
        onClick={() => navigate(withQuery(place, "path", file.path), "replace")}>
        <span>{nameOf(file.path)}</span>
        <span class="muted small">{bytes(Number(file.file_size ?? 0))}</span>
      </button>
    </li>
  );
}

/** What lies there at first sight: models by their MLmodel. */
function Overview({ of, files }: { of: Files; files: File[] }) {
  const folders = files.filter((file) => file.is_dir).map((file) => file.path);
  return (
    <>
      <p class="muted small wrap mono">{of.uri}</p>
      {files.some((file) => nameOf(file.path) === "MLmodel") && <ModelCard of={of} folder="" />}
      {folders.slice(0, 6).map((folder) => <MaybeModel key={folder} of={of} folder={folder} />)}
      <p class="muted">Choose a file to look at its beginning.</p>
    </>
  );
}

function MaybeModel({ of, folder }: { of: Files; folder: string }) {
  const answer = useApi<{ files?: File[] }>(of.list(folder));
  const found = answer.data?.files?.some((file) => file.path === `${folder}/MLmodel`) ?? false;
  return found ? <ModelCard of={of} folder={folder} /> : null;
}

interface Column {
  name: string;
  type: string;
  required: boolean;
}

/** The signature that an MLmodel file tells: texts of JSON within YAML, folded where they were long. */
export function signatureOf(text: string): { inputs: Column[]; outputs: Column[] } | null {
  const block = /^signature:\n((?:[ \t].*\n?)*)/m.exec(text)?.[1];
  if (!block) return null;
  const side = (name: string): Column[] => {
    const found = new RegExp(`^\\s+${name}:\\s*(['"])([\\s\\S]*?)\\1\\s*$`, "m").exec(block);
    if (!found) return [];
    const json = found[2]!.replace(/\n\s+/g, " ").replace(/''/g, "'").replace(found[1] === '"' ? /\\"/g : /$^/, '"');
    try {
      const columns = JSON.parse(json) as { name?: string; type: string; required?: boolean; "tensor-spec"?: { dtype: string; shape: number[] } }[];
      return columns.map((column, i) => ({
        name: String(column.name ?? i),
        type: column["tensor-spec"] ? `${column["tensor-spec"].dtype} [${column["tensor-spec"].shape.map((n) => (n < 0 ? "?" : n)).join(", ")}]` : String(column.type),
        required: column.required !== false,
      }));
    } catch {
      return [];
    }
  };
  return { inputs: side("inputs"), outputs: side("outputs") };
}

function ModelCard({ of, folder }: { of: Files; folder: string }) {
  const head = useHead(of.file(folder ? `${folder}/MLmodel` : "MLmodel"));
  const text = head?.text ?? "";
  const signature = useMemo(() => signatureOf(text), [text]);
  if (!head || head.error) return null;
  const flavors = [...(/^flavors:\n((?:[ \t].*\n?)*)/m.exec(text)?.[1] ?? "").matchAll(/^ {2}(\w+):/gm)].map((m) => m[1]!);
  return (
    <section class="panel model-card" data-model={folder}>
      <h3>{folder ? `${folder}/` : "Model"} {flavors.map((flavor) => <span key={flavor} class="tag">{flavor}</span>)}</h3>
      {signature ? (
        <div class="two two-even">
          <Signature title="Takes" columns={signature.inputs} />
          <Signature title="Gives" columns={signature.outputs} />
        </div>
      ) : (
        <p class="muted">It has no signature.</p>
      )}
    </section>
  );
}

function Signature({ title, columns }: { title: string; columns: Column[] }) {
  return (
    <dl class="pairs pairs-narrow">
      <dt class="muted">{title}</dt>
      {columns.slice(0, 100).map((column) => (
        <div key={column.name}>
          <dt title={column.name}>{column.name}</dt>
          <dd class="mono">{column.type}{column.required ? "" : " (optional)"}</dd>
        </div>
      ))}
      {columns.length === 0 && <dd class="muted">not said</dd>}
    </dl>
  );
}

interface Head {
  text: string;
  whole: boolean;
  binary: boolean;
  error: string;
}

/** The beginning of a file as text. */
function useHead(address: string): Head | null {
  const [head, setHead] = useState<Head | null>(null);
  useEffect(() => {
    const asked = new AbortController();
    const read = async () => {
      const response = await fetch(address, { headers: { range: `bytes=0-${kHeadBytes - 1}` }, signal: asked.signal });
      if (response.status === 416) return { text: "", whole: true, binary: false, error: "" };
      if (!response.ok) return { text: "", whole: true, binary: false, error: `the server answered ${response.status}` };
      const data = new Uint8Array(await response.arrayBuffer());
      const size = Number(/\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1] ?? data.length);
      const binary = data.subarray(0, 4096).includes(0);
      return { text: binary ? "" : new TextDecoder().decode(data), whole: size <= data.length, binary, error: "" };
    };
    read().then(setHead).catch((error: unknown) => {
      if (!asked.signal.aborted) setHead({ text: "", whole: true, binary: false, error: String(error) });
    });
    return () => asked.abort();
  }, [address]);
  return head;
}

function Preview({ of, path }: { of: Files; path: string }) {
  const picture = kPictures.test(path);
  return (
    <>
      <p class="preview-head">
        <b class="wrap">{path}</b>
        <a class="button" href={of.file(path)} download={nameOf(path)}>Download</a>
      </p>
      {picture ? <Picture of={of} path={path} /> : kNotText.test(path) ? <NoPreview path={path} /> : <TextPreview of={of} path={path} />}
    </>
  );
}

/** Parquet is read by DuckDB, which mw-step alone has in it; the control plane stays small without. */
function NoPreview({ path }: { path: string }) {
  return <p class="muted">{/\.parquet$/i.test(path) ? "Parquet files are not shown here; download it, and DuckDB or pandas shows its rows." : "No preview of such files; download it to look."}</p>;
}

function Picture({ of, path }: { of: Files; path: string }) {
  const [failed, setFailed] = useState(false);
  if (failed) return <p class="muted">This is no picture that can be shown.</p>;
  return <img class="preview-picture" src={of.file(path)} alt={nameOf(path)} onError={() => setFailed(true)} />;
}

function TextPreview({ of, path }: { of: Files; path: string }) {
  const [plain, setPlain] = useState(false);
  const head = useHead(of.file(path));
  if (!head) return null;
  if (head.error) return <p class="tone-bad">{head.error}</p>;
  if (head.binary) return <p class="muted">This is no text; download it to look.</p>;
  const markdown = /\.(md|markdown)$/i.test(path);
  const table = kTables.test(path);
  const part = head.whole ? null : <p class="muted small">The first {bytes(kHeadBytes)}.</p>;
  return (
    <>
      {(markdown || table) && (
        <span class="choices">
          <button type="button" aria-pressed={!plain} onClick={() => setPlain(false)}>{markdown ? "Text" : "Table"}</button>
          <button type="button" aria-pressed={plain} onClick={() => setPlain(true)}>As it is</button>
        </span>
      )}
      {markdown && !plain ? <Markdown text={head.text} /> : table && !plain ? <TablePreview text={head.text} tab={/\.tsv$/i.test(path)} whole={head.whole} /> : nameOf(path) === "MLmodel" ? <MlmodelText text={head.text} /> : <Plain text={head.text} json={/\.json$/i.test(path) && head.whole} />}
      {part}
    </>
  );
}

function MlmodelText({ text }: { text: string }) {
  const signature = signatureOf(text);
  return (
    <>
      {signature && <div class="two two-even"><Signature title="Takes" columns={signature.inputs} /><Signature title="Gives" columns={signature.outputs} /></div>}
      <Plain text={text} json={false} />
    </>
  );
}

function Plain({ text, json }: { text: string; json: boolean }) {
  const shown = useMemo(() => {
    if (!json) return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }, [text, json]);
  const lines = shown.split("\n");
  return (
    <>
      <pre class="preview-text" tabindex={0}>{lines.slice(0, kLines).join("\n")}</pre>
      {lines.length > kLines && <p class="muted small">{count(lines.length - kLines)} more lines.</p>}
    </>
  );
}

/** Rows of a file of separated values; quotes as RFC 4180 has them. */
export function rowsOf(text: string, separator: string, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < text.length && rows.length < most; ++i) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i]!;
      else quoted = false;
    } else if (c === '"' && cell === "") {
      quoted = true;
    } else if (c === separator || c === "\n") {
      row.push(cell.replace(/\r$/, ""));
      cell = "";
      if (c === "\n") {
        rows.push(row);
        row = [];
      }
    } else {
      cell += c;
    }
  }
  if ((cell !== "" || row.length > 0) && rows.length < most) rows.push([...row, cell]);
  return rows;
}

function TablePreview({ text, tab, whole }: { text: string; tab: boolean; whole: boolean }) {
  const rows = useMemo(() => rowsOf(text, tab ? "\t" : ",", kRows + 1), [text, tab]);
  const [head, ...body] = whole || rows.length > kRows ? rows : rows.slice(0, -1);
  if (!head) return <p class="muted">It is empty.</p>;
  return (
    <Scroll label="The first rows">
      <table class="table table-tight">
        <thead><tr>{head.slice(0, kColumns).map((name, i) => <th key={i} scope="col">{name}</th>)}</tr></thead>
        <tbody>
          {body.map((row, r) => <tr key={r}>{head.slice(0, kColumns).map((_, c) => <td key={c} class="cell-text">{(row[c] ?? "").slice(0, 200)}</td>)}</tr>)}
        </tbody>
      </table>
    </Scroll>
  );
}
