// An experiment of many runs for the mock server, with known values and with names that want to be markup.
export const kHostile = [
  `<img src=x onerror="window.hurt='img'">`,
  `<script>window.hurt='script'</script>`,
  `"><svg onload="window.hurt='svg'">`,
  `javascript:window.hurt='scheme'`,
  `'-window.hurt='quote'-'`,
  `{{constructor.constructor("window.hurt='template'")()}}`,
  `</textarea><iframe srcdoc="<script>parent.hurt='frame'</script>">`,
  `<a href="javascript:window.hurt='link'">click</a>`,
  `[click](javascript:window.hurt='markdown') ![x](javascript:window.hurt='picture') <details open ontoggle="window.hurt='toggle'">`,
  `__proto__`,
];

export const kExperiment = "7";
export const idOf = (n) => n.toString(16).padStart(32, "0");
export const lossOf = (n) => ((n * 7919) % 100003) / 100003;
export const depthOf = (n) => String((n % 11) + 2);

function rowOf(n, stage) {
  const hostile = kHostile[n % kHostile.length];
  return {
    id: idOf(n), name: n < 10 ? hostile : `run-${n}`, user: n < 10 ? hostile : "ann", source: "train.py", status: n % 9 === 0 ? "failed" : "finished", stage,
    started: 1.7e12 + n * 1000, ended: 1.7e12 + n * 1000 + 65000,
    metrics: { loss: lossOf(n), "val/auc": 1 - lossOf(n) / 2, ...(n < 10 ? { [hostile]: n } : {}) },
    params: { depth: depthOf(n), constant: "1", ...(n < 10 ? { [hostile]: hostile } : {}) },
    tags: { team: n % 2 ? "ops" : "research", ...(n < 10 ? { [hostile]: hostile, "mlflow.note.content": kHostile.join("\n\n") } : {}) },
  };
}

/** A column of texts as it is sent: a length, each text once with how many have it, then the numbers of the runs. */
function packedTexts(runs, textOf) {
  const values = [...new Set(runs.map(textOf))].sort();
  const groups = values.map((value) => runs.filter((n) => textOf(n) === value));
  const json = JSON.stringify({ values, counts: groups.map((group) => group.length) });
  const padded = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  return Buffer.concat([Buffer.from(new Float64Array([padded.length]).buffer), padded, Buffer.from(new Float64Array(groups.flat().map((n) => n + 1)).buffer)]);
}

/** A first number, then a bit for each from there on. */
function packedNumbers(numbers) {
  const bits = new Uint8Array(Math.ceil((Math.max(0, ...numbers.slice(-1)) + 1) / 64) * 8);
  for (const number of numbers) bits[number >> 3] |= 1 << (number & 7);
  return Buffer.concat([Buffer.from(new Float64Array([0]).buffer), Buffer.from(bits)]);
}

/** Answers for an experiment of `size` runs; what was asked is told to `asked`. */
export function serveExperiment(mock, size, asked = []) {
  const base = `/api/v1/experiments/${kExperiment}`;
  const ajax = "/ajax-api/2.0/mlflow";
  const deleted = new Set();
  const views = new Map();
  const tell = (path, answer) =>
    mock.override(path, (url, body, method) => {
      asked.push({ path, query: Object.fromEntries(url.searchParams), body, method });
      return answer(url, body, method);
    });
  const numbers = Array.from({ length: size }, (_, i) => i);
  const note = kHostile.join("\n\n");
  const experiment = { experiment_id: kExperiment, name: kHostile[0], artifact_location: "", lifecycle_stage: "active", creation_time: 1.7e12, last_update_time: 1.7e12, tags: [{ key: "mlflow.note.content", value: note }, { key: kHostile[1], value: kHostile[2] }] };
  tell(`${ajax}/experiments/search`, () => ({ experiments: [experiment] }));
  tell(`${ajax}/experiments/get`, () => ({ experiment }));
  tell(`${base}/keys`, () => ({ metrics: ["loss", "val/auc", ...kHostile.slice(0, 3)], params: ["depth", "constant", kHostile[1]], tags: ["team", kHostile[0]] }));
  tell(`${base}/views`, () => ({ views: [...views].map(([name, state]) => ({ name, state, saved_by: "local", updated: 0 })) }));
  for (const name of ["best", kHostile[0]]) {
    tell(`${base}/views/${name}`, (_, body, method) => (method === "DELETE" ? views.delete(name) : views.set(name, body), {}));
  }
  tell(`${base}/runs`, (url) => {
    const stage = url.searchParams.get("stage") ?? "active";
    const before = url.searchParams.get("before");
    const limit = Number(url.searchParams.get("limit") ?? 20000);
    const after = url.searchParams.get("after");
    const last = before ? Number.parseInt(before.split(",")[1], 16) : size;
    const page = [];
    if (after === null) for (let n = last - 1; n >= 0 && page.length < limit; --n) if (deleted.has(idOf(n)) === (stage === "deleted")) page.push(n);
    const rows = page.map((n) => rowOf(n, stage));
    const list = (of) => rows.map(of);
    return { numbers: page.map((n) => n + 1), ids: list((r) => r.id), names: list((r) => r.name), statuses: list((r) => r.status), started: list((r) => r.started), ended: list((r) => r.ended), ...(url.searchParams.has("rows") ? { rows: rows.slice(0, Number(url.searchParams.get("rows"))) } : {}) };
  });
  tell("/api/v1/experiments/0/rows", (_, body) => ({ rows: body.runs.map((id) => rowOf(Number.parseInt(id, 16), "active")) }));
  tell(`${base}/rows`, (_, body) => ({ rows: body.runs.map((id) => rowOf(Number.parseInt(id, 16), deleted.has(id) ? "deleted" : "active")) }));
  tell(`${base}/column`, (url) => {
    if (!url.searchParams.get("metric")) return packedTexts(numbers, depthOf);
    const sorted = [...numbers].sort((a, b) => lossOf(a) - lossOf(b));
    return Buffer.from(new Float64Array([...sorted.map((n) => n + 1), ...sorted.map(lossOf)]).buffer);
  });
  tell(`${base}/matches`, (_, body) => {
    const bound = /^metrics\.loss < ([\d.]+)$/.exec(body.filter);
    return bound ? packedNumbers(numbers.filter((n) => lossOf(n) < Number(bound[1])).map((n) => n + 1)) : undefined;
  });
  tell(`${ajax}/runs/delete`, (_, body) => (deleted.add(body.run_id), {}));
  tell(`${ajax}/runs/restore`, (_, body) => (deleted.delete(body.run_id), {}));
  for (const call of ["runs/set-tag", "runs/update", "experiments/update", "experiments/delete", "experiments/restore"]) tell(`${ajax}/${call}`, () => ({}));
  tell(`${ajax}/runs/get`, (url) => {
    const row = rowOf(Number.parseInt(url.searchParams.get("run_id"), 16), "active");
    const pairs = (of) => Object.entries(of).map(([key, value]) => ({ key, value }));
    return {
      run: {
        info: { run_id: row.id, experiment_id: kExperiment, run_name: row.name, user_id: row.user, status: row.status.toUpperCase(), start_time: row.started, end_time: row.ended, artifact_uri: `mlflow-artifacts:/7/${row.id}/artifacts`, lifecycle_stage: "active" },
        data: { metrics: Object.entries(row.metrics).map(([key, value]) => ({ key, value, timestamp: 1, step: 5 })), params: pairs(row.params), tags: [...pairs(row.tags), { key: "mlflow.user", value: row.user }] },
        outputs: { model_outputs: [{ model_id: "m-1", step: 3 }, { model_id: kHostile[3], step: 0 }] },
        inputs: { model_inputs: [{ model_id: "m-2" }], dataset_inputs: [{ tags: [{ key: "context", value: kHostile[1] }], dataset: { name: kHostile[0], digest: kHostile[3], source_type: "http", source: kHostile[7], profile: kHostile[2] } }] },
      },
    };
  });
  const measured = (key, value, more = {}) => ({ key, value, timestamp: 1.7e12, step: 0, run_id: idOf(3), ...more });
  const modelOf = (id, info, metrics, params = []) => ({ info: { model_id: id, experiment_id: kExperiment, artifact_uri: kHostile[3], creation_timestamp_ms: 1.7e12, status: "LOGGED_MODEL_READY", ...info }, data: { metrics, params } });
  const models = [
    modelOf("m-1", { name: kHostile[0], status: kHostile[1], model_type: kHostile[2], source_run_id: idOf(3), tags: [{ key: kHostile[2], value: kHostile[7] }, { key: "mlflow.user", value: kHostile[0] }] }, [measured(kHostile[1], 0.5, { dataset_name: kHostile[0], dataset_digest: kHostile[3] }), measured("auc", 0.25)], [{ key: kHostile[0], value: kHostile[1] }]),
    modelOf(kHostile[3], { name: kHostile[3] }, []),
    modelOf("m-2", { name: "forest", source_run_id: idOf(42) }, [measured("auc", 0.75, { dataset_name: "flights", dataset_digest: "d1" }), measured("auc", 0.5, { timestamp: 1.6e12 })], [{ key: "depth", value: "6" }]),
  ];
  for (const model of models) {
    tell(`${ajax}/logged-models/${model.info.model_id}`, () => ({ model }));
    tell(`/api/v1/logged-models/${model.info.model_id}/versions`, () => ({ versions: [{ model: kHostile[0], version: 1, package: "", run_id: idOf(3), metrics: {}, aliases: [kHostile[1]], created: "2026-11-22T00:00:00Z", stage: kHostile[2] }, { model: "late", version: 3, package: "", run_id: "", metrics: {}, aliases: ["champion"], created: "2026-11-22T00:00:00Z", stage: "Staging" }] }));
    tell(`${ajax}/logged-models/${model.info.model_id}/artifacts/directories`, () => ({ files: [{ path: "MLmodel", is_dir: false, file_size: 5 }, { path: kHostile[0], is_dir: false, file_size: 5 }] }));
    tell(`${ajax}/logged-models/${model.info.model_id}/artifacts/files`, (url) => Buffer.from(files[url.searchParams.get("artifact_file_path")] ?? ""));
  }
  tell(`${ajax}/logged-models/search`, (_, body) => {
    if (body.filter.includes("<")) return { models: [] };
    const auc = (model) => model.data.metrics.find((metric) => metric.key === "auc")?.value ?? -1;
    const sorted = [...models].sort((a, b) => (body.order_by[0]?.ascending === false ? -1 : 1) * (auc(a) - auc(b)));
    return { models: body.order_by.length > 0 ? sorted : models };
  });
  tell(`${ajax}/model-versions/search`, () => ({ model_versions: [{ name: kHostile[0], version: "1", source: kHostile[3] }] }));
  const used = (n, context) => ({ run_id: idOf(n), name: rowOf(n, "active").name, experiment_id: kExperiment, status: "finished", stage: "active", started: 1.7e12, context });
  const line = (number, name, digest, contexts) => ({ number, experiment_id: kExperiment, name, digest, source_type: kHostile[0], source: JSON.stringify({ uri: kHostile[3] }), runs: 2, contexts, newest: used(number, "") });
  const lines = [line(3, kHostile[0], kHostile[3], [kHostile[1]]), line(2, "flights", "d2", ["training"]), line(1, "flights", "d1", ["training", "testing"])];
  tell("/api/v1/datasets", (url) => {
    const before = Number(url.searchParams.get("before") ?? 99);
    const found = lines.filter((one) => one.number < before && (url.searchParams.get("name") ?? one.name) === one.name);
    return { datasets: found.slice(0, 2), next: found.length > 2 ? found[1].number : null };
  });
  const made = (n, maker) => ({ artifact: `a-${n}`, digest: `sha256:${String(n).repeat(64)}`, uri: "", metadata: n === 1 ? { rows: 336776, columns: 19 } : {}, created: "2026-11-22T00:00:00Z", maker, readers: 3 - n });
  const makers = [null, { execution: "e-1", type: "import", name: "flights/import", port: "rows", pipeline: "flights", run: "0193-run-one", started: "2026-11-22T00:00:00Z" }, { execution: kHostile[0], type: kHostile[1], name: kHostile[2], port: kHostile[7], pipeline: kHostile[0], run: "", started: "2026-11-22T00:00:00Z" }, null];
  tell("/api/v1/datasets/made", (url) => (url.searchParams.get("before") === "a-2" ? { datasets: [made(3, makers[3])], next: null } : { datasets: [made(1, makers[1]), made(2, makers[2])], next: "a-2" }));
  tell("/api/v1/dataset", (url) => {
    const name = url.searchParams.get("name");
    const hostile = name === kHostile[0];
    return {
      name, digest: url.searchParams.get("digest"), source_type: kHostile[0], source: hostile ? kHostile.join(" ") : JSON.stringify({ url: kHostile[3] }),
      schema: JSON.stringify({ mlflow_colspec: [{ type: hostile ? kHostile[0] : "long", name: hostile ? kHostile[1] : "distance", required: false }] }),
      profile: JSON.stringify({ [hostile ? kHostile[0] : "num_rows"]: hostile ? kHostile[1] : 336776 }),
      experiments: [kExperiment], runs: [used(42, "training"), used(3, kHostile[1])], runs_in_all: 2,
      models: [{ model_id: "m-2", name: "forest", experiment_id: kExperiment, source_run_id: idOf(42), made: true, measured: true }, { model_id: "m-1", name: kHostile[0], experiment_id: kExperiment, source_run_id: "", made: false, measured: true }],
    };
  });
  tell("/api/v1/charts", (_, body) => ({
    x: body.x,
    series: body.runs.flatMap((run) => body.metrics.map((metric) => {
      const [from, to] = [body.from ?? 0, body.to ?? 9_999_999];
      const x = Array.from({ length: 500 }, (_, i) => from + Math.floor((i * (to - from)) / 499));
      const y = x.map((at) => 1 / (1 + at / 1e6) + Number.parseInt(run, 16) / 10);
      return { run_id: run, metric, points: 10_000_000, begin: 0, end: 9_999_999, width: 20_000, x, first: y, last: y, min: y.map((v) => v - 0.02), max: y.map((v) => v + 0.02), nans: [] };
    })),
  }));
  const files = {
    "evil.html": `<html>${kHostile.join("")}</html>`, "evil.svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="window.hurt='file'"><script>window.hurt='file'</script></svg>`,
    "evil.md": kHostile.join("\n\n"), "evil.csv": `a,b\n${kHostile.map((text) => `1,"${text.replaceAll('"', '""')}"`).join("\n")}\n`, "evil.json": JSON.stringify(kHostile), "evil.png": kHostile[0], "evil.js": "window.hurt='js'",
    MLmodel: `flavors:\n  xgboost:\n    data: x\nsignature:\n  inputs: '[{"type": "double", "name": "distance"},\n    {"type": "long", "name": "<b>hour</b>", "required": false}]'\n  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]'\n`,
  };
  files[kHostile[0]] = kHostile[1];
  tell(`${ajax}/artifacts/list`, () => ({ files: Object.entries(files).map(([path, text]) => ({ path, is_dir: false, file_size: text.length })) }));
  tell("/get-artifact", (url) => Buffer.from(files[url.searchParams.get("path")] ?? ""));
  const events = [["e1", "a1", "input"], ["e1", "a2", "output"], ["e2", "a2", "input"], ["e2", "a3", "output"]];
  tell("/api/v1/lineage", () => ({
    of: { ref: "m@1", artifacts: ["a3"], executions: [], digests: [[kHostile[3], "a9"], ["d1", "a3"]].map(([digest, artifact]) => ({ artifact, digest, created: "2026-11-22T00:00:00Z", runs: [idOf(3), kHostile[0]], more_runs: true })) },
    artifacts: ["a1", "a2", "a3"].map((id, i) => ({ id, type: i === 2 ? "version" : "dataset", name: i === 2 ? "m@1" : kHostile[i], digest: `sha256:${id}`, metadata: { [kHostile[0]]: kHostile[1] }, created: "2026-11-22T00:00:00Z" })),
    executions: ["e1", "e2"].map((id) => ({ id, type: "tracked_run", name: kHostile[2], state: "complete", code_version: kHostile[3], configuration: { [kHostile[0]]: kHostile[1] }, environment: {}, metadata: {}, started: "2026-11-22T00:00:00Z", ended: null })),
    events: events.map(([execution, artifact, direction]) => ({ execution, artifact, direction, port: kHostile[0] })),
    truncated: false,
  }));
  const side = (state, a, b) => [{ name: kHostile[0], state, a, b }];
  tell("/api/v1/compare", () => ({ data: side("changed", { digest: "sha256:1", rows: 5 }, { digest: kHostile[1], rows: 6 }), code: side("same", "x", "x"), config: side("only_b", null, kHostile[2]), environment: [], hardware: [], summary: [kHostile[1]] }));
  for (let n = 0; n < 10; ++n) tell(`/api/v1/runs/${idOf(n)}/reproduce`, () => ({ commands: [`git checkout ${kHostile[0]}`], missing: [kHostile[1]], notes: [kHostile[2]] }));
  return asked;
}
