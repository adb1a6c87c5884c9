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
    return { numbers: page.map((n) => n + 1), ids: list((r) => r.id), names: list((r) => r.name), statuses: list((r) => r.status), started: list((r) => r.started), ended: list((r) => r.ended) };
  });
  tell("/api/v1/experiments/0/rows", (_, body) => ({ rows: body.runs.map((id) => rowOf(Number.parseInt(id, 16), "active")) }));
  tell(`${base}/rows`, (_, body) => ({ rows: body.runs.map((id) => rowOf(Number.parseInt(id, 16), deleted.has(id) ? "deleted" : "active")) }));
  tell(`${base}/column`, (url) => {
    if (!url.searchParams.get("metric")) return { numbers: numbers.map((n) => n + 1), values: numbers.map(depthOf) };
    const sorted = [...numbers].sort((a, b) => lossOf(a) - lossOf(b));
    return Buffer.from(new Float64Array([...sorted.map((n) => n + 1), ...sorted.map(lossOf)]).buffer);
  });
  tell(`${base}/matches`, (_, body) => {
    const bound = /^metrics\.loss < ([\d.]+)$/.exec(body.filter);
    return bound ? { numbers: numbers.filter((n) => lossOf(n) < Number(bound[1])).map((n) => n + 1) } : undefined;
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
        inputs: { dataset_inputs: [{ tags: [{ key: "context", value: kHostile[1] }], dataset: { name: kHostile[0], digest: kHostile[3], source_type: "http", source: kHostile[7], profile: kHostile[2] } }] },
      },
    };
  });
  tell(`${ajax}/logged-models/m-1`, () => ({
    model: { info: { model_id: "m-1", experiment_id: kExperiment, name: kHostile[0], artifact_uri: kHostile[3], creation_timestamp_ms: 1.7e12, status: kHostile[1], source_run_id: idOf(3), tags: [{ key: kHostile[2], value: kHostile[7] }] }, data: { metrics: [{ key: kHostile[1], value: 0.5, timestamp: 1, step: 0 }] } },
  }));
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
    of: { ref: "m@1", artifacts: ["a3"], executions: [] },
    artifacts: ["a1", "a2", "a3"].map((id, i) => ({ id, type: i === 2 ? "version" : "dataset", name: i === 2 ? "m@1" : kHostile[i], digest: `sha256:${id}`, metadata: { [kHostile[0]]: kHostile[1] }, created: "2026-11-22T00:00:00Z" })),
    executions: ["e1", "e2"].map((id) => ({ id, type: "run", name: kHostile[2], state: "complete", code_version: kHostile[3], configuration: { [kHostile[0]]: kHostile[1] }, environment: {}, metadata: {}, started: "2026-11-22T00:00:00Z", ended: null })),
    events: events.map(([execution, artifact, direction]) => ({ execution, artifact, direction, port: kHostile[0] })),
    truncated: false,
  }));
  const side = (state, a, b) => [{ name: kHostile[0], state, a, b }];
  tell("/api/v1/compare", () => ({ data: side("changed", { digest: "sha256:1", rows: 5 }, { digest: kHostile[1], rows: 6 }), code: side("same", "x", "x"), config: side("only_b", null, kHostile[2]), environment: [], hardware: [], summary: [kHostile[1]] }));
  for (let n = 0; n < 10; ++n) tell(`/api/v1/runs/${idOf(n)}/reproduce`, () => ({ commands: [`git checkout ${kHostile[0]}`], missing: [kHostile[1]], notes: [kHostile[2]] }));
  return asked;
}
