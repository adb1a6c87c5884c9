// The small parts that pages are made of.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Answer, ApiError } from "./api";

export type Tone = "ok" | "bad" | "warn" | "run" | "none";

/** A sign that says by shape what colour says too. */
export function Sign({ tone }: { tone: Tone }) {
  const shape = {
    ok: <path d="M3.5 8.5l3 3 6-7" />,
    bad: <path d="M4.5 4.5l7 7m0-7l-7 7" />,
    warn: <path d="M8 3v6m0 3.2v.1" />,
    run: <path d="M8 2.5a5.5 5.5 0 1 1-5.5 5.5" />,
    none: <path d="M4 8h8" />,
  }[tone];
  return (
    <svg class={`sign sign-${tone}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      {shape}
    </svg>
  );
}

const kTones: Record<string, Tone> = {
  succeeded: "ok", cached: "ok", met: "ok", ok: "ok", ready: "ok",
  failed: "bad", missed: "bad", alert: "bad", bad: "bad", error: "bad", no_data: "bad", "not ready": "bad",
  canceled: "warn", canceling: "warn", backoff: "warn", warning: "warn", warn: "warn", note: "warn",
  running: "run", launching: "run",
  answered: "ok", slow: "warn", refused: "warn", loading: "run", unloaded: "none", waiting: "run",
};
export function toneOf(state: string): Tone {
  return kTones[state] ?? "none";
}

export function State({ of }: { of: string }) {
  const tone = toneOf(of);
  return (
    <span class={`state tone-${tone}`}>
      <Sign tone={tone} />
      {of.replaceAll("_", " ")}
    </span>
  );
}

/** A command that does the same as this page, or mends what it shows. */
export function Command({ text, label }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelection(text);
    }
    setCopied(true);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div class="command">
      {label && <span class="command-label">{label}</span>}
      <div class="command-box">
        <code>{text}</code>
        <button type="button" class="copy" onClick={copy} aria-label={`Copy the command: ${text}`}>
          <span aria-hidden="true">{copied ? "Copied" : "Copy"}</span>
        </button>
        <span class="hidden" role="status">{copied ? "Copied" : ""}</span>
      </div>
    </div>
  );
}

// Where the clipboard is only for secure origins.
function copyBySelection(text: string) {
  const focused = document.activeElement as HTMLElement | null;
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  focused?.focus();
}

export function Empty({ title, children, command }: { title: string; children?: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p class="muted">{children}</p>}
      {command && <Command text={command} />}
    </div>
  );
}

export function Failure({ error, what }: { error: ApiError; what: string }) {
  return (
    <div class="empty" role="alert">
      <p class="empty-title">{error.status === 404 ? `${what} is not there` : `${what} cannot be shown`}</p>
      <p class="muted">{error.message}</p>
      {error.status === 0 && <Command text="millwright doctor" />}
    </div>
  );
}

export interface Crumb {
  kind: string;
  name: string;
  href?: string;
  here?: boolean;
}

export function Crumbs({ items }: { items: Crumb[] }) {
  return (
    <nav class="crumbs" aria-label="From the goal to the endpoint">
      <ol>
        {items.map((item) => (
          <li key={item.kind}>
            <span class="crumb-kind">{item.kind}</span>
            {item.href && !item.here ? (
              <a href={item.href}>{item.name}</a>
            ) : (
              <span aria-current={item.here ? "page" : undefined}>{item.name}</span>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

export function Head(props: {
  title: string;
  kicker?: ComponentChildren;
  state?: ComponentChildren;
  command?: string;
  children?: ComponentChildren;
}) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} · Millwright`;
  }, [props.title]);
  useEffect(() => {
    // A link has led here and the page came later: who listens hears its title.
    if (document.activeElement?.id === "main") title.current?.focus({ preventScroll: true });
  }, []);
  return (
    <header class="head">
      <div class="head-text">
        {props.kicker && <p class="kicker">{props.kicker}</p>}
        <div class="head-title">
          <h1 ref={title} tabindex={-1}>{props.title}</h1>
          {props.state}
        </div>
        {props.children && <p class="lede">{props.children}</p>}
      </div>
      {props.command && <Command text={props.command} label="The same on the command line" />}
    </header>
  );
}

export interface Fact {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: Tone;
}

export function Facts({ items, name }: { items: Fact[]; name?: string }) {
  return (
    <dl class="facts" data-facts={name}>
      {items.map((fact) => (
        <div key={fact.label}>
          <dt>{fact.label}</dt>
          <dd class={fact.tone ? `tone-${fact.tone}` : undefined} data-fact={fact.label}>
            {fact.value}
          </dd>
          {fact.note && <dd class="fact-note">{fact.note}</dd>}
        </div>
      ))}
    </dl>
  );
}

export function Section(props: { title: string; note?: ComponentChildren; children: ComponentChildren; id?: string }) {
  return (
    <section class="section" id={props.id}>
      <div class="section-head">
        <h2>{props.title}</h2>
        {props.note && <p class="section-note">{props.note}</p>}
      </div>
      {props.children}
    </section>
  );
}

/** Event time and wall time are said wherever there is an axis of time. */
export function Clock({ of }: { of: "event" | "wall" }) {
  const title = of === "event" ? "when it happened, as the data say" : "when Millwright saw it";
  return <abbr class="clock" title={title}>{of === "event" ? "event time" : "wall time"}</abbr>;
}

/** True once every answer has come, well or not: pages appear whole, nothing moves afterwards. */
export function settled(...answers: Answer<unknown>[]): boolean {
  return answers.every((answer) => answer.settled);
}

/** True for so long, then false: what is not there by then is not waited for. */
export function usePatience(ms: number): boolean {
  const [patient, setPatient] = useState(true);
  useEffect(() => {
    const timer = window.setTimeout(() => setPatient(false), ms);
    return () => window.clearTimeout(timer);
  }, []);
  return patient;
}

/** Says nothing for the moment that a reading usually takes. */
export function Loading() {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setSlow(true), 400);
    return () => window.clearTimeout(timer);
  }, []);
  return <p class="loading muted" role="status">{slow ? "Reading…" : ""}</p>;
}

/** What follows a list that may be longer: a table that scrolls in its own box, never the page. */
export function Scroll({ children, label }: { children: ComponentChildren; label: string }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabindex={0}>
      {children}
    </div>
  );
}
