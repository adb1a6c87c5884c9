// The first page: leads to the goals, and says what runs and answers now.
import type { Answer } from "../api";
import type { EndpointView } from "../records/endpoints";
import type { GoalRow, Production } from "../records/goals";
import type { ChangeRow, Check } from "../records/monitoring";
import type { RunRow } from "../records/runs";
import { useApi, useApis } from "../api";
import { moment, plural, shortIds } from "../format";
import { to } from "../router";
import { Clock, Command, Empty, Failure, Head, Loading, Section, settled, State } from "../ui";
import { GoalState, MiniBoard } from "./goals";
import { RunTable } from "./runs";

function GoalCard({ goal, production }: { goal: GoalRow; production: Answer<Production> }) {
  return (
    <li class="card">
      <div class="card-head">
        <a class="card-title" href={to("goals", goal.name)}>{goal.name}</a>
        <GoalState goal={goal} production={production.data} />
      </div>
      <p class="muted">{goal.outcome}</p>
      {production.data && production.data.windows.length > 0 ? (
        <MiniBoard production={production.data} />
      ) : (
        <p class="small muted">
          {goal.judged ? `${plural(goal.targets, "target")} held against an evaluation, ${moment(goal.judged)}` : "No model was held against it yet."}
        </p>
      )}
    </li>
  );
}

const kChangesShown = 8;

function Changes({ changes }: { changes: ChangeRow[] }) {
  return (
    <Section title="Changed in the last 24 hours" note={<Clock of="wall" />}>
      {changes.length === 0 ? (
        <p class="muted">Nothing was changed.</p>
      ) : (
        <ul class="timeline">
          {[...changes].reverse().slice(0, kChangesShown).map((change) => (
            <li key={change.at + change.kind + change.subject + change.text}>
              <time class="muted nowrap" datetime={change.at}>{moment(change.at)}</time>
              <span class="tag">{change.kind}</span>
              <span class="grow">
                <b>{change.subject}</b> {change.text}
                {change.by && <span class="muted"> by {shortIds(change.by)}</span>}
              </span>
            </li>
          ))}
        </ul>
      )}
      {changes.length > kChangesShown && (
        <div class="commands">
          <Command text="millwright changes --since 24h" label={`All ${changes.length}`} />
        </div>
      )}
    </Section>
  );
}

export function HomePage() {
  const goals = useApi<{ goals: GoalRow[] }>("/api/v1/goals");
  const runs = useApi<{ runs: RunRow[] }>("/api/v1/runs?limit=5");
  const endpoints = useApi<{ endpoints: EndpointView[] }>("/api/v1/endpoints");
  const doctor = useApi<{ checks: Check[] }>("/api/v1/doctor");
  const changes = useApi<{ changes: ChangeRow[] }>("/api/v1/changes?since=24h");
  const names = goals.data?.goals.map((goal) => goal.name) ?? [];
  const productions = useApis<Production>(names.map((name) => `/api/v1${to("goals", name)}/production`));
  if (!settled(goals, runs, endpoints, doctor, changes, ...productions)) return <Loading />;
  if (goals.error) return <Failure error={goals.error} what="The overview" />;
  const concerns = (doctor.data?.checks ?? []).filter((check) => check.state !== "ok");
  return (
    <>
      <Head title="Overview" command="millwright status">
        What the models are for, whether they keep to it, and what runs now.
      </Head>
      {concerns.length > 0 && (
        <Section title="Needs attention">
          <ul class="list">
            {concerns.map((check) => (
              <li key={check.check} class="list-row">
                <State of={check.state} />
                <span class="grow">
                  <b>{check.check}</b> {check.value}
                </span>
                {check.remedy.startsWith("millwright") ? <Command text={check.remedy} /> : <span class="muted">{check.remedy}</span>}
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Goals">
        {goals.data!.goals.length === 0 ? (
          <Empty title="No goal yet" command="millwright apply -f goal.yaml">
            A goal says what a model is for and what it must keep to. <code>millwright init --data your.csv --label y</code>{" "}
            writes one for data of your own.
          </Empty>
        ) : (
          <ul class="cards">{goals.data!.goals.map((goal, i) => <GoalCard key={goal.name} goal={goal} production={productions[i]!} />)}</ul>
        )}
      </Section>
      <Section title="Endpoints">
        {(endpoints.data?.endpoints ?? []).length === 0 ? (
          <Empty title="Nothing answers yet" command="millwright deploy MODEL@candidate" />
        ) : (
          <ul class="list">
            {endpoints.data!.endpoints.map((endpoint) => (
              <li key={endpoint.endpoint} class="list-row">
                <State of={endpoint.ready ? "ready" : "not ready"} />
                <a class="grow" href={to("endpoints", endpoint.endpoint)}>{endpoint.endpoint}</a>
                <a href={to("models", endpoint.model, endpoint.version)}>{endpoint.model} v{endpoint.version}</a>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Latest runs">
        {(runs.data?.runs ?? []).length === 0 ? (
          <Empty title="No run yet" command="millwright run PIPELINE" />
        ) : (
          <RunTable runs={runs.data!.runs} />
        )}
      </Section>
      {changes.data && <Changes changes={changes.data.changes} />}
    </>
  );
}
