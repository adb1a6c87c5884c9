// Models and their versions: what a version reaches, and where it came from.
import type { GoalRow } from "../records/goals";
import type { Graph } from "../records/lineage";
import { graphPath } from "../records/lineage";
import type { ModelRow, Report, Version } from "../records/models";
import { useApi } from "../api";
import { VersionRecord } from "./version_record";
import { Chain } from "../chain";
import { metric, moment, plural } from "../format";
import { to } from "../router";
import { runAddress } from "../tracking";
import { Clock, Command, Empty, Failure, Head, Loading, Scroll, Section, settled } from "../ui";
import { LineageSection } from "../version/origin";
import { evaluated, ReportSections } from "../version/report";

function Aliases({ names }: { names: string[] }) {
  return (
    <>
      {names.map((name) => (
        <span key={name} class={`tag${name === "production" ? " tag-strong" : ""}`}>{name}</span>
      ))}
    </>
  );
}

export function ModelsPage() {
  const models = useApi<{ models: ModelRow[] }>("/api/v1/models");
  const goals = useApi<{ goals: GoalRow[] }>("/api/v1/goals");
  if (!settled(models, goals)) return <Loading />;
  return (
    <>
      <Head title="Models" command="millwright models">
        Every registered model and where its aliases point.
      </Head>
      {models.error ? (
        <Failure error={models.error} what="The list of models" />
      ) : models.data!.models.length === 0 ? (
        <Empty title="No model yet" command="millwright run PIPELINE">
          A pipeline with a step <code>uses: register</code> registers a version.
        </Empty>
      ) : (
        <ul class="list">
          {models.data!.models.map((model) => (
            <li key={model.name} class="list-row list-tall">
              <div class="grow">
                <a class="strong" href={to("models", model.name)}>{model.name}</a>
                {model.description && <p class="small clamp">{model.description}</p>}
                <p class="muted small">{plural(model.latest, "version")}, goal {goals.data?.goals.find((g) => g.model === model.name)?.name ?? "none"}</p>
              </div>
              <span class="tags">
                {model.aliases.map((alias) => (
                  <a key={alias.alias} class={`tag${alias.alias === "production" ? " tag-strong" : ""}`} href={to("models", model.name, alias.version)}>
                    {alias.alias} v{alias.version}
                  </a>
                ))}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const kListed = ["roc_auc", "average_precision", "ece", "precision", "recall", "saving"];

export function ModelPage({ name }: { name: string }) {
  const model = useApi<{ versions: Version[] }>(`/api/v1${to("models", name)}`);
  if (!settled(model)) return <Loading />;
  if (model.error) return <Failure error={model.error} what={`The model ${name}`} />;
  const versions = model.data!.versions;
  const metrics = kListed.filter((m) => versions.some((v) => v.metrics[m] !== undefined));
  const staged = versions.some((v) => v.stage && v.stage !== "None");
  return (
    <>
      <Chain here="version" model={name} />
      <Head title={name} kicker="Model" command={`millwright models ${name}`} />
      <Scroll label="Versions">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Aliases</th>
              {staged && <th scope="col">Stage</th>}
              {metrics.map((m) => <th key={m} scope="col" class="num">{m.replaceAll("_", " ")}</th>)}
              <th scope="col">Registered <Clock of="wall" /></th>
            </tr>
          </thead>
          <tbody>
            {versions.map((version) => (
              <tr key={version.version} data-version={version.version}>
                <th scope="row"><a href={to("models", name, version.version)}>v{version.version}</a></th>
                <td class="tags"><Aliases names={version.aliases} /></td>
                {staged && <td class={version.stage === "None" ? "muted" : ""}>{version.stage}</td>}
                {metrics.map((m) => <td key={m} class="num">{metric(m, version.metrics[m])}</td>)}
                <td class="nowrap muted">{moment(version.created)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

export function VersionPage({ model, reference }: { model: string; reference: string }) {
  const base = `/api/v1${to("models", model, "versions", reference)}`;
  const version = useApi<Version>(base);
  // What was registered by hand, or by MLflow's client, has no report.
  const made = version.data?.run_id && version.data.attempt_id !== "";
  const report = useApi<Report>(made ? `${base}/report` : null);
  const lineage = useApi<Graph>(made ? `/api/v1${to("lineage", version.data!.package)}` : version.data ? graphPath(`${model}@${version.data.version}`, "upstream") : null);
  if (!settled(version, report, lineage)) return <Loading />;
  if (version.error) return <Failure error={version.error} what={`Version ${reference} of ${model}`} />;
  const v = version.data!;
  return (
    <>
      <Chain here="version" model={model} version={v.version} />
      <Head
        title={`${model} v${v.version}`}
        kicker={`Model version, registered ${moment(v.created)}`}
        state={<Aliases names={v.aliases} />}
        command={`millwright models ${model}`}
      >
        {report.data && evaluated(report.data)}
      </Head>
      <VersionRecord version={v} pipeline={!!made} />
      {report.data ? (
        <ReportSections report={report.data} />
      ) : (
        <Section title="Evaluation">
          <Empty title="No evaluation report" command="millwright run PIPELINE">
            {report.error?.message ?? (v.run_id ? "Its run is not one of a pipeline, so nothing here evaluated it." : "This version was registered without a run, so nothing here evaluated it.")}
          </Empty>
        </Section>
      )}
      {lineage.data && lineage.data.events.some((event) => event.direction === "input") ? (
        <LineageSection lineage={lineage.data} version={v} />
      ) : (
        <Section title="Where it came from">
          <Empty title="Nothing is recorded of its making">{v.run_id ? <>What its run was given and measured is on <a href={runAddress("0", v.run_id)}>the run's page</a>.</> : "It was registered without a run."}</Empty>
        </Section>
      )}
      <Section title="Serve it">
        <Command text={`millwright deploy ${model}@${v.version}`} />
      </Section>
    </>
  );
}
