// The pages in a real browser against known answers: every figure is held against the JSON that it came from.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { openPage, startBrowser, visit } from "./browser.mjs";
import { fixture, startMock } from "./mock_server.mjs";

const kRun = "01a2012cff497000ba1c02e00b04b65c";
const kLiveRun = "01a2013a11117000b2f30e4b58a2c001";
const kFailedRun = "01a2013b22227000b2f30e4b58a2c002";
const kPages = [
  "/", "/goals", "/goals/late-departures", "/pipelines", "/pipelines/late-departures-training", "/runs", `/runs/${kRun}`,
  `/runs/${kLiveRun}`, `/runs/${kFailedRun}`, "/models", "/models/late-departures", "/models/late-departures/1",
  "/endpoints", "/endpoints/late-departures",
];

let mock;
let browser;
const open = [];

before(async () => {
  [mock, browser] = await Promise.all([startMock(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await mock?.close();
});
afterEach(async () => {
  mock.restore();
  for (const one of open.splice(0)) {
    await one.close();
    assert.deepEqual(one.complaints, []);
  }
});

async function pageOf(path, options) {
  const one = await openPage(browser, mock.url, options);
  open.push(one);
  if (path) await visit(one.page, path);
  return one.page;
}

/** Asks again until it is so: what a key does is drawn a moment later. */
async function until(says, what) {
  for (const end = Date.now() + 5000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 15))) {
    if (await says()) return;
  }
  assert.fail(what);
}

const text = (page, selector) => page.locator(selector).first().innerText();
const fact = (page, group, name) => text(page, `[data-facts="${group}"] [data-fact="${name}"]`);
const clean = (value) => value.replace(/\s+/g, " ").trim();

test("the board shows each target's value and outcome in each window", async () => {
  const production = fixture("/api/v1/goals/late-departures/production");
  const page = await pageOf("/goals/late-departures");
  for (const [t, target] of production.targets.entries()) {
    for (const [w, cell] of target.cells.entries()) {
      const button = page.locator(`[data-cell="${t} ${w}"]`);
      assert.equal(await button.getAttribute("data-outcome"), cell.outcome);
      assert.equal(clean(await button.locator(".cell-value").innerText()), (cell.estimate ? "≈" : "") + cell.text.replace(/^~|!$/g, ""));
      assert.match(await button.getAttribute("aria-label"), new RegExp(`^${target.name}, ${production.windows[w].label}: `));
    }
    assert.equal(await page.locator("tbody td.board-cost").nth(t).innerText(), target.miss_costs);
  }
  assert.equal(clean(await text(page, "[data-pill]")), "Missed in Jun, Jul, Nov, Dec 2013");
  assert.equal(await fact(page, "goal", "Saved"), "4.3 M USD");
  assert.match(await text(page, '[data-facts="goal"] .fact-note'), /^May-Dec against/);
  const rows = production.windows.slice(1).reduce((sum, w) => sum + w.rows, 0);
  assert.equal(await fact(page, "goal", "Predictions judged"), rows.toLocaleString("en-US"));
  assert.deepEqual(await page.locator(".why-sentence").allInnerTexts(), production.whys.map((why) => why.sentence));
  const commands = production.whys.filter((why) => why.remedy?.command).map((why) => why.remedy.command);
  assert.deepEqual(await page.locator(".why code").allInnerTexts(), commands);
});

test("a cell says more when it is chosen, by mouse and by arrow keys", async () => {
  const production = fixture("/api/v1/goals/late-departures/production");
  const page = await pageOf("/goals/late-departures");
  await page.locator('[data-cell="0 3"]').click();
  await until(async () => (await text(page, "#chosen h2")) === "saving in Jul 2013", "the cell is chosen");
  assert.equal(await fact(page, "chosen", "Value"), `${(100 * production.targets[0].cells[3].value).toFixed(1)} %`);
  assert.match(page.url(), /target=saving&window=Jul\+2013/);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.cell), "1 4");
  await page.keyboard.press("Enter");
  await until(async () => (await text(page, "#chosen h2")) === "ranking in Aug 2013", "the cell is chosen");
  assert.equal(await fact(page, "chosen", "Rows"), production.windows[4].rows.toLocaleString("en-US"));
});

test("before anything is served the goal shows its last evaluation", async () => {
  const goal = fixture("/api/v1/goals/late-departures");
  mock.override("/api/v1/goals/late-departures/production", { ...fixture("/api/v1/goals/late-departures/production"), windows: [], targets: [], whys: [] });
  const page = await pageOf("/goals/late-departures");
  const rows = await page.locator("tr[data-target]").evaluateAll((all) => all.map((row) => row.dataset.target));
  assert.deepEqual(rows, goal.verdicts.map((v) => v.target));
  const auc = goal.verdicts.find((v) => v.metric === "roc_auc");
  assert.match(await text(page, `tr[data-target="${auc.target}"]`), new RegExp(auc.verdict.value.toFixed(3)));
  assert.equal(await text(page, ".empty .command code"), "millwright replay late-departures");
});

test("a run shows its graph, its times, what steps made and printed", async () => {
  const run = fixture(`/api/v1/runs/${kRun}`);
  const page = await pageOf(`/runs/${kRun}`);
  assert.deepEqual(
    (await page.locator("[data-node]").evaluateAll((all) => all.map((n) => n.dataset.node))).sort(),
    run.tasks.map((task) => task.step).sort(),
  );
  // Each step stands right of, or below, all that it waits for.
  const boxes = Object.fromEntries(
    await page.locator("[data-node]").evaluateAll((all) => all.map((n) => [n.dataset.node, n.offsetLeft])),
  );
  for (const task of run.tasks) for (const earlier of task.after) assert.ok(boxes[earlier] < boxes[task.step], `${earlier} < ${task.step}`);
  const train = run.tasks.find((task) => task.step === "train");
  const seconds = (Date.parse(train.ended) - Date.parse(train.started)) / 1000;
  assert.equal(await text(page, '[data-step="train"] .timing-time'), `${seconds.toFixed(1)} s`);
  await page.locator('[data-node="validate"]').click();
  const panel = page.locator('[data-step-panel="validate"]');
  assert.match(await panel.innerText(), /wind_speed: 2 rows against max 150 mph/);
  await page.locator('[data-node="train"]').click();
  await page.locator('[data-step-panel="train"]').waitFor();
  await page.waitForFunction(() => document.querySelector(".log pre").textContent.length > 0);
  assert.equal(await page.locator(".log pre").textContent(), fixture(`/api/v1/runs/${kRun}/tasks/train/log`).text);
  assert.equal(await text(page, ".log code"), `millwright logs ${kRun} train`);
  const tracked = fixture(`/api/v1/runs/${kRun}/tracked`);
  assert.equal(await text(page, '[data-metric="roc_auc"] dd'), tracked.metrics.roc_auc.toFixed(3));
});

test("curves by round mark the round at which training should have stopped", async () => {
  const points = fixture(`/api/v1/runs/${kRun}/metrics/stop_early.log_loss`).points;
  const best = points.reduce((low, p) => (p.value < low.value ? p : low));
  const page = await pageOf(`/runs/${kRun}`);
  const chart = page.locator("[data-curve]");
  await chart.locator("svg").waitFor();
  assert.equal(await chart.locator(".mark text").textContent(), `best round ${best.step + 1}`);
  assert.match(clean(await chart.locator(".readout").innerText()), new RegExp(`stop_early.log_loss ${best.value.toFixed(3)}`));
  // The line has as many points as there were rounds.
  assert.equal((await chart.locator("path.series-1").getAttribute("d")).split("L").length, points.length);
  await chart.locator("svg[role=img]").focus();
  await page.keyboard.press("ArrowRight");
  await until(async () => (await chart.locator(".readout").innerText()).includes(`round ${best.step + 2}`), "the cursor moves");
});

test("pages follow what changes without being loaded again", async () => {
  const page = await pageOf(`/runs/${kLiveRun}`);
  await page.evaluate(() => (window.sameDocument = true));
  assert.equal(clean(await text(page, ".head .state")), "running");
  assert.equal(await fact(page, "run", "Steps done"), "6 of 11");
  await page.locator(".live-live").waitFor();
  mock.override(`/api/v1/runs/${kLiveRun}`, { ...fixture(`/api/v1/runs/${kRun}`), id: kLiveRun });
  mock.emit("run", kLiveRun);
  await page.locator(".head .state", { hasText: "succeeded" }).waitFor();
  assert.equal(await fact(page, "run", "Steps done"), "11 of 11");
  assert.equal(await page.evaluate(() => window.sameDocument), true);
});

test("a connection is said to be missing once it was waited for", async () => {
  mock.silence();
  const page = await pageOf(null);
  await page.clock.install();
  await visit(page, "/goals");
  await page.clock.fastForward(2000);
  assert.equal(clean(await page.locator(".live").textContent()), "");
  await page.clock.fastForward(2000);
  await page.locator(".live", { hasText: "connecting" }).waitFor();
});

test("a failed run says at once what failed", async () => {
  const page = await pageOf(`/runs/${kFailedRun}`);
  const failed = fixture(`/api/v1/runs/${kFailedRun}`).tasks.find((task) => task.state === "failed");
  assert.match(await text(page, '[data-step-panel="validate"]'), new RegExp(failed.failure.slice(0, 40)));
  assert.match(await page.locator('[data-node="validate"]').getAttribute("class"), /node-bad/);
});

test("a version shows its metrics, confusion, curves and slices as its report has them", async () => {
  const report = fixture("/api/v1/models/late-departures/versions/1/report");
  const page = await pageOf("/models/late-departures/1");
  assert.equal(await fact(page, "metrics", "ROC AUC"), report.overall.roc_auc.value.toFixed(3));
  assert.equal(await fact(page, "metrics", "Recall"), `${(100 * report.overall.recall.value).toFixed(1)} %`);
  const cell = async (name) => Number((await text(page, `[data-confusion="${name}"] b`)).replaceAll(",", ""));
  const [caught, missed, alarms, passed] = [await cell("caught"), await cell("missed"), await cell("false alarm"), await cell("passed")];
  assert.equal(caught + missed, report.counts.positives);
  assert.equal(caught + missed + alarms + passed, report.counts.rows);
  assert.ok(Math.abs(caught / (caught + alarms) - report.overall.precision.value) < 1e-4);
  assert.ok(Math.abs((caught + passed) / report.counts.rows - report.overall.accuracy.value) < 1e-4);
  assert.equal(await page.locator('[data-chart="threshold"] .mark text').textContent(), `threshold ${report.threshold}`);
  for (const slice of report.slices) {
    const row = await text(page, `[data-slice="${slice.column}=${slice.value}"]`);
    assert.ok(row.includes(slice.counts.rows.toLocaleString("en-US")), row);
    if (slice.status === "ok") assert.ok(row.includes(slice.metrics.roc_auc.value.toFixed(3)), row);
  }
  const jfk = report.slices.find((slice) => slice.value === "JFK");
  await page.getByRole("button", { name: "Recall" }).click();
  const recall = `${(100 * jfk.metrics.recall.value).toFixed(1)} %`;
  await until(async () => (await text(page, '[data-slice="origin=JFK"]')).includes(recall), `JFK has a recall of ${recall}`);
});

test("a version leads back to its data and code", async () => {
  const version = fixture("/api/v1/models/late-departures/versions/1");
  const lineage = fixture(`/api/v1/lineage/${version.package}`);
  const page = await pageOf("/models/late-departures/1");
  const labels = (await page.locator("[data-node]").allInnerTexts()).map((label) => label.split("\n")[0]);
  for (const name of ["flights.parquet", "weather.parquet", "features.sql", "import", "train"]) assert.ok(labels.includes(name), name);
  const train = lineage.executions.find((e) => e.name.endsWith("/train"));
  assert.match(await text(page, "[data-lineage]"), new RegExp(train.code_version.slice(0, 30)));
  await page.locator("[data-node]", { hasText: "features.sql" }).click();
  const made = new Set(lineage.events.filter((e) => e.direction === "output").map((e) => e.artifact));
  const shown = await text(page, "[data-lineage]");
  assert.ok(lineage.artifacts.some((a) => !made.has(a.id) && shown.includes(a.digest)));
});

test("an endpoint shows traffic, latency, labels, findings", async () => {
  const monitoring = fixture("/api/v1/endpoints/late-departures/monitoring");
  const page = await pageOf("/endpoints/late-departures");
  const rows = monitoring.traffic.reduce((sum, w) => sum + w.rows, 0);
  assert.equal(await fact(page, "endpoint", "Predictions"), rows.toLocaleString("en-US"));
  assert.equal(await fact(page, "endpoint", "Failed requests"), "3");
  assert.match(await text(page, "main"), /19 refused/);
  assert.equal(await fact(page, "endpoint", "Latency, 99 of 100"), "2.3 ms");
  assert.equal(await fact(page, "labels", "Labelled"), monitoring.labels.labelled.toLocaleString("en-US"));
  // What is found again and again is told once, with its latest sentence.
  const latest = new Map();
  for (const finding of monitoring.findings) {
    const key = `${finding.severity} ${finding.kind} ${finding.column}`;
    if (!latest.has(key) || latest.get(key).window.from < finding.window.from) latest.set(key, finding);
  }
  assert.equal(await page.locator("[data-finding]").count(), latest.size);
  const all = await page.locator("main").innerText();
  for (const finding of latest.values()) assert.ok(all.includes(finding.sentence), finding.sentence);
  const repeated = monitoring.findings.filter((finding) => finding.column === "temp").length;
  assert.match(all, new RegExp(`in ${repeated} windows since`));
  assert.equal(await page.locator("rect.bar-bad").count(), 1);
});

test("an endpoint shows its versions, their shares and states, and what is turned away", async () => {
  const endpoint = fixture("/api/v1/endpoints/late-departures");
  const serving = fixture("/api/v1/endpoints/late-departures/serving");
  const page = await pageOf("/endpoints/late-departures");
  const row = (version) => page.locator(`[data-version="${version}"]`);
  for (const version of endpoint.versions) {
    const share = version.weight > 0 ? `${version.weight / 100} %` : `${version.shadow_share / 100} % shadow`;
    assert.equal(clean(await row(version.version).locator(".share").innerText()), share);
  }
  assert.equal(clean(await row(1).locator(".state").innerText()), "ready");
  assert.match(clean(await row(2).innerText()), /loading ready on 1 of 2/);
  assert.match(clean(await row(3).innerText()), /failed row 4: probability 0.25, the package says 0.2500001/);
  assert.equal(clean(await row(3).locator("[data-compared]").innerText()),
    "12,400 rows compared, 31 decided otherwise (0.25 %); numbers differ by at most 0.125; 4 requests not compared");
  assert.equal(await row(1).locator("[data-compared]").count(), 0);
  // Before there are two readings the latencies are those since the servers began, by Prometheus' rule.
  const between = ({ bounds, counts }, share) => {
    const size = counts.reduce((sum, n) => sum + n, 0);
    let before = 0;
    for (let i = 0; i < counts.length; before += counts[i++]) {
      if (before + counts[i] < share * size || counts[i] === 0) continue;
      const low = i === 0 ? 0 : bounds[i - 1];
      return 1e6 * (low + ((share * size - before) / counts[i]) * (bounds[i] - low));
    }
  };
  const micros = (text) => (text.endsWith("µs") ? parseFloat(text) : 1000 * parseFloat(text));
  for (const version of serving.versions) {
    for (const [stage, histogram] of Object.entries(version.stages)) {
      const cells = page.locator(`[data-stage="${version.version} ${stage}"] td.num`);
      if (histogram.counts.every((n) => n === 0)) {
        assert.equal(await cells.count(), 0, `${stage} took no time`);
        continue;
      }
      const shown = (await cells.allInnerTexts()).map(micros);
      [0.5, 0.9, 0.99].forEach((share, i) => {
        const expected = between(histogram, share);
        assert.ok(Math.abs(shown[i] - expected) <= Math.max(0.5, 0.02 * expected), `${stage} ${share}: ${shown[i]}, not ${expected}`);
      });
    }
  }
  assert.equal(clean(await text(page, '[data-reason="queue_full"]')), "3 the queue was full");
  assert.equal(await page.locator("[data-reason]").count(), 1);
  assert.match(await text(page, ".unheard"), /10\.0\.0\.2:8080 was not heard/);
  const lines = fixture("/api/v1/requests").requests.filter((line) => line.outcome).reverse();
  const shown = await page.locator("[data-problems] tbody tr").allInnerTexts();
  assert.equal(shown.length, lines.length);
  lines.forEach((line, i) => {
    for (const part of [line.error ?? "1,024 rows by grpc", line.client, line.trace_id ?? ""]) assert.ok(shown[i].includes(part), `${part} in ${shown[i]}`);
  });
  assert.equal(await text(page, ".chart-wait"), "The first seconds are being counted.");
});

test("an endpoint counts by itself while somebody looks, and nothing flickers", async () => {
  const path = "/api/v1/endpoints/late-departures/serving";
  const serving = fixture(path);
  const page = await pageOf("/endpoints/late-departures");
  const reading = (seconds, requests) => ({
    ...serving,
    at: new Date(Date.parse(serving.at) + 1000 * seconds).toISOString(),
    versions: serving.versions.map((v) => (v.version === 1 ? { ...v, requests: v.requests + requests, rows: v.rows + 4 * requests } : v)),
  });
  assert.equal(await text(page, '[data-version="1"] [data-of="requests"]'), "–");
  await page.evaluate(() => (window.row = document.querySelector('[data-version="1"]')));
  mock.override(path, reading(10, 500));
  await until(async () => (await text(page, '[data-version="1"] [data-of="requests"]')) === "50", "500 requests in 10 s are 50 a second");
  assert.equal(await text(page, '[data-version="1"] [data-of="rows"]'), "200");
  assert.equal(await text(page, '[data-version="2"] [data-of="requests"]'), "0");
  mock.override(path, reading(20, 2500));
  await page.locator("main figure .readout", { hasText: "v1 200" }).waitFor();
  // A server that begins anew counts from nothing.
  mock.override(path, { ...reading(30, 0), versions: serving.versions.map((v) => ({ ...v, requests: 100, rows: 400 })) });
  await page.locator("main figure .readout", { hasText: "v1 10" }).waitFor();
  assert.equal(await page.evaluate(() => window.row === document.querySelector('[data-version="1"]')), true);
});

test("an endpoint is shown also when no server can be asked", async () => {
  mock.override("/api/v1/endpoints/late-departures/serving", undefined);
  mock.override("/api/v1/requests", undefined);
  const page = await pageOf("/endpoints/late-departures", { missing: ["/serving", "/api/v1/requests"] });
  assert.equal(await page.locator("[data-versions]").count(), 0);
  assert.ok((await page.locator("[data-heat]").count()) > 0);
});

test("drift: each cell as the API has it, and a click shows both histograms", async () => {
  const monitoring = fixture("/api/v1/endpoints/late-departures/monitoring");
  const features = [...monitoring.features].sort((a, b) => b.attribution - a.attribution);
  const page = await pageOf("/endpoints/late-departures");
  const cells = await page.locator("[data-heat]").evaluateAll((all) => all.map((c) => [c.dataset.heat, c.ariaLabel, c.textContent]));
  assert.equal(cells.length, features.length * monitoring.windows.length);
  for (const [place, label, sign] of cells) {
    const [f, w] = place.split(" ").map(Number);
    const cell = features[f].cells[w];
    assert.ok(label.startsWith(`${features[f].name}, `) && label.endsWith(cell.severity ?? cell.state.replaceAll("_", " ")), label);
    assert.equal(sign, cell.severity === "alert" ? "!" : cell.severity === "note" ? "·" : "");
  }
  const f = features.findIndex((row) => row.name === "temp");
  await page.locator(`[data-heat="${f} 13"]`).click();
  const panel = page.locator('[data-histograms="temp"]');
  await panel.locator("svg rect.bar").first().waitFor({ state: "attached" });
  const histogram = fixture("/api/v1/endpoints/late-departures/monitoring/features/temp");
  assert.equal(await panel.locator("svg rect.bar").count(), histogram.window.length);
  assert.match(await panel.innerText(), new RegExp(`JSD\\s+${features[f].cells[13].jsd.toFixed(3)}`));
  await panel.locator("svg[role=img]").focus();
  for (let i = 0; i < 40; ++i) await page.keyboard.press("ArrowLeft");
  const first = `baseline ${(100 * histogram.baseline[0]).toFixed(1)} % window ${(100 * histogram.window[0]).toFixed(1)} %`;
  await until(async () => clean(await panel.locator(".readout").innerText()).endsWith(first), first);
});

test("the breadcrumb leads from the goal to the endpoint on each of their pages", async () => {
  const page = await pageOf("/");
  await page.locator("a.card-title").click();
  const links = { pipeline: /\/runs\//, version: /\/models\/late-departures\/1$/, endpoint: /\/endpoints\/late-departures$/ };
  for (const [kind, address] of Object.entries(links)) {
    await page.locator(".crumbs li", { hasText: kind }).locator("a").click();
    await page.waitForURL(address);
    await page.locator(".crumbs [aria-current=page]").waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".crumbs li").length === 4);
  }
});

test("every page says the command line that does the same", async () => {
  const page = await pageOf();
  for (const path of kPages) {
    await visit(page, path);
    assert.match(await text(page, ".head code"), /^millwright [a-z]+/, path);
  }
});

test("empty pages say what fills them", async () => {
  const lists = { goals: "/api/v1/goals", pipelines: "/api/v1/pipelines", runs: "/api/v1/runs", models: "/api/v1/models", endpoints: "/api/v1/endpoints" };
  for (const [name, path] of Object.entries(lists)) mock.override(path, { [name]: [] });
  const page = await pageOf();
  for (const name of Object.keys(lists)) {
    await visit(page, `/${name}`);
    assert.match(await text(page, ".empty .command code"), /^millwright (apply|run|deploy)/, name);
  }
  await visit(page, "/");
  assert.equal(await page.locator(".empty").count(), 3);
});

test("what is not there is said, with the server's words", async () => {
  const page = await pageOf(null, { missing: ["/api/v1/"] });
  await page.goto("/runs/nothing");
  assert.match(await text(page, "[role=alert]"), /The run nothing is not there[^]*there is nothing at/);
  await page.goto("/models/late-departures/99");
  await page.locator("[role=alert]").waitFor();
  await page.goto("/goals/a/b/c");
  assert.match(await text(page, ".empty"), /no such page/);
});

test("the overview tells what changed, the newest first", async () => {
  const { changes } = fixture("/api/v1/changes");
  const page = await pageOf("/");
  const shown = await page.locator(".timeline li").allInnerTexts();
  assert.equal(shown.length, changes.length);
  changes.reverse().forEach((change, i) => assert.ok(shown[i].includes(change.text), shown[i]));
});

test("a name cannot become markup", async () => {
  const evil = '<img src=x onerror="window.hurt=1">';
  const goals = fixture("/api/v1/goals");
  mock.override("/api/v1/goals", { goals: [{ ...goals.goals[0], name: evil, outcome: evil }] });
  const page = await pageOf("/goals", { missing: ["/production"] });
  assert.equal(await text(page, ".list a.strong"), evil);
  assert.equal(await page.evaluate(() => window.hurt), undefined);
});

test("two themes: the system's at first, then the one that was chosen, both readable", async () => {
  for (const theme of ["light", "dark"]) {
    const page = await pageOf("/goals/late-departures", { theme });
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
    const poor = await page.evaluate(() => {
      const channel = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
      const light = (hex) => {
        const [r, g, b] = [1, 3, 5].map((i) => channel(parseInt(hex.slice(i, i + 2), 16)));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const style = getComputedStyle(document.documentElement);
      const get = (name) => style.getPropertyValue(name).trim().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
      const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      const pairs = ["--text", "--muted", "--faint", "--accent", "--ok", "--bad", "--warn"].flatMap((ink) => [[ink, "--bg"], [ink, "--surface"]]);
      pairs.push(["--bad", "--bad-soft"], ["--ok", "--ok-soft"], ["--accent", "--accent-soft"], ["--muted", "--sunk"]);
      return pairs.filter(([ink, paper]) => ratio(get(ink), get(paper)) < 4.5).map((p) => p.join(" on "));
    });
    assert.deepEqual(poor, []);
    const other = theme === "light" ? "dark" : "light";
    await page.getByRole("button", { name: `Use the ${other} theme` }).click();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), other);
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), other);
  }
});

test("at 390 px no page is wider than the screen", async () => {
  const page = await pageOf(null, { width: 390, height: 844 });
  for (const path of kPages) {
    await visit(page, path);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${path}: ${over} px`);
  }
});

test("the keyboard reaches the page, its cells and its commands, and is seen where it is", async () => {
  const page = await pageOf("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the page");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const reach = async (selector, limit) => {
    for (let i = 0; i < limit; ++i) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
    }
    assert.fail(`${selector} is not reached within ${limit} tabs`);
  };
  await reach("a.card-title", 10);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.matches("h1"));
  await reach("[data-cell]", 12);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await reach(".copy", 12);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.textContent === "Copied");
});

test("nothing moves once a page is usable", async (t) => {
  const page = await pageOf();
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shift += entry.value))).observe({ type: "layout-shift", buffered: true });
    new MutationObserver(() => {
      if (window.usable === undefined && document.querySelector("main h1")) window.usable = performance.now();
    }).observe(document, { childList: true, subtree: true });
  });
  for (const path of kPages) {
    let [best, shift] = [Infinity, 0];
    for (let round = 0; round < 3; ++round) {
      await visit(page, path);
      best = Math.min(best, await page.evaluate(() => window.usable));
    }
    await page.waitForTimeout(60);
    shift = await page.evaluate(() => window.shift);
    t.diagnostic(`${path}: usable after ${best.toFixed(0)} ms, shift ${shift.toFixed(4)}`);
    assert.ok(shift < 0.01, `${path}: shift ${shift}`);
  }
});
