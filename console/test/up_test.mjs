// The console as the program serves it: a new home, a real browser, changes made on the command line.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPage, startBrowser, visit } from "./browser.mjs";

const program = join(process.env.MILLWRIGHT_BIN ?? "build/release/bin", "millwright");
const home = mkdtempSync(join(tmpdir(), "millwright-console-"));
let up;
let url;
let browser;

function millwright(...words) {
  return execFileSync(program, [...words, "--home", home], { encoding: "utf8" });
}

before(async () => {
  up = spawn(program, ["up", "--home", home, "--listen", "127.0.0.1:0", "--inference-listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  [url, browser] = await Promise.all([
    new Promise((resolve, reject) => {
      let said = "";
      up.stdout.on("data", (text) => {
        said += text;
        const address = /^Control plane\s+(\S+)/m.exec(said);
        if (address && /^Inference/m.test(said)) resolve(address[1]);
      });
      up.on("exit", (code) => reject(new Error(`up ended with ${code}: ${said}`)));
    }),
    startBrowser(),
  ]);
});

after(async () => {
  await browser?.close();
  if (up && up.exitCode === null) {
    const ended = new Promise((resolve) => up.once("exit", resolve));
    up.removeAllListeners("exit");
    up.once("exit", () => rmSync(home, { recursive: true, force: true }));
    up.kill("SIGTERM");
    await ended;
  }
});

test("a new home: empty pages that say what fills them, and a goal that appears by itself", async () => {
  const { page, complaints, close } = await openPage(browser, url);
  await visit(page, "/");
  assert.equal(await page.locator(".empty").count(), 3);
  await page.locator(".live-live").waitFor();
  millwright("apply", "-f", "examples/flights/goal.yaml");
  await page.locator("a.card-title", { hasText: "late-departures" }).waitFor();
  await page.locator("a.card-title").click();
  await page.locator("h1", { hasText: "late-departures" }).waitFor();
  const goals = JSON.parse(millwright("goals", "--json")).goals;
  assert.ok((await page.locator("main").innerText()).includes(goals[0].outcome));
  assert.deepEqual(complaints, []);
  await close();
});

test("what an MLflow client logs is in the table at once, and the link that it prints opens the run", async () => {
  const call = async (path, body) => {
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.equal(response.status, 200, path);
    return response.json();
  };
  const { experiment_id: experiment } = await call("experiments/create", { name: "console" });
  const { page, complaints, close } = await openPage(browser, url);
  await visit(page, `/experiments/${experiment}`);
  const { run } = await call("runs/create", { experiment_id: experiment, run_name: "first", start_time: Date.now() });
  const id = run.info.run_id;
  await call("runs/log-batch", { run_id: id, metrics: [{ key: "loss", value: 0.25, timestamp: 1, step: 3 }], params: [{ key: "depth", value: "6" }], tags: [{ key: "mlflow.user", value: "ann" }] });
  await visit(page, `/experiments/${experiment}`);
  await page.locator(`[data-run="${id}"] .grid-num`, { hasText: "0.25" }).waitFor();
  await page.locator("[data-filter]").fill("metrics.loss < 0.2");
  await page.waitForFunction(() => document.querySelector("[data-grid]").dataset.total === "0");
  await page.locator("[data-filter]").fill("metrics.loss < 0.3 AND params.depth = '6'");
  await page.waitForFunction(() => document.querySelector("[data-grid]").dataset.total === "1");
  await page.locator('[data-sort="metrics.loss"]').click();
  await page.waitForURL(/sort=-metrics.loss/);
  await page.locator("[data-menu=views]").click();
  await page.getByLabel("Name of a new view").fill("good ones");
  await page.keyboard.press("Enter");
  await page.waitForURL(/view=good/);
  const second = (await call("runs/create", { experiment_id: experiment, run_name: "second", start_time: Date.now() })).run.info.run_id;
  await page.goto(`${url}/#/experiments/${experiment}/runs/${id}`);
  await page.locator("h1", { hasText: "first" }).waitFor();
  assert.match(await page.locator('[data-value="metric loss"] dd').innerText(), /^0.25/);
  await page.getByRole("button", { name: "Write notes" }).click();
  await page.locator("textarea").fill("It is **good**.");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".markdown b", { hasText: "good" }).waitFor();
  await visit(page, `/experiments/${experiment}`);
  await page.locator(`[data-run="${second}"]`).waitFor();
  await call("runs/create", { experiment_id: experiment, run_name: "third", start_time: Date.now() });
  await page.locator(".grid-row", { hasText: "third" }).waitFor();
  assert.deepEqual(complaints, []);
  await close();
});

test("pages come by every address, kept files by their hash, and only from here", async () => {
  const page = await fetch(`${url}/goals/late-departures?window=x`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.equal(page.headers.get("cache-control"), "no-cache");
  const policy = page.headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  const html = await page.text();
  for (const [, file] of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const asset = await fetch(url + file);
    assert.equal(asset.status, 200, file);
    assert.match(asset.headers.get("cache-control"), /immutable/);
    assert.match(file, /-[A-Z0-9]{8}\./);
    const again = await fetch(url + file, { headers: { "if-none-match": asset.headers.get("etag") } });
    assert.equal(again.status, 304);
  }
  assert.equal((await fetch(`${url}/assets/nothing.js`)).status, 404);
  assert.equal((await fetch(`${url}/api/v1/nothing`)).status, 404);
  assert.equal((await fetch(`${url}/nothing`)).status, 404);
});
