// What can be done with one experiment or one run: another name, away with it, and back.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Menu } from "../overlay";

export function ItemMenu({ what, name, deleted, rename, remove, restore, children }: {
  what: "experiment" | "run";
  name: string;
  deleted: boolean;
  rename: (to: string) => Promise<unknown>;
  remove: () => Promise<unknown>;
  restore: () => Promise<unknown>;
  children?: ComponentChildren;
}) {
  const [text, setText] = useState(name);
  const [said, setSaid] = useState("");
  const attempt = (work: Promise<unknown>) => work.then(() => setSaid("Done.")).catch((error: Error) => setSaid(error.message));
  return (
    <Menu label="More" name="item">
      <form class="menu-form" onSubmit={(event) => { event.preventDefault(); if (text.trim()) void attempt(rename(text.trim())); }}>
        <input class="field" aria-label={`Name of the ${what}`} value={text} onInput={(event) => setText(event.currentTarget.value)} disabled={deleted} />
        <button type="submit" class="button" disabled={deleted || !text.trim() || text.trim() === name}>Rename</button>
      </form>
      {children}
      {deleted ? (
        <button type="button" class="button" onClick={() => void attempt(restore())}>Restore the {what}</button>
      ) : (
        <button type="button" class="button tone-bad" onClick={() => void attempt(remove())}>Delete the {what}</button>
      )}
      <p class="small muted" role="status">{said || `What is deleted can be restored until it is purged${what === "experiment" ? "; its runs go with it" : ""}.`}</p>
    </Menu>
  );
}
