// The field that a table of runs is filtered with: MLflow's language, or part of a name. It suggests what may come next.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Keys } from "./tracking";

const kAttributes = ["run_name", "status", "start_time", "end_time", "user_id", "run_id", "artifact_uri"];
const kStatuses = ["'FINISHED'", "'RUNNING'", "'FAILED'", "'KILLED'", "'SCHEDULED'"];
const kNumberSigns = ["<", "<=", ">", ">=", "=", "!="];
const kTextSigns = ["=", "!=", "LIKE", "ILIKE"];
const kShown = 9;

/** A name as the language takes it: quoted unless it is plain. */
export function quoted(kind: string, key: string): string {
  return /^\w+$/.test(key) ? `${kind}.${key}` : `${kind}.\`${key}\``;
}

interface Suggestion {
  text: string; // what stands there afterwards
  note: string;
}

/** What may stand at the end of `before`: [where the piece that is being typed begins, what it may become]. */
export function suggest(before: string, keys: Keys, valuesOf: (column: string) => string[]): [number, Suggestion[]] {
  const clause = before.slice(lastClause(before));
  const base = before.length - clause.length;
  const named = /^\s*(?:(metrics|params|tags|attributes)\.)?(`[^`]*`|"[^"]*"|[\w./-]+)\s+/i.exec(clause);
  if (!named) {
    const typed = clause.trimStart().toLowerCase().replace(/[`"]/g, "");
    const begin = base + clause.length - clause.trimStart().length;
    const all = [
      ...keys.metrics.map((key) => ({ text: `${quoted("metrics", key)} `, note: "metric" })),
      ...keys.params.map((key) => ({ text: `${quoted("params", key)} `, note: "parameter" })),
      ...keys.tags.filter((key) => !key.startsWith("mlflow.") || typed.includes("mlflow")).map((key) => ({ text: `${quoted("tags", key)} `, note: "tag" })),
      ...kAttributes.map((key) => ({ text: `attributes.${key} `, note: "run" })),
    ];
    if (typed === "") return [begin, []];
    const plain = (s: Suggestion) => s.text.toLowerCase().replace(/`/g, "");
    const starts = all.filter((s) => plain(s).startsWith(typed) || plain(s).slice(plain(s).indexOf(".") + 1).startsWith(typed));
    const holds = all.filter((s) => plain(s).includes(typed) && !starts.includes(s));
    return [begin, [...starts, ...holds].slice(0, kShown)];
  }
  const kind = (named[1] ?? "attributes").toLowerCase();
  const key = named[2]!.replace(/^[`"]|[`"]$/g, "");
  const rest = clause.slice(named[0].length);
  const numeric = kind === "metrics" || (kind === "attributes" && key.endsWith("_time"));
  const sign = /^(<=|>=|!=|=|<|>|i?like)\s+/i.exec(rest);
  if (!sign) {
    const signs = numeric ? kNumberSigns : kTextSigns;
    const fits = signs.filter((s) => s.toLowerCase().startsWith(rest.toLowerCase()) && s !== rest.trim());
    return [base + named[0].length, fits.map((s) => ({ text: `${s} `, note: "" }))];
  }
  const typed = rest.slice(sign[0].length);
  const begin = base + named[0].length + sign[0].length;
  const done = numeric ? /^-?[\d.e+-]+\s+/i.exec(typed) : /^('[^']*'|"[^"]*")\s*/.exec(typed);
  if (done) {
    const next = typed.slice(done[0].length).toLowerCase();
    return "and".startsWith(next) ? [begin + done[0].length, [{ text: done[0].endsWith(" ") ? "AND " : " AND ", note: "" }]] : [begin, []];
  }
  if (numeric) return [begin, []];
  const values = key === "status" ? kStatuses : valuesOf(`${kind}.${key}`).filter((v) => !v.includes("'")).map((v) => `'${v}'`);
  const wanted = typed.replace(/^['"]/, "").toLowerCase();
  return [begin, values.filter((v) => v.toLowerCase().includes(wanted)).slice(0, kShown).map((text) => ({ text: `${text} `, note: "" }))];
}

/** Where the clause that is being typed begins: behind the last AND that is in no quotes. */
function lastClause(text: string): number {
  let quote = "";
  let begin = 0;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i]!;
    if (quote !== "") {
      if (c === quote) quote = "";
    } else if (c === "'" || c === '"' || c === "`") {
      quote = c;
    } else if (/^\sand\s/i.test(text.slice(i, i + 5))) {
      begin = i + 5;
      i += 4;
    }
  }
  return Math.min(begin, text.length);
}

export function FilterField({ value, onChange, keys, error, valuesOf }: {
  value: string;
  onChange: (value: string) => void;
  keys: Keys;
  error: string | null;
  valuesOf: (column: string) => string[];
}) {
  const input = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [patient, setPatient] = useState(true);
  const [begin, suggestions] = useMemo(() => (open ? suggest(value, keys, valuesOf) : [0, []] as [number, Suggestion[]]), [value, keys, open]);
  useEffect(() => {
    // A clause that is not finished is no mistake yet.
    setPatient(true);
    const timer = window.setTimeout(() => setPatient(false), 900);
    return () => window.clearTimeout(timer);
  }, [value]);
  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", slash);
    return () => document.removeEventListener("keydown", slash);
  }, []);
  const accept = (suggestion: Suggestion) => {
    onChange(value.slice(0, begin) + suggestion.text);
    setAt(-1);
    input.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (suggestions.length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((at + step + suggestions.length + 1) % (suggestions.length + 1) === suggestions.length ? -1 : (at + step + suggestions.length) % suggestions.length);
    } else if ((event.key === "Enter" && at >= 0) || (event.key === "Tab" && suggestions.length > 0 && !event.shiftKey)) {
      event.preventDefault();
      accept(suggestions[Math.max(0, at)]!);
    } else if (event.key === "Escape") {
      if (open && suggestions.length > 0) setOpen(false);
      else onChange("");
    }
  };
  const shown = open && suggestions.length > 0;
  return (
    <div class="filter">
      <input
        ref={input} type="search" class="field" value={value} spellcheck={false} autocomplete="off" {...({ role: "combobox" } as object)} data-filter
        placeholder="Filter: part of a name, or metrics.loss < 0.1 AND params.depth = '6'" aria-label="Filter the runs"
        aria-expanded={shown} aria-controls="suggestions" aria-activedescendant={at >= 0 ? `suggestion-${at}` : undefined}
        onInput={(event) => { setOpen(true); setAt(-1); onChange(event.currentTarget.value); }}
        onFocus={() => setOpen(true)} onBlur={() => window.setTimeout(() => setOpen(false), 120)} onKeyDown={onKey}
      />
      {shown && (
        <ul class="suggestions" id="suggestions" role="listbox" aria-label="What may come next">
          {suggestions.map((suggestion, i) => (
            <li key={suggestion.text} id={`suggestion-${i}`} role="option" aria-selected={i === at} onPointerDown={(event) => { event.preventDefault(); accept(suggestion); }}>
              <span>{suggestion.text.trim()}</span>
              <span class="muted small">{suggestion.note}</span>
            </li>
          ))}
        </ul>
      )}
      {error && !patient && !shown && <p class="filter-error small" role="status">{error}</p>}
    </div>
  );
}
