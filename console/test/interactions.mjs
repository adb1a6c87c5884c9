// How long a person waits for each thing that the pages of experiments and models do, in a home of 100,000 runs:
//   node console/test/interactions.mjs [--home DIR] [--bin DIR] [--rounds N] [--only WALK,WALK] [--profiles DIR]
// makes a home of its own (with --home it stays, and the next call finds it filled), serves it with `millwright up`,
// and prints the median and the longest of N rounds from the input to the frame that shows its outcome, how much of
// the median the page waited for the server, and the server's memory. --profiles: what the page's processor did, for a
// browser's tools. It needs a build with -DMW_BENCH=ON. Figures hold on a machine that does nothing else.
import { loadavg } from "node:os";
import { openPage, startBrowser, visit } from "./browser.mjs";
import { withFilledHome } from "./filled_home.mjs";
import { flagsOf } from "./flags.mjs";
import { Stopwatch } from "./stopwatch.mjs";

const kMostMs = 100; // of any interaction
const flags = flagsOf(process.argv.slice(2));
const rounds = Number(flags.rounds ?? 5);
const watch = new Stopwatch(flags.profiles);
const time = (page, name, act, done) => watch.time(page, name, act, done);

const $ = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
const click = (selector) => `${$(selector)}.click()`;
const clickText = (selector, text) => `[...document.querySelectorAll(${JSON.stringify(selector)})].find((e) => e.textContent.trim() === ${JSON.stringify(text)}).click()`;
const type = (selector, text) => `const field = ${$(selector)}; field.value = ${JSON.stringify(text)}; field.dispatchEvent(new InputEvent("input", { bubbles: true }))`;
const press = (selector, key) => `const on = ${$(selector)}; on.focus(); on.dispatchEvent(new KeyboardEvent("keydown", { key: ${JSON.stringify(key)}, bubbles: true }))`;
const sorted = (column, way) => `${$(`[role=columnheader][aria-sort=${way}] [data-sort="${column}"]`)} && !${$(".grid-busy")} && ${$(".grid-row")}`;
const kAll = `${$("[data-grid]")}?.dataset.total === "100000"`;
const kRead = `${$(".grid-row")} && !${$(".grid-row .grid-wait")}`;
const totalIs = (test) => `(() => { const total = Number(${$("[data-grid]")}?.dataset.total); return ${test} && !${$(".grid-busy")}; })()`;
const kDrawn = `[...document.querySelectorAll("[data-chart]")].some((c) => Number(c.dataset.points) > 0)`;

const allKnown = (page) => page.waitForFunction(() => document.querySelector("[data-grid]")?.dataset.total === "100000");

async function openTable(page, { experiment }) {
  await visit(page, `/experiments/${experiment}`);
  await allKnown(page);
}

async function table(page, { experiment }) {
  await visit(page, "/experiments");
  await page.locator(`a[href="/experiments/${experiment}"]`).first().waitFor();
  await time(page, "table: opened, first rows", click(`a[href="/experiments/${experiment}"]`), kRead);
  await allKnown(page);
  await time(page, "table: scrolled by a page", `${$("[data-grid]")}.scrollTop += 600`, `${kRead} && Number(${$(".grid-row")}?.ariaRowIndex) > 10`);
  await time(page, "table: jumped to the middle, values too", `${$("[data-grid]")}.scrollTop = 1600000`, `${kRead} && Math.abs(Number(${$(".grid-row")}?.ariaRowIndex) - 50002) < 3`);
  await time(page, "table: the last row by key", press("[data-grid]", "End"), `${kRead} && [...document.querySelectorAll(".grid-row")].some((r) => r.ariaRowIndex === "100001")`);
  for (const [how, selector] of [["a metric", "[data-sort^='metrics.']"], ["a parameter", "[data-sort^='params.']"], ["a parameter of 100,000 values", "[data-sort='params.seed']"]]) {
    if ((await page.locator(selector).count()) === 0) continue;
    const column = await page.locator(selector).first().getAttribute("data-sort");
    const first = how === "a metric" ? "descending" : "ascending";
    await time(page, `order: first by ${how}`, click(`[data-sort="${column}"]`), sorted(column, first));
    await time(page, `order: by ${how} the other way`, click(`[data-sort="${column}"]`), sorted(column, first === "ascending" ? "descending" : "ascending"));
  }
  await time(page, "order: by duration", click('[data-sort="attributes.duration"]'), sorted("attributes.duration", "descending"));
  await time(page, "order: by start again", click('[data-sort="start_time"]'), sorted("start_time", "descending"));
  await time(page, "columns: a group folded", click("[data-fold=Metrics]"), `!${$("[data-sort^='metrics.']")}`);
  await time(page, "columns: and opened", click("[data-fold=Metrics]"), `${$("[data-sort^='metrics.']")} && ${kRead}`);
  await page.locator("[data-menu=columns]").click();
  const every = ".chooser fieldset legend input";
  await time(page, "columns: all 50 metrics shown", click(every), `document.querySelectorAll("[role=columnheader] [data-sort^='metrics.']").length === 50 && ${kRead}`);
  await time(page, "columns: and hidden", click(every), `!${$("[data-sort^='metrics.']")}`);
}

async function filters(page, places) {
  await openTable(page, places);
  const name = await page.locator(".grid-row a").first().innerText();
  await time(page, "filter: the first letter of a name", type("[data-filter]", name[0]), totalIs("total > 0 && total < 100000"));
  await time(page, "filter: four letters of a name", type("[data-filter]", name.slice(0, 4)), totalIs("total > 0 && total < 50000"));
  await time(page, "filter: nothing again", type("[data-filter]", ""), kAll);
  for (const [what, filter, test] of [
    ["fits nearly all", "metrics.`val/loss` < 10", "total > 90000 && total < 100000"],
    ["fits few", "metrics.`val/loss` < 0.02", "total < 20000"],
    ["a parameter", "params.optimizer = 'adam'", "total === 25000"],
    ["of two clauses", "metrics.`val/loss` < 10 AND params.optimizer = 'adam'", "total > 20000 && total < 25000"],
    ["of three, one a tag", "metrics.`val/loss` < 10 AND metrics.`val/auc` > 0.2 AND tags.team = 'growth'", "total > 40000 && total < 60000"],
    ["an attribute", "attributes.status = 'FAILED'", "total > 1000 && total < 3000"],
  ]) {
    await time(page, `filter: ${what}`, type("[data-filter]", filter), totalIs(test));
  }
}

async function views(page, { experiment }, round) {
  await openTable(page, { experiment });
  await page.locator("[data-menu=views]").click();
  await time(page, "view: opened", click("[data-view='adam by loss']"), `${totalIs("total === 25000")} && ${sorted("metrics.val/loss", "descending")} && ${kRead}`);
  await time(page, "view: all runs again", `${$(".menu-list a")}.click()`, `${kAll} && ${kRead}`);
  await page.getByLabel("Name of a new view").fill(`round ${round}`);
  await time(page, "view: saved", `${$(".menu-form button[type=submit]")}.click()`, `location.search.startsWith("?view=round") && ${$("[data-menu=views]")}?.textContent.includes("round")`);
}

async function selection(page, { experiment, runs }) {
  await openTable(page, { experiment });
  await time(page, "selection: one run", `${$(`[data-run="${runs[0]}"] input`)}.click()`, `${$("[data-count]")}.textContent.startsWith("1 run selected")`);
  for (const id of runs.slice(1, 3)) await page.locator(`[data-run="${id}"] input`).click();
  await time(page, "selection: its charts", clickText(".toolbar .choices button", "Charts"), kDrawn);
  await time(page, "selection: charts smoothed", type("input[type=range]", "0.9"), `${$(".smooth-value")}.textContent === "0.90"`);
  await time(page, "selection: the table again", clickText(".toolbar .choices button", "Table"), kRead);
  await time(page, "selection: all 100,000", press("[data-grid]", "a").replace("bubbles: true", "ctrlKey: true, bubbles: true"), `${$("[data-count]")}.textContent.startsWith("100,000 runs selected")`);
  await time(page, "selection: nothing", press("[data-grid]", "Escape"), `${$("[data-count]")}.textContent.startsWith("100,000 runs ")`);
}

async function run(page, { experiment, runs }) {
  await openTable(page, { experiment });
  await page.locator(`[data-run="${runs[0]}"] a`).waitFor();
  await time(page, "run: opened from the table", click(`[data-run="${runs[0]}"] a`), `${$("[data-value^='metric ']")}`);
  await time(page, "run: back to the table", "history.back()", `${kAll} && ${kRead}`);
  await page.goto(`/experiments/${experiment}/runs/${runs[0]}`);
  await page.locator("[data-value^='metric ']").first().waitFor();
  await time(page, "run: its 50 charts, those in sight", click("[data-tab=charts]"), `[...document.querySelectorAll("[data-chart]")].filter((c) => Number(c.dataset.points) > 0).length >= 6`);
  await time(page, "run: its files", click("[data-tab=artifacts]"), `${$("[data-file]")}`);
  await time(page, "run: a folder of its files", click("[data-folder=tables]"), `${$('[data-file="tables/predictions.csv"]')}`);
  await time(page, "run: a table file", click('[data-file="tables/predictions.csv"]'), `${$(".preview table")}`);
  await time(page, "run: a Markdown file", click('[data-file="notes.md"]'), `${$(".preview .markdown")}`);
}

async function charts(page, [experiment, run], points) {
  await visit(page, `/experiments/${experiment}/runs/${run}`);
  const canvas = ".metric-chart canvas";
  const changed = `(() => { const now = ${$(canvas)}?.toDataURL().length ?? 0; const was = window.was ?? 0; return now > 2000 && now !== was; })()`;
  const remember = () => page.evaluate((selector) => { window.was = document.querySelector(selector)?.toDataURL().length ?? 0; }, canvas);
  const what = `chart of ${points}`;
  const whole = `${changed} && [...document.querySelectorAll("figcaption button")].some((b) => b.textContent === "whole")`;
  // A zoom is shown at once by what is known, then with what was read of the range.
  const read = `performance.getEntriesByType("resource").some((r) => r.name.endsWith("/charts") && r.responseEnd > 0)`;
  await time(page, `${what}: opened`, click("[data-tab=charts]"), `${kDrawn} && ${changed}`);
  for (const [name, act, done] of [
    ["smoothed", type("input[type=range]", "0.9"), changed],
    ["logarithm", `document.querySelectorAll(".charts input[type=checkbox]")[0].click()`, changed],
    ["by wall time", clickText(".charts .choices button", "Wall time"), changed],
    ["since the start", clickText(".charts .choices button", "Relative"), changed],
    ["by step again", clickText(".charts .choices button", "Step"), changed],
    ["zoomed", press(canvas, "+"), `${whole} && ${read}`],
    ["zoomed further", press(canvas, "+"), `${whole} && ${read}`],
    ["whole again", clickText("figcaption button", "whole"), changed],
  ]) {
    await page.waitForTimeout(400); // the address follows a slider when it rests
    await remember();
    await time(page, `${what}: ${name}`, act, done);
  }
}

async function compare(page, { experiment, runs }) {
  await openTable(page, { experiment });
  for (const id of runs.slice(0, 3)) await page.locator(`[data-run="${id}"] input`).click();
  await time(page, "compare: three runs", `${$(".selection a.button")}.click()`, `${$("[data-differs]")} && ${$("[data-scatter] circle")}`);
  const axis = `${$("[data-scatter]")}?.getAttribute("aria-label")`;
  await page.evaluate(`window.axis = ${axis}`);
  await time(page, "compare: another axis of the scatter", `const s = document.querySelectorAll("main select")[0]; s.selectedIndex = (s.selectedIndex + 1) % s.options.length; s.dispatchEvent(new Event("change", { bubbles: true }))`, `${axis} !== window.axis`);
  await time(page, "compare: what is equal too", clickText(".choices button", "All"), `${$('[data-differs="Run status"]')}`);
  await visit(page, `/experiments/${experiment}/runs/${runs[0]}`);
  await page.evaluate((to) => { const a = document.createElement("a"); a.id = "two"; a.href = to; document.querySelector("main").append(a); }, `/compare?runs=${runs.slice(0, 2).join(",")}`);
  await time(page, "compare: two runs, and what changed", click("#two"), `${$("[data-differs]")}`);
  await time(page, "compare: their curves", `${$("[data-chart]")}.scrollIntoView()`, kDrawn);
}

async function registry(page, { runs }) {
  await visit(page, "/");
  await time(page, "registry: models", click('.side a[href="/models"]'), `${$('main a[href="/models/late-departures"]')}`);
  await time(page, "registry: one model", click('main a[href="/models/late-departures"]'), `${$('main a[href="/models/late-departures/2"]')}`);
  await time(page, "registry: one version", click('main a[href="/models/late-departures/2"]'), `${$("main h1")}?.textContent.includes("2") && ${$('main a[href^="/lineage"]')}`);
  await time(page, "lineage: of a version", click('main a[href^="/lineage"]'), `${$(".graph-node")}`);
  await visit(page, `/lineage?of=${encodeURIComponent(`run:${runs[0]}`)}`);
  await page.locator(".graph-node").first().waitFor();
  await time(page, "lineage: a node chosen", click(".graph-node"), `${$("[data-lineage]")}`);
  await time(page, "lineage: what it reached alone", clickText(".choices button", "What it reached"), `location.search.includes("downstream") && ${$(".graph-node")}`);
}

const kWalks = {
  table, filters, views, selection, run, compare, registry,
  million: (page, places) => charts(page, places.million, "1 M points"),
  ten: (page, places) => charts(page, places.ten, "10 M points"),
};

await withFilledHome(flags, async ({ url, memory, places }) => {
  const browser = await startBrowser();
  try {
    const wanted = flags.only?.split(",");
    for (let round = 0; round < rounds; ++round) {
      for (const [name, walk] of Object.entries(kWalks)) {
        if (wanted && !wanted.includes(name)) continue;
        const { page, complaints, close } = await openPage(browser, url, { width: 1440 });
        await walk(page, places, round).catch((error) => complaints.push(error.message.split("\n")[0]));
        await close();
        for (const complaint of complaints) console.error(`${name}: ${complaint}`);
      }
    }
    const rows = watch.report();
    console.log(`milliseconds, ${rounds} rounds (load ${loadavg()[0].toFixed(1)})`.padEnd(46) + "median  of it asking  longest");
    for (const { name, median, asking, longest } of rows) {
      console.log(`${name.padEnd(46)}${median.toFixed(0).padStart(6)}${asking.toFixed(0).padStart(14)}${longest.toFixed(0).padStart(9)}${median < kMostMs ? "" : "  too long"}`);
    }
    const slow = rows.filter(({ median }) => !(median < kMostMs)).length;
    console.log(`${rows.length - slow} of ${rows.length} within ${kMostMs} ms; the server's memory ${memory().toFixed(0)} MB`);
  } finally {
    await browser.close();
  }
});
