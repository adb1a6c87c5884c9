// How long a person waits for each thing that the pages of experiments and models do, in a home of 100,000 runs:
//   node console/test/interactions.mjs [--home DIR] [--bin DIR] [--rounds N] [--shots DIR]
// makes a home of its own (with --home it stays, and the next call finds it filled), serves it with `millwright up`,
// and prints the median and the longest of N rounds from the input to the frame that shows its outcome, then the
// server's memory. --shots: pictures of the pages, light and dark, 1440 and 390 pixels wide. It needs a build with
// -DMW_BENCH=ON. Figures hold on a machine that does nothing else.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { openPage, startBrowser, visit } from "./browser.mjs";
import { addRecords, fillHome, startServer } from "./filled_home.mjs";

const flags = Object.fromEntries(process.argv.slice(2).flatMap((word, i, all) => (word.startsWith("--") ? [[word.slice(2), all[i + 1]]] : [])));
const bin = flags.bin ?? "build/release/bin";
const rounds = Number(flags.rounds ?? 5);
const home = flags.home ?? mkdtempSync(join(tmpdir(), "millwright-interactions-"));
const kPatienceMs = 20_000;
const taken = new Map();

function note(name, ms) {
  taken.set(name, [...(taken.get(name) ?? []), ms]);
}

/** Milliseconds from `act` (run in the page) to the paint of the first frame in which `done` holds. */
async function time(page, name, act, done) {
  const ms = await page.evaluate(
    async ([actText, doneText, patience]) => {
      const holds = new Function(`return ${doneText}`);
      const begun = performance.now();
      new Function(actText)();
      while (performance.now() - begun < patience) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        if (!holds()) continue;
        // A message that is sent before a frame arrives when it is painted.
        await new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = resolve;
          port2.postMessage(0);
        });
        return performance.now() - begun;
      }
      return Infinity;
    },
    [act, done, kPatienceMs],
  );
  note(name, ms);
}

const $ = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
const click = (selector) => `${$(selector)}.click()`;
const type = (selector, text) => `const field = ${$(selector)}; field.value = ${JSON.stringify(text)}; field.dispatchEvent(new InputEvent("input", { bubbles: true }))`;
const sorted = (column, way) => `${$(`[role=columnheader][aria-sort=${way}] [data-sort="${column}"]`)} && !${$(".grid-busy")} && ${$(".grid-row")}`;
const kAll = `${$("[data-grid]")}?.dataset.total === "100000"`;
const kRead = `${$(".grid-row")} && !${$(".grid-row .grid-wait")}`;
const totalIs = (test) => `(() => { const total = Number(${$("[data-grid]")}?.dataset.total); return ${test} && !${$(".grid-busy")}; })()`;

async function table(page, { experiment }) {
  await page.goto("/experiments");
  await page.locator(`a[href="/experiments/${experiment}"]`).first().waitFor();
  await time(page, "table: opened, first rows", click(`a[href="/experiments/${experiment}"]`), kRead);
  await time(page, "table: all 100,000 known (after that)", "", kAll);
  await time(page, "table: scrolled by a page", `${$("[data-grid]")}.scrollTop += 600`, `${kRead} && Number(${$(".grid-row")}?.ariaRowIndex) > 10`);
  await time(page, "table: jumped to the middle, drawn", `${$("[data-grid]")}.scrollTop = 1600000`, `Math.abs(Number(${$(".grid-row")}?.ariaRowIndex) - 50002) < 3`);
  await time(page, "table: and its values (after that)", "", kRead);
  const column = (await page.locator("[data-sort^='metrics.']").first().getAttribute("data-sort"));
  await time(page, "order: first by a metric", click(`[data-sort="${column}"]`), sorted(column, "descending"));
  await time(page, "order: the other way round", click(`[data-sort="${column}"]`), sorted(column, "ascending"));
  const param = (await page.locator("[data-sort^='params.']").first().getAttribute("data-sort"));
  await time(page, "order: first by a parameter", click(`[data-sort="${param}"]`), sorted(param, "ascending"));
  await time(page, "order: by start again", click('[data-sort="start_time"]'), sorted("start_time", "descending"));
  const name = await page.locator(".grid-row a").first().innerText();
  await time(page, "filter: the first letter of a name", type("[data-filter]", name[0]), totalIs("total > 0 && total < 100000"));
  await time(page, "filter: four letters of a name", type("[data-filter]", name.slice(0, 4)), totalIs("total > 0 && total < 50000"));
  await time(page, "filter: nothing again", type("[data-filter]", ""), kAll);
  for (const [what, filter, test] of [
    ["fits nearly all", "metrics.`val/loss` < 10", "total > 90000 && total < 100000"],
    ["fits few", "metrics.`val/loss` < 0.02", "total < 20000"],
    ["of two clauses", "metrics.`val/loss` < 10 AND params.optimizer = 'adam'", "total > 20000 && total < 30000"],
    ["of three, one a tag", "metrics.`val/loss` < 10 AND metrics.`val/auc` > 0.2 AND tags.team = 'growth'", "total > 40000 && total < 60000"],
  ]) {
    await time(page, `filter: ${what}`, type("[data-filter]", filter), totalIs(test));
  }
}

async function views(page, { experiment }, round) {
  const address = `/experiments/${experiment}?${new URLSearchParams({ filter: "params.optimizer = 'adam'", sort: "-metrics.val/loss" })}`;
  await visit(page, address);
  await page.waitForFunction(() => document.querySelector("[data-grid]")?.dataset.total === "25000");
  await page.locator("[data-menu=views]").click();
  await page.getByLabel("Name of a new view").fill(`adam ${round}`);
  await time(page, "view: saved", `${$(".menu-form button[type=submit]")}.click()`, `location.search.startsWith("?view=adam") && ${$("[data-menu=views]")}?.textContent.includes("adam")`);
  const shared = page.url();
  await page.goto("/experiments");
  await page.goto(shared);
  await page.waitForFunction(() => document.querySelector("[data-grid]")?.dataset.total === "25000");
}

async function run(page, { experiment, runs }) {
  await visit(page, `/experiments/${experiment}`);
  await page.locator(`[data-run="${runs[0]}"] a`).waitFor();
  await time(page, "run: opened from the table", click(`[data-run="${runs[0]}"] a`), `${$("[data-value^='metric ']")}`);
  await time(page, "run: its 50 charts, those in sight", click("[data-tab=charts]"), `${$("[data-chart]:not([data-points='0'])")}`);
  await time(page, "run: its files", click("[data-tab=artifacts]"), `${$("[data-file]")}`);
  await time(page, "run: a file", click('[data-file="notes.md"]'), `${$(".preview .markdown")}`);
}

async function charts(page, [experiment, run], points) {
  await visit(page, `/experiments/${experiment}/runs/${run}`);
  const canvas = ".metric-chart canvas";
  const changed = `(() => { const now = ${$(canvas)}?.toDataURL().length ?? 0; const was = window.was ?? 0; return now > 2000 && now !== was; })()`;
  const remember = () => page.evaluate((selector) => { window.was = document.querySelector(selector)?.toDataURL().length ?? 0; }, canvas);
  const what = `chart of ${points}`;
  await time(page, `${what}: opened`, click("[data-tab=charts]"), `${$("[data-chart]:not([data-points='0'])")} && ${changed}`);
  await remember();
  await time(page, `${what}: smoothed`, type("input[type=range]", "0.9"), changed);
  await remember();
  await time(page, `${what}: logarithm`, `document.querySelectorAll(".charts input[type=checkbox]")[0].click()`, changed);
  await remember();
  await time(page, `${what}: by wall time`, `[...document.querySelectorAll(".charts .choices button")].find((b) => b.textContent === "Wall time").click()`, changed);
  await remember();
  await time(page, `${what}: zoomed`, `const c = ${$(canvas)}; c.focus(); c.dispatchEvent(new KeyboardEvent("keydown", { key: "+", bubbles: true }))`, `${changed} && [...document.querySelectorAll("figcaption button")].some((b) => b.textContent === "whole")`);
}

async function compare(page, { experiment, runs }) {
  await visit(page, `/experiments/${experiment}`);
  await page.locator(`[data-run="${runs[0]}"]`).waitFor();
  for (const id of runs.slice(0, 3)) await page.locator(`[data-run="${id}"] input`).click();
  await time(page, "compare: three runs", `${$(".selection a.button")}.click()`, `${$("[data-differs]")} && ${$("[data-scatter] circle")}`);
  await time(page, "compare: another axis of the scatter", `const s = ${$("[data-scatter] select, .scatter-axes select, select")}; s.selectedIndex = (s.selectedIndex + 1) % s.options.length; s.dispatchEvent(new Event("change", { bubbles: true }))`, `${$("[data-scatter] circle")}`);
  await page.goto(`/compare?runs=${runs.slice(0, 2).join(",")}`);
  await page.locator("[data-differs]").first().waitFor();
}

async function registry(page, { runs }) {
  await visit(page, "/");
  await time(page, "registry: models", click('.side a[href="/models"]'), `${$('main a[href="/models/late-departures"]')}`);
  await time(page, "registry: one model", click('main a[href="/models/late-departures"]'), `${$('main a[href="/models/late-departures/2"]')}`);
  await time(page, "registry: one version", click('main a[href="/models/late-departures/2"]'), `${$("main h1")}?.textContent.includes("2") && ${$('main a[href^="/lineage"]')}`);
  await time(page, "lineage: of a version", click('main a[href^="/lineage"]'), `${$(".graph-node")}`);
  await visit(page, `/experiments`);
  await visit(page, `/lineage?of=${encodeURIComponent(`run:${runs[0]}`)}`);
  await page.locator(".graph-node").first().waitFor();
  await time(page, "lineage: a node chosen", click(".graph-node"), `${$("[data-lineage]")}`);
}

async function takeShots(browser, url, places) {
  mkdirSync(flags.shots, { recursive: true });
  const { experiment, runs } = places;
  const run = `/experiments/${experiment}/runs/${runs[0]}`;
  const pages = {
    experiments: "/experiments",
    table: `/experiments/${experiment}`,
    filtered: `/experiments/${experiment}?${new URLSearchParams({ filter: "metrics.`val/loss` < 0.3 AND params.optimizer = 'adam'", sort: "-metrics.val/loss" })}`,
    run,
    charts: `${run}?tab=charts`,
    million: `/experiments/${places.million[0]}/runs/${places.million[1]}?tab=charts&smooth=0.8`,
    ten: `/experiments/${places.ten[0]}/runs/${places.ten[1]}?tab=charts&x=time`,
    files: `${run}?tab=artifacts&path=tables%2Fpredictions.csv`,
    notes: `${run}?tab=artifacts&path=notes.md`,
    compare: `/compare?runs=${runs.slice(0, 4).join(",")}`,
    two: `/compare?runs=${runs.slice(0, 2).join(",")}`,
    lineage: "/lineage?of=late-departures%402",
    dataset: `/lineage?of=${encodeURIComponent(`run:${runs[1]}`)}`,
    models: "/models",
    model: "/models/late-departures",
    version: "/models/late-departures/2",
  };
  for (const theme of ["light", "dark"]) {
    for (const width of [1440, 390]) {
      const { page, close } = await openPage(browser, url, { theme, width, height: width === 390 ? 844 : 900 });
      for (const [name, path] of Object.entries(pages)) {
        await visit(page, path);
        await page.waitForTimeout(900);
        await page.screenshot({ path: join(flags.shots, `${name}-${theme}-${width}.png`) });
      }
      await close();
    }
  }
}

fillHome(bin, home);
const server = await startServer(bin, home);
const browser = await startBrowser();
try {
  const places = await addRecords(server.url);
  for (let round = 0; round < rounds; ++round) {
    for (const walk of [table, views, run, (p) => charts(p, places.million, "1 M points"), (p) => charts(p, places.ten, "10 M points"), compare, registry]) {
      const { page, complaints, close } = await openPage(browser, server.url, { width: 1440 });
      await walk(page, places, round);
      await close();
      for (const complaint of complaints) console.error(`${walk.name || "charts"}: ${complaint}`);
    }
  }
  console.log(`\nmilliseconds of ${rounds} rounds           median  longest   (load ${loadavg()[0].toFixed(1)})`);
  for (const [name, all] of taken) {
    const ms = [...all].sort((a, b) => a - b);
    console.log(`${name.padEnd(40)} ${ms[Math.floor(ms.length / 2)].toFixed(0).padStart(6)} ${ms[ms.length - 1].toFixed(0).padStart(8)}`);
  }
  console.log(`${"the server's memory, MB".padEnd(40)} ${server.memory().toFixed(0).padStart(6)}`);
  if (flags.shots) await takeShots(browser, server.url, places);
} finally {
  await browser.close();
  await server.close();
  if (!flags.home) rmSync(home, { recursive: true, force: true });
}
