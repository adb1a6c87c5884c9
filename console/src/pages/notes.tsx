// Notes in Markdown: read, and written in place.
import { useEffect, useState } from "preact/hooks";
import { Markdown } from "../markdown";

export function Notes({ text, save }: { text: string; save: (text: string) => Promise<unknown> }) {
  const [draft, setDraft] = useState<string | null>(null);
  const [shown, setShown] = useState(text);
  const [error, setError] = useState("");
  useEffect(() => setShown(text), [text]);
  const keep = async () => {
    try {
      await save(draft!);
      setShown(draft!);
      setDraft(null);
      setError("");
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  if (draft === null) {
    return (
      <div class="notes" data-notes>
        {shown ? <Markdown text={shown} /> : <p class="muted">No notes yet.</p>}
        <button type="button" class="link" onClick={() => setDraft(shown)}>{shown ? "Edit notes" : "Write notes"}</button>
      </div>
    );
  }
  return (
    <form class="notes notes-edit" onSubmit={(event) => { event.preventDefault(); void keep(); }}>
      <textarea
        class="field mono" rows={Math.min(24, Math.max(6, draft.split("\n").length + 1))} value={draft} aria-label="Notes in Markdown"
        onInput={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setDraft(null);
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void keep();
        }}
      />
      <div class="notes-preview"><Markdown text={draft} /></div>
      <p class="dialog-foot">
        {error && <span class="tone-bad">{error}</span>}
        <button type="button" class="button" onClick={() => setDraft(null)}>Leave</button>
        <button type="submit" class="button button-strong">Save</button>
      </p>
    </form>
  );
}
