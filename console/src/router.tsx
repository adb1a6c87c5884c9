// Addresses: the path names the page, the query what is chosen on it. Links are plain links, followed without
// loading the program again.
import { useEffect, useReducer } from "preact/hooks";

export interface Place {
  path: string;
  query: URLSearchParams;
}

const listeners = new Set<() => void>();
const changed = () => listeners.forEach((listener) => listener());

export function navigate(to: string, how: "push" | "replace" = "push") {
  const samePage = new URL(to, location.href).pathname === location.pathname;
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  changed();
  // With the frame of the new page: at once, the browser would lay out the one that is left.
  if (!samePage) requestAnimationFrame(() => window.scrollTo(0, 0));
}

/** The query with one name set, or left out when the value is null. */
export function withQuery(place: Place, name: string, value: string | null): string {
  const query = new URLSearchParams(place.query);
  if (value === null) query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  return place.path + (text === "" ? "" : `?${text}`);
}

export function usePlace(): Place {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const listener = () => redraw(0);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export function followLinks() {
  window.addEventListener("popstate", changed);
  document.addEventListener("click", (event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || link.hasAttribute("download")) return;
    const to = new URL(link.href, location.href);
    if (to.origin !== location.origin || to.pathname.startsWith("/api/") || to.hash !== "") return;
    event.preventDefault();
    navigate(to.pathname + to.search);
  });
}

/** Where the addresses lead that MLflow's client prints: "#/experiments/3/runs/ID" and the like. */
export function placeOfHash(hash: string): string | null {
  if (!hash.startsWith("#/")) return null;
  const [path = "", query = ""] = hash.slice(1).split("?");
  const [place, name, more, id] = path.split("/").filter(Boolean);
  if (place === "models" && name && more === "versions" && id) return `/models/${name}/${id}`;
  if (place === "experiments" && name && (more === "runs" || more === "models") && id) return `/experiments/${name}/${more}/${id}`;
  if (place === "compare-runs") {
    const runs = /"[\w-]+"/g;
    const found = decodeURIComponent(new URLSearchParams(query).get("runs") ?? "").match(runs) ?? [];
    return `/compare?runs=${found.map((run) => run.slice(1, -1)).join(",")}`;
  }
  return path.replace(/^[/\\]+/, "/") + (query === "" ? "" : `?${query}`);
}

export function followHashes() {
  const follow = () => {
    const to = placeOfHash(location.hash);
    if (to !== null) navigate(to, "replace");
  };
  follow();
  window.addEventListener("hashchange", follow);
}

/** The decoded parts of a path: "/models/a/2" -> ["models", "a", "2"]. */
export function parts(path: string): string[] {
  return path.split("/").filter(Boolean).map(decodeURIComponent);
}

/** A path of parts, encoded. */
export function to(...names: (string | number)[]): string {
  return "/" + names.map((name) => encodeURIComponent(String(name))).join("/");
}
