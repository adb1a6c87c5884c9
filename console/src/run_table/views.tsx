// Views of a table of runs: saved under a name, which is an address.
import { useState } from "preact/hooks";
import { forget } from "../api";
import { Menu } from "../overlay";
import { navigate } from "../router";
import type { SavedView, TableState } from "../tracking";
import { deleteView, experimentAddress, saveView, viewsPath } from "../tracking";

/** `onNear`: the pointer is over a view, which may be opened next. */
export function ViewMenu({ experiment, views, name, state, onNear }: {
  experiment: string;
  views: SavedView[];
  name: string | null;
  state: TableState;
  onNear: (state: TableState) => void;
}) {
  const [fresh, setFresh] = useState("");
  const [error, setError] = useState("");
  const path = experimentAddress(experiment);
  const save = async (as: string) => {
    try {
      await saveView(experiment, as, state);
      forget((p) => p === viewsPath(experiment));
      navigate(`${path}?${new URLSearchParams({ view: as })}`, "replace");
      setFresh("");
      setError("");
    } catch (failure) {
      setError(String((failure as Error).message));
    }
  };
  const remove = async (which: string) => {
    await deleteView(experiment, which).catch(() => undefined);
    forget((p) => p === viewsPath(experiment));
    if (which === name) navigate(path, "replace");
  };
  return (
    <Menu label={name ? `View: ${name}` : "Views"} name="views">
      <p class="small muted">Everybody who reads this experiment sees its views. The address of this page holds what you see, saved or not.</p>
      <ul class="menu-list">
        <li><a href={path} aria-current={name === null ? "true" : undefined}>All runs</a></li>
        {views.map((view) => (
          <li key={view.name}>
            <a href={`${path}?${new URLSearchParams({ view: view.name })}`} aria-current={view.name === name ? "true" : undefined} data-view={view.name} onPointerEnter={() => onNear(view.state)}>{view.name}</a>
            <button type="button" class="quiet" aria-label={`Delete the view ${view.name}`} onClick={() => void remove(view.name)}>×</button>
          </li>
        ))}
      </ul>
      <form class="menu-form" onSubmit={(event) => { event.preventDefault(); if (fresh.trim()) void save(fresh.trim()); }}>
        <input class="field" placeholder="Name of a new view" aria-label="Name of a new view" value={fresh} onInput={(event) => setFresh(event.currentTarget.value)} />
        <button type="submit" class="button" disabled={!fresh.trim()}>Save</button>
      </form>
      {name && <button type="button" class="button" onClick={() => void save(name)}>Save what is shown as “{name}”</button>}
      {error && <p class="tone-bad small">{error}</p>}
    </Menu>
  );
}
