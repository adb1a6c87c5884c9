// What can be done with the runs that are selected: compared, tagged, deleted, restored.
import { useState } from "preact/hooks";
import { ask } from "../api";
import { count, plural } from "../format";
import { Dialog } from "../overlay";
import type { RunIndex } from "../run_index";
import { forEach, kAjax } from "../tracking";

export const kCompareMax = 100;

export function SelectionBar({ baseline, index, stage, selected, onSelect }: {
  baseline: string | undefined; // what a run is held against when it is chosen alone
  index: RunIndex;
  stage: string;
  selected: ReadonlySet<string>;
  onSelect: (selected: ReadonlySet<string>) => void;
}) {
  const [busy, setBusy] = useState("");
  const [dialog, setDialog] = useState<"delete" | "tag" | null>(null);
  const ids = [...selected];
  const many = plural(ids.length, "run");
  const alone = ids.length === 1 && baseline !== undefined && baseline !== ids[0];
  const compared = alone ? [baseline, ids[0]!] : ids.slice(0, kCompareMax);
  const perform = async (what: string, call: (id: string) => Promise<unknown>) => {
    setDialog(null);
    setBusy(`${what}: 0 of ${count(ids.length)}`);
    try {
      await forEach(ids, call, (done) => setBusy(`${what}: ${count(done)} of ${count(ids.length)}`));
      setBusy("");
    } catch (error) {
      setBusy(`${what} failed: ${(error as Error).message}`);
    }
  };
  const move = async (action: "delete" | "restore") => {
    await perform(action === "delete" ? "Deleting" : "Restoring", (id) => ask("POST", `${kAjax}/runs/${action}`, { run_id: id }));
    index.drop(ids);
    onSelect(new Set());
  };
  const status = index.filtering || index.sorting ? "looking…" : !index.complete ? `reading ${count(index.lines.size)}…` : "";
  const shown = index.view.length === index.size ? plural(index.size, "run") : `${count(index.view.length)} of ${plural(index.size, "run")}`;
  return (
    <div class="selection" data-selection>
      <span role="status" data-count>{ids.length > 0 ? <b>{many} selected</b> : shown}<span class="muted"> {status}{busy}</span></span>
      {ids.length > 0 && (
        <>
          <a class="button" href={`/compare?runs=${compared.join(",")}`} title={ids.length > kCompareMax ? `the first ${kCompareMax}` : undefined}>
            {alone ? "Compare with the baseline" : "Compare"}
          </a>
          {stage === "active" && <button type="button" class="button" onClick={() => setDialog("tag")}>Tag</button>}
          {stage === "active" ? (
            <button type="button" class="button" onClick={() => setDialog("delete")}>Delete</button>
          ) : (
            <button type="button" class="button" onClick={() => void move("restore")}>Restore</button>
          )}
          <button type="button" class="link" onClick={() => onSelect(new Set())}>Clear</button>
        </>
      )}
      {dialog === "delete" && (
        <Dialog title={`Delete ${many}?`} onClose={() => setDialog(null)}>
          <p class="muted">They go to the deleted ones, from where they can be restored until they are purged.</p>
          <p class="dialog-foot">
            <button type="button" class="button" onClick={() => setDialog(null)}>Keep</button>
            <button type="button" class="button button-bad" onClick={() => void move("delete")}>Delete {many}</button>
          </p>
        </Dialog>
      )}
      {dialog === "tag" && <TagDialog many={many} onClose={() => setDialog(null)} onTag={(key, text) => void perform("Tagging", (id) => ask("POST", `${kAjax}/runs/set-tag`, { run_id: id, key, value: text }))} />}
    </div>
  );
}

function TagDialog({ many, onClose, onTag }: { many: string; onClose: () => void; onTag: (key: string, value: string) => void }) {
  const [key, setKey] = useState("");
  const [text, setText] = useState("");
  return (
    <Dialog title={`Tag ${many}`} onClose={onClose}>
      <form class="menu-form" onSubmit={(event) => { event.preventDefault(); if (key) onTag(key, text); }}>
        <input class="field" placeholder="Tag" aria-label="Tag" value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        <input class="field" placeholder="Value" aria-label="Value" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit" class="button" disabled={!key}>Set</button>
      </form>
    </Dialog>
  );
}
