// A home as a team has it after a year: 100,000 runs of 50 metrics, runs of one and of ten million points, models with
// versions and aliases, files of every kind; and a control plane that serves it.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const kFills = [
  ["filled", 100_000, 50, 20, 1],
  ["one million points", 1, 1, 2, 1_000_000],
  ["ten million points", 1, 1, 2, 10_000_000],
];

/** Fills the database of a new home; does nothing where it was filled before. */
function fillHome(bin, home) {
  const filled = join(home, "filled");
  if (existsSync(filled)) return;
  for (const [experiment, runs, metrics, params, steps] of kFills) {
    console.error(`filling: ${experiment}`);
    const flags = { experiment, runs, metrics, params, steps };
    const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    execFileSync(join(bin, "tracking_bench"), ["fill", join(home, "millwright.db"), ...words], { stdio: ["ignore", "inherit", "inherit"] });
  }
  writeFileSync(filled, "");
}

/** `millwright up` on the home: its address, its memory in MB, and how it ends. */
async function startServer(bin, home) {
  const up = spawn(join(bin, "millwright"), ["up", "--home", home, "--listen", "127.0.0.1:0", "--inference-listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await new Promise((resolve, reject) => {
    let said = "";
    up.stdout.on("data", (text) => {
      said += text;
      const address = /^Control plane\s+(\S+)/m.exec(said);
      if (address && /^Inference/m.test(said)) resolve(address[1]);
    });
    up.on("exit", (code) => reject(new Error(`up ended with ${code}: ${said}`)));
  });
  const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${up.pid}/status`, "utf8"))[1]) / 1024;
  const close = () => new Promise((resolve) => {
    up.removeAllListeners("exit");
    up.once("exit", resolve);
    up.kill("SIGTERM");
  });
  return { url, memory, close };
}

const kFiles = {
  "plots/roc.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
  "notes.md": "# How it went\n\nThe **validation loss** fell until round 40.\n\n| split | rows |\n|---|---|\n| train | 280,000 |\n| test | 47,000 |\n\n- seeds are fixed\n- see `train.py`\n",
  "config.json": JSON.stringify({ optimizer: "adam", learning_rate: 0.001, layers: [64, 64, 8], schedule: { warmup: 500 } }),
  "train.log": Array.from({ length: 400 }, (_, i) => `2026-11-01T10:${String(i % 60).padStart(2, "0")}:00Z round ${i} loss ${(1 / (i + 1)).toFixed(5)}`).join("\n"),
  "tables/predictions.csv": `flight,carrier,distance,delay\n${Array.from({ length: 300 }, (_, i) => `${1000 + i},${["UA", "AA", "B6"][i % 3]},${200 + i * 7},${(i * 37) % 90 - 20}`).join("\n")}\n`,
};

/** Names of what the pages show besides runs: made once, by MLflow's API. */
async function addRecords(url) {
  const ask = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, { method, headers: { "content-type": "application/json" }, ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const mlflow = (path, body, method = "POST") => ask(method, `/api/2.0/mlflow/${path}`, body);
  const experimentOf = async (name) => (await ask("GET", `/api/2.0/mlflow/experiments/get-by-name?${new URLSearchParams({ experiment_name: name })}`)).experiment.experiment_id;
  const newest = async (experiment, count) => (await mlflow("runs/search", { experiment_ids: [experiment], max_results: count })).runs.map((run) => run.info.run_id);
  const experiment = await experimentOf("filled");
  const runs = await newest(experiment, 6);
  const million = await experimentOf("one million points");
  const ten = await experimentOf("ten million points");
  const places = { experiment, runs, million: [million, ...(await newest(million, 1))], ten: [ten, ...(await newest(ten, 1))] };
  const view = { filter: "params.optimizer = 'adam'", sort: "metrics.val/loss", descending: true };
  await ask("PUT", `/api/v1/experiments/${experiment}/views/${encodeURIComponent("adam by loss")}`, view);
  const known = await mlflow("registered-models/search", undefined, "GET");
  if ((known.registered_models ?? []).length > 0) return places;
  await mlflow("runs/set-tag", { run_id: runs[0], key: "mlflow.note.content", value: "The run that went to **production** in November.\n\n- twice the batch size\n- no dropout" });
  for (const run of runs.slice(0, 3)) {
    for (const [path, text] of Object.entries(kFiles)) await ask("PUT", `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${run}/artifacts/${path}`, text);
  }
  for (const [name, text] of [["late-departures", "Which departures will be late, an hour ahead."], ["fuel-burn", "Kilograms of fuel by flight."], ["gate-demand", ""]]) {
    await mlflow("registered-models/create", { name, description: text, tags: [{ key: "team", value: "growth" }] });
    for (const [i, run] of runs.slice(0, 3).entries()) {
      await mlflow("model-versions/create", { name, source: `mlflow-artifacts:/${experiment}/${run}/artifacts/model`, run_id: run, description: `Trained with ${i + 1} seeds.` });
    }
    await mlflow("registered-models/alias", { name, alias: "champion", version: "2" });
    await mlflow("registered-models/alias", { name, alias: "candidate", version: "3" });
  }
  return places;
}

/**
 * Runs `work({url, memory, places})` on such a home: the one of flags.home, which is filled when it is empty and stays,
 * or one for this time. flags.bin: where the programs are.
 */
export async function withFilledHome(flags, work) {
  const bin = flags.bin ?? "build/release/bin";
  const home = flags.home ?? mkdtempSync(join(tmpdir(), "millwright-filled-"));
  try {
    fillHome(bin, home);
    const server = await startServer(bin, home);
    try {
      await work({ ...server, places: await addRecords(server.url) });
    } finally {
      await server.close();
    }
  } finally {
    if (!flags.home) rmSync(home, { recursive: true, force: true });
  }
}
