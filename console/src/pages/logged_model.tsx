// A model that a run logged, as MLflow's client names it: where it came from, what was said and measured of it.
import { useApi } from "../api";
import { milli, value } from "../format";
import { to } from "../router";
import type { KeyValue, MetricValue } from "../tracking";
import { double, experimentAddress, kAjax, runAddress } from "../tracking";
import { Facts, Failure, Head, Loading, Section, settled } from "../ui";

interface LoggedModel {
  info: {
    model_id: string;
    experiment_id: string;
    name: string;
    artifact_uri: string;
    creation_timestamp_ms: number | string;
    model_type?: string;
    status: string;
    source_run_id?: string;
    tags?: KeyValue[];
    registrations?: { name: string; version: string }[];
  };
  data?: { params?: KeyValue[]; metrics?: (MetricValue & { dataset_name?: string })[] };
}

export function LoggedModelPage({ id }: { id: string }) {
  const answer = useApi<{ model: LoggedModel }>(`${kAjax}${to("logged-models", id)}`);
  if (!settled(answer)) return <Loading />;
  if (answer.error) return <Failure error={answer.error} what={`The model ${id}`} />;
  const { info, data } = answer.data!.model;
  return (
    <>
      <Head title={info.name || info.model_id} kicker={<><a href="/experiments">Experiments</a> › <a href={experimentAddress(info.experiment_id)}>{info.experiment_id}</a> › {info.model_id}</>} />
      <Facts
        name="logged-model"
        items={[
          { label: "State", value: String(info.status).replace(/^LOGGED_MODEL_/, "").toLowerCase(), note: `logged ${milli(Number(info.creation_timestamp_ms))}` },
          ...(info.model_type ? [{ label: "Type", value: info.model_type }] : []),
          ...(info.source_run_id ? [{ label: "Made by", value: <a class="small mono" href={runAddress(info.experiment_id, info.source_run_id)}>{info.source_run_id.slice(0, 12)}</a> }] : []),
          ...(info.registrations ?? []).map((r) => ({ label: "Registered as", value: <a href={to("models", r.name, r.version)}>{r.name} v{r.version}</a> })),
        ]}
      />
      <Section title="Files"><p class="mono wrap">{info.artifact_uri}</p></Section>
      <Values title="Metrics" rows={(data?.metrics ?? []).map((m) => [m.dataset_name ? `${m.key} on ${m.dataset_name}` : m.key, value(double(m.value))])} />
      <Values title="Parameters" rows={(data?.params ?? []).map((p) => [p.key, p.value])} />
      <Values title="Tags" rows={(info.tags ?? []).map((t) => [t.key, t.value])} />
    </>
  );
}

function Values({ title, rows }: { title: string; rows: [string, string][] }) {
  if (rows.length === 0) return null;
  return (
    <Section title={title}>
      <dl class="values">
        {rows.map(([key, text]) => (
          <div key={key}>
            <dt title={key}>{key}</dt>
            <dd>{text.slice(0, 1000)}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
