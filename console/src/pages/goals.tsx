// Goals: the list, and the board of one goal - targets by window, what misses cost, why, and what mends them.
import type { Answer } from "../api";
import type { Goal, GoalRow, GoalWindow, Outcome, Production, StoredVerdict, Target, TargetCell, Why } from "../records/goals";
import { useApi, useApis } from "../api";
import { Chain } from "../chain";
import { IntervalChart } from "../charts";
import { count, metric, moment, percent, plural, short } from "../format";
import { navigate, to, usePlace, withQuery } from "../router";
import type { Fact, Tone } from "../ui";
import { Clock, Command, Empty, Facts, Failure, Head, Loading, Scroll, Section, settled, Sign, State } from "../ui";

function toneOfOutcome(outcome: Outcome): Tone {
  return outcome === "met" ? "ok" : outcome === "missed" ? "bad" : "none";
}

/** "Jul 2013", "Dec 2013" -> "Jul, Dec 2013". */
function inWords(labels: string[]): string {
  const year = (label: string) => label.split(" ").pop();
  return labels
    .map((label, i) => (i + 1 < labels.length && year(label) === year(labels[i + 1]!) ? label.split(" ").slice(0, -1).join(" ") : label))
    .join(", ");
}

export function GoalState({ goal, production }: { goal: GoalRow; production: Production | undefined }) {
  if (production?.state === "missed") return <Pill tone="bad" text={`Missed in ${inWords(production.missed_in)}`} />;
  if (production?.state === "met") return <Pill tone="ok" text={`Met in ${plural(production.windows.length, "window")}`} />;
  if (goal.judged === null) return <Pill tone="none" text="Not judged yet" />;
  return goal.missed > 0 ? <Pill tone="bad" text={`${plural(goal.missed, "target")} missed`} /> : <Pill tone="ok" text="Met at evaluation" />;
}

function Pill({ tone, text }: { tone: Tone; text: string }) {
  return (
    <span class={`pill tone-${tone}`} data-pill>
      <Sign tone={tone} />
      {text}
    </span>
  );
}

/** A board in small: one row of squares for each target. */
export function MiniBoard({ production }: { production: Production }) {
  const urgent = production.targets.filter((target) => target.priority < 3);
  const missed = urgent.filter((target) => target.cells.some((cell) => cell.outcome === "missed"));
  return (
    <table class="mini">
      <caption class="hidden">Targets by window</caption>
      <tbody>
        {(missed.length > 0 ? missed : urgent.slice(0, 3)).map((target) => (
          <tr key={target.name}>
            <th scope="row">{target.name}</th>
            {target.cells.map((cell, i) => (
              <td key={i}>
                <span
                  class={`square square-${toneOfOutcome(cell.outcome)}`}
                  role="img"
                  aria-label={`${production.windows[i]?.label}: ${cell.outcome}`}
                  title={`${production.windows[i]?.label}: ${cell.outcome}`}
                >
                  {cell.outcome === "missed" ? "!" : ""}
                </span>
              </td>
            ))}
            <td class="mini-cost">{target.miss_costs}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function GoalsPage() {
  const goals = useApi<{ goals: GoalRow[] }>("/api/v1/goals");
  const names = goals.data?.goals.map((goal) => goal.name) ?? [];
  const productions = useApis<Production>(names.map((name) => `/api/v1${to("goals", name)}/production`));
  if (!settled(goals, ...productions)) return <Loading />;
  return (
    <>
      <Head title="Goals" command="millwright goals">
        What each model is for, and whether it keeps to it.
      </Head>
      {goals.error ? (
        <Failure error={goals.error} what="The list of goals" />
      ) : goals.data!.goals.length === 0 ? (
        <Empty title="No goal yet" command="millwright apply -f goal.yaml">
          A goal says what a model is for and what it must keep to.
        </Empty>
      ) : (
        <ul class="list">
          {goals.data!.goals.map((goal, i) => (
            <GoalListRow key={goal.name} goal={goal} production={productions[i]!} />
          ))}
        </ul>
      )}
    </>
  );
}

function GoalListRow({ goal, production }: { goal: GoalRow; production: Answer<Production> }) {
  return (
    <li class="list-row list-tall">
      <div class="grow">
        <a class="strong" href={to("goals", goal.name)}>{goal.name}</a>
        <p class="muted">{goal.outcome}</p>
      </div>
      <span class="muted nowrap">{plural(goal.targets, "target")}</span>
      <GoalState goal={goal} production={production.data} />
    </li>
  );
}

export function GoalPage({ name }: { name: string }) {
  const goals = useApi<{ goals: GoalRow[] }>("/api/v1/goals");
  const goal = useApi<Goal>(`/api/v1${to("goals", name)}`);
  const production = useApi<Production>(`/api/v1${to("goals", name)}/production`);
  if (!settled(goals, goal, production)) return <Loading />;
  if (goal.error) return <Failure error={goal.error} what={`The goal ${name}`} />;
  const row = goals.data?.goals.find((g) => g.name === name);
  const about = goal.data!.goal;
  const judged = production.data && production.data.windows.length > 0 ? production.data : null;
  return (
    <>
      <Chain here="goal" goal={name} />
      <Head
        title={name}
        state={row && <GoalState goal={row} production={production.data} />}
        command={`millwright goals ${name}`}
      >
        {about.outcome}
      </Head>
      {judged ? (
        <Board production={judged} />
      ) : (
        <Verdicts verdicts={goal.data!.verdicts} />
      )}
      {!judged?.windows.some((window) => window.stage === "production") && (
        <Section title="In production">
          <Empty title="No predictions were judged yet" command={`millwright replay ${production.data?.endpoint || about.model || name}`}>
            Once an endpoint answers and labels come, each window of event time is held against every target here.
          </Empty>
        </Section>
      )}
      <Section title="The file" note={`version ${goal.data!.version}, applied ${moment(goal.data!.applied_at)}`}>
        <details>
          <summary>goal.yaml{about.owner ? `, owner ${about.owner}` : ""}</summary>
          <Scroll label="The goal's file">
            <pre>{goal.data!.source}</pre>
          </Scroll>
        </details>
      </Section>
    </>
  );
}

/** A window's label for a narrow place: "Jul" of "Jul 2013", "26 Oct" of "26 Oct - 22 Nov 2026". */
function tick(label: string): string {
  return label.split(" - ")[0]!.replace(/ \d{4}\b/, "");
}

function factsOf(production: Production): Fact[] {
  const served = production.windows.filter((window) => window.stage === "production");
  const rows = served.reduce((sum, window) => sum + window.rows, 0);
  const labelled = served.reduce((sum, window) => sum + window.labelled, 0);
  const covered = served.reduce((sum, window) => sum + (window.coverage ?? 0) * window.rows, 0); // a sample stands for all
  const impossible = served.reduce((sum, window) => sum + (window.impossible_labels ?? 0), 0);
  const missed = production.targets.filter((t) => t.cells.some((cell) => cell.outcome === "missed"));
  const facts: Fact[] = [];
  if (production.saved) {
    facts.push({
      label: "Saved",
      value: production.saved.amount === null ? "–" : `${short(production.saved.amount)} ${production.currency}`,
      note: production.saved.text.replace(/^[~\d.,]+ \S*[A-Z]{3} /, ""), // the amount stands above
    });
  }
  facts.push({
    label: "Targets missed",
    value: `${missed.length} of ${production.targets.length}`,
    note: missed.map((t) => t.name).join(", ") || "none",
    tone: missed.length > 0 ? "bad" : "ok",
  });
  facts.push({ label: "Predictions judged", value: count(rows), note: plural(served.length, "window") + " in production" });
  facts.push({
    label: "Labels",
    value: rows > 0 ? percent(covered / rows) : "–",
    note:
      impossible > 0
        ? `${plural(impossible, "label")} left out: ${served.find((w) => w.first_impossible_label)?.first_impossible_label ?? ""}`
        : served.some((w) => w.provisional)
          ? "some windows still provisional"
          : `${count(labelled)} joined`,
    ...(impossible > 0 ? { tone: "bad" as const } : {}),
  });
  return facts;
}

function Board({ production }: { production: Production }) {
  const place = usePlace();
  const missing = firstMiss(production);
  const target = Math.max(0, production.targets.findIndex((t) => t.name === place.query.get("target")));
  const window = production.windows.findIndex((w) => w.label === place.query.get("window"));
  const chosen = {
    target: place.query.has("target") ? target : missing.target,
    window: window >= 0 ? window : missing.window,
  };
  const choose = (t: number, w: number) => {
    const withTarget = withQuery(place, "target", production.targets[t]!.name);
    const query = new URLSearchParams(withTarget.slice(withTarget.indexOf("?")));
    query.set("window", production.windows[w]!.label);
    navigate(`${place.path}?${query}`, "replace");
  };
  return (
    <>
      <Facts name="goal" items={factsOf(production)} />
      <Section
        title="Targets by window"
        note={
          <>
            {production.pending ? `${plural(production.pending, "window")} being measured, ` : ""}
            <Clock of="event" />
          </>
        }
      >
        <Matrix production={production} chosen={chosen} onChoose={choose} />
      </Section>
      {production.whys.length > 0 && (
        <Section title="Why">
          <Whys production={production} />
        </Section>
      )}
      <Chosen production={production} chosen={chosen} onChoose={choose} />
    </>
  );
}

interface Choice {
  target: number;
  window: number;
}

/** The latest miss of the target with the greatest cost; else the first target's last window. */
function firstMiss(production: Production): Choice {
  const order = production.targets
    .map((target, i) => ({ i, cost: target.miss_cost ?? 0, at: target.cells.map((c) => c.outcome).lastIndexOf("missed") }))
    .filter((row) => row.at >= 0)
    .sort((a, b) => b.cost - a.cost);
  const first = order[0];
  return first ? { target: first.i, window: first.at } : { target: 0, window: production.windows.length - 1 };
}

function Matrix({ production, chosen, onChoose }: { production: Production; chosen: Choice; onChoose: (t: number, w: number) => void }) {
  const windows = production.windows;
  const move = (event: KeyboardEvent, t: number, w: number) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const table = (event.currentTarget as Element).closest("table");
    const next = [
      Math.max(0, Math.min(production.targets.length - 1, t + step[0]!)),
      Math.max(0, Math.min(windows.length - 1, w + step[1]!)),
    ];
    table?.querySelector<HTMLElement>(`[data-cell="${next[0]} ${next[1]}"]`)?.focus();
  };
  const years = new Set(windows.map((w) => w.label.split(" ").pop()));
  const head = (label: string) => (years.size === 1 && label.includes(" ") ? label.split(" ").slice(0, -1).join(" ") : label);
  return (
    <>
      <table class="board">
        <caption class="hidden">Each target by window of event time: its value, and whether it was met</caption>
        <thead>
          <tr>
            <th scope="col" class="board-target">Target</th>
            <th scope="col" class="board-need">Need</th>
            {windows.map((window) => (
              <th key={window.label} scope="col" class="board-window">
                {head(window.label)}
                <small>{window.stage === "production" ? `v${window.version ?? "?"}` : "eval"}</small>
              </th>
            ))}
            <th scope="col" class="board-cost">Misses cost</th>
          </tr>
        </thead>
        <tbody>
          {production.targets.map((target, t) => (
            <tr key={target.name}>
              <th scope="row" class="board-target">
                {target.name}
                <small>{target.metric}</small>
              </th>
              <td class="board-need">{target.need}</td>
              {target.cells.map((cell, w) => {
                const window = windows[w]!;
                const here = chosen.target === t && chosen.window === w;
                return (
                  <td key={window.label} class="board-cell">
                    <button
                      type="button"
                      class={`cell cell-${toneOfOutcome(cell.outcome)}${cell.estimate ? " cell-estimate" : ""}`}
                      data-cell={`${t} ${w}`}
                      data-outcome={cell.outcome}
                      tabindex={here ? 0 : -1}
                      aria-pressed={here}
                      aria-label={`${target.name}, ${window.label}: ${shown(cell) || "no value"}, ${cell.outcome}${cell.estimate ? ", estimated" : ""}${window.provisional ? ", provisional" : ""}`}
                      onClick={() => onChoose(t, w)}
                      onKeyDown={(event) => move(event, t, w)}
                    >
                      <span class="cell-label">{head(window.label)}</span>
                      <span class="cell-value">
                        <CellSign outcome={cell.outcome} />
                        {cell.estimate ? "≈" : ""}
                        {shown(cell)}
                      </span>
                    </button>
                  </td>
                );
              })}
              <td class={`board-cost${target.cells.some((c) => c.outcome === "missed") ? " tone-bad" : ""}`}>{target.miss_costs}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="legend">
        <span><CellSign outcome="met" /> met</span>
        <span class="tone-bad"><CellSign outcome="missed" /> missed</span>
        <span><CellSign outcome="not measurable yet" /> not measurable yet</span>
        {production.targets.some((t) => t.cells.some((c) => c.estimate)) && <span>≈ estimated until labels come</span>}
      </p>
    </>
  );
}

function CellSign({ outcome }: { outcome: Outcome }) {
  return <Sign tone={toneOfOutcome(outcome)} />;
}

/** Those that stop a release or open a ticket; what is only shown can be unfolded. */
function Whys({ production }: { production: Production }) {
  const priority = (why: Why) => Math.min(...why.targets.map((name) => production.targets.find((t) => t.name === name)?.priority ?? 1));
  const urgent = production.whys.filter((why) => priority(why) < 3);
  const others = production.whys.filter((why) => priority(why) >= 3);
  const list = (whys: Why[]) => (
    <div class="whys">
      {whys.map((why) => (
        <WhyRow key={`${why.window} ${why.targets.join()}`} why={why} />
      ))}
    </div>
  );
  if (others.length === 0) return list(urgent);
  return (
    <>
      {urgent.length > 0 && list(urgent)}
      <details class="more">
        <summary>{plural(others.length, "miss", "misses")} of priority 3: {[...new Set(others.flatMap((why) => why.targets))].join(", ")}</summary>
        {list(others)}
      </details>
    </>
  );
}

function WhyRow({ why }: { why: Why }) {
  return (
    <article class="why" data-why={why.window}>
      <header>
        <h3>{why.window}</h3>
        <p class="muted">{why.targets.join(", ")}</p>
      </header>
      <div>
        <p class="why-sentence">{why.sentence}</p>
        {why.evidence.length > 0 && (
          <ul class="evidence">
            {why.evidence.map((item) => (
              <li key={item.kind + item.text}>
                <span class="tag">{item.kind}</span>
                {item.text}
              </li>
            ))}
          </ul>
        )}
        {why.remedy?.command && <Command text={why.remedy.command} label={why.remedy.text} />}
        {why.remedy?.text && !why.remedy.command && <p class="muted why-remedy">{why.remedy.text}</p>}
      </div>
    </article>
  );
}

const kUnits: Record<string, number> = { "": 1, "%": 0.01, ms: 0.001, s: 1, m: 60, min: 60, h: 3600, d: 86400 };

/** ">= 10%" -> 0.1, "<= 20ms" -> 0.02; null where the need is in a unit that no chart shows. */
function needValue(need: string): number | null {
  const match = /^[<>]=?\s*(-?[\d.]+)\s*(\S*)$/.exec(need.trim());
  const unit = match ? kUnits[match[2]!] : undefined;
  return unit === undefined ? null : Number(match![1]) * unit;
}

/** What stands in the cell; its signs say the rest. */
function shown(cell: TargetCell): string {
  return cell.text.replace(/^~|!$|^-$/g, "");
}

function Chosen({ production, chosen, onChoose }: { production: Production; chosen: Choice; onChoose: (t: number, w: number) => void }) {
  const target = production.targets[chosen.target]!;
  const cell = target.cells[chosen.window]!;
  const window = production.windows[chosen.window]!;
  const need = needValue(target.need);
  return (
    <Section title={`${target.name} in ${window.label}`} id="chosen">
      <div class="two">
        <Facts name="chosen" items={chosenFacts(target, cell, window)} />
        <IntervalChart
          label={`${target.metric} by window of event time, with intervals, against ${target.need}`}
          cells={target.cells.map((c, i) => ({
            name: tick(production.windows[i]!.label),
            value: c.value,
            low: c.low ?? null,
            high: c.high ?? null,
            tone: toneOfOutcome(c.outcome),
          }))}
          need={need === null ? null : { at: need, text: `need ${target.need}` }}
          format={(value) => metric(target.metric, value)}
          chosen={chosen.window}
          onChoose={(w) => onChoose(chosen.target, w)}
        />
      </div>
    </Section>
  );
}

function chosenFacts(target: Target, cell: TargetCell, window: GoalWindow): Fact[] {
  const interval = typeof cell.low === "number" && typeof cell.high === "number" ? `${metric(target.metric, cell.low)} to ${metric(target.metric, cell.high)}` : cell.reason || undefined;
  const facts: Fact[] = [
    {
      label: cell.estimate ? "Estimate" : "Value",
      value: cell.value === null ? shown(cell) || "–" : metric(target.metric, cell.value),
      note: interval,
      tone: toneOfOutcome(cell.outcome),
    },
    { label: "Need", value: target.need, note: `${target.kind}, priority ${target.priority}` },
    {
      label: "Rows",
      value: count(window.rows),
      note: window.coverage === null ? undefined : `${percent(window.coverage)} labelled${window.provisional ? ", provisional" : ""}`,
    },
  ];
  if (target.feasibility) facts.push({ label: "Is the need realistic", value: <span class="small">{target.feasibility}</span> });
  return facts;
}

function Verdicts({ verdicts }: { verdicts: StoredVerdict[] }) {
  const [last] = verdicts.slice(-1);
  if (!last) {
    return (
      <Section title="Targets">
        <Empty title="No model was held against this goal yet" command="millwright run PIPELINE">
          A run of a pipeline that names this goal judges every target at its evaluation.
        </Empty>
      </Section>
    );
  }
  return (
    <Section title="Targets at the last evaluation" note={`${last.model}${last.model_version ? ` v${last.model_version}` : ""}, stage ${last.stage}, ${moment(last.recorded_at)}`}>
      <Scroll label="Targets at the last evaluation">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Target</th>
              <th scope="col">Need</th>
              <th scope="col" class="num">Value</th>
              <th scope="col" class="num">Interval</th>
              <th scope="col" class="num">No model</th>
              <th scope="col">Outcome</th>
              <th scope="col">A miss costs</th>
            </tr>
          </thead>
          <tbody>
            {verdicts.map((row) => (
              <tr key={row.target} data-target={row.target}>
                <th scope="row">
                  {row.target} <small class="muted">{row.metric}</small>
                </th>
                <td class="nowrap">{row.verdict.need}</td>
                <td class="num">{metric(row.metric, row.verdict.value)}</td>
                <td class="num muted">{row.verdict.low === null || row.verdict.high === null ? "" : `${metric(row.metric, row.verdict.low)} – ${metric(row.metric, row.verdict.high)}`}</td>
                <td class="num muted">{row.verdict.no_model === null ? "–" : metric(row.metric, row.verdict.no_model)}</td>
                <td><State of={row.outcome} /></td>
                <td class="muted small">{row.verdict.miss_costs || row.verdict.reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  );
}
