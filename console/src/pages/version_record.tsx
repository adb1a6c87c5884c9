// What people say of a model version: description, aliases, stage and tags, and where it came from and answers.
import { useState } from "preact/hooks";
import type { EndpointView } from "../records/endpoints";
import type { Version } from "../records/models";
import { ask, forget, useApi } from "../api";
import { lineageAddress, loggedModelAddress } from "../records/lineage";
import { to } from "../router";
import { kAjax, runAddress } from "../tracking";
import { Section } from "../ui";
import { Notes } from "./notes";

const kStages = ["None", "Staging", "Production", "Archived"];

export function VersionRecord({ version, pipeline }: { version: Version; pipeline: boolean }) {
  const endpoints = useApi<{ endpoints: EndpointView[] }>("/api/v1/endpoints").data?.endpoints ?? [];
  const [error, setError] = useState("");
  const name = version.model;
  const text = String(version.version);
  const change = async (method: "POST" | "PATCH" | "DELETE", path: string, body: object) => {
    try {
      await ask(method, `${kAjax}/${path}`, { name, version: text, ...body });
      setError("");
    } catch (failure) {
      setError((failure as Error).message);
    }
    forget((p) => p.startsWith("/api/v1/models"));
  };
  const serving = endpoints.filter((e) => e.model === name && (e.version === version.version || e.versions?.some((v) => v.version === version.version)));
  if (version.stage === undefined) return null; // an older control plane knows of no such record
  return (
    <Section title="Record" note={<a href={lineageAddress(`${name}@${version.version}`)}>lineage both ways</a>}>
      <Notes text={version.description ?? ""} save={(description) => change("PATCH", "model-versions/update", { description })} />
      <dl class="rows record" data-record>
        <dt>Aliases</dt>
        <dd><Pairs of={version.aliases.map((alias) => [alias, ""])} what="alias" onSet={(alias) => change("POST", "registered-models/alias", { alias })} onDelete={(alias) => change("DELETE", "registered-models/alias", { alias })} /></dd>
        <dt>Stage</dt>
        <dd>
          <select class="field field-small" value={version.stage} aria-label="Stage" onChange={(event) => void change("POST", "model-versions/transition-stage", { stage: event.currentTarget.value, archive_existing_versions: false })}>
            {kStages.map((stage) => <option key={stage} value={stage}>{stage}</option>)}
          </select>
        </dd>
        <dt>Tags</dt>
        <dd><Pairs of={Object.entries(version.tags ?? {})} what="tag" valued onSet={(key, value) => change("POST", "model-versions/set-tag", { key, value })} onDelete={(key) => change("DELETE", "model-versions/delete-tag", { key })} /></dd>
        {version.run_id && <><dt>Made by</dt><dd><a class="mono" href={pipeline ? to("runs", version.run_id) : runAddress("0", version.run_id)}>{version.run_id.slice(0, 12)}</a></dd></>}
        {version.logged_model && <><dt>Logged model</dt><dd><a class="mono" href={loggedModelAddress(version.logged_model)}>{version.logged_model.slice(0, 14)}</a></dd></>}
        {version.source && <><dt>Lies at</dt><dd class="mono wrap small">{version.source}</dd></>}
        <dt>Answers at</dt>
        <dd>{serving.length === 0 ? <span class="muted">no endpoint</span> : serving.map((e) => <a key={e.endpoint} class="tag tag-strong" href={to("endpoints", e.endpoint)}>{e.endpoint}{e.ready ? "" : ", not ready"}</a>)}</dd>
      </dl>
      {error && <p class="tone-bad small" role="alert">{error}</p>}
    </Section>
  );
}

function Pairs({ of, what, valued, onSet, onDelete }: {
  of: [string, string][];
  what: string;
  valued?: boolean;
  onSet: (key: string, value: string) => Promise<void>;
  onDelete: (key: string) => Promise<void>;
}) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (!key) return;
    void onSet(key, value).then(() => {
      setKey("");
      setValue("");
    });
  };
  return (
    <ul class="tag-list">
      {of.map(([name, text]) => (
        <li key={name} class="tag tag-wide">
          <span>{name}</span> {text && <b>{text}</b>}
          <button type="button" class="tag-x" aria-label={`Delete the ${what} ${name}`} onClick={() => void onDelete(name)}>×</button>
        </li>
      ))}
      <li>
        <form class="menu-form" onSubmit={submit}>
          <input class="field field-small" placeholder={what} aria-label={`New ${what}`} value={key} onInput={(event) => setKey(event.currentTarget.value)} />
          {valued && <input class="field field-small" placeholder="value" aria-label={`Value of the ${what}`} value={value} onInput={(event) => setValue(event.currentTarget.value)} />}
          <button type="submit" class="button" disabled={!key}>Set</button>
        </form>
      </li>
    </ul>
  );
}
