// Pictures of the pages of experiments and models in a home of 100,000 runs, light and dark, 1440 and 390 pixels wide:
//   node console/test/shots.mjs DIRECTORY [--home DIR] [--bin DIR] [--only NAME,NAME]
// makes a home as interactions.mjs does, or uses one of its. It needs a build with -DMW_BENCH=ON.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openPage, startBrowser, visit } from "./browser.mjs";
import { withFilledHome } from "./filled_home.mjs";
import { flagsOf } from "./flags.mjs";

const [directory] = process.argv.slice(2);
const flags = flagsOf(process.argv.slice(3));
if (!directory || directory.startsWith("--")) {
  console.error("usage: node console/test/shots.mjs DIRECTORY [--home DIR] [--bin DIR] [--only NAME,NAME]");
  process.exit(2);
}

const kAll = () => document.querySelector("[data-grid]")?.dataset.total === "100000";

/** Each: where, and what is done there before the picture is taken. */
function scenes({ experiment, runs, million, ten }) {
  const table = `/experiments/${experiment}`;
  const run = `${table}/runs/${runs[0]}`;
  const compared = `/compare?runs=${runs.slice(0, 6).join(",")}`;
  const addressed = (path, query) => `${path}?${new URLSearchParams(query)}`;
  return {
    experiments: { path: "/experiments" },
    table: { path: table, ready: kAll },
    chosen: {
      path: table,
      act: async (page) => { for (const id of runs.slice(0, 3)) await page.locator(`[data-run="${id}"] input`).click(); },
    },
    filtered: { path: addressed(table, { filter: "metrics.`val/loss` < 0.3 AND params.optimizer = 'adam'", sort: "-metrics.val/loss" }) },
    suggests: { path: table, act: async (page) => { await page.locator("[data-filter]").fill("metrics.val/l"); } },
    columns: { path: table, act: async (page) => { await page.locator("[data-menu=columns]").click(); } },
    views: { path: table, act: async (page) => { await page.locator("[data-menu=views]").click(); } },
    tablecharts: { path: addressed(table, { show: "charts" }) },
    run: { path: run },
    charts: { path: `${run}?tab=charts` },
    million: { path: `/experiments/${million[0]}/runs/${million[1]}?tab=charts&smooth=0.8` },
    ten: { path: `/experiments/${ten[0]}/runs/${ten[1]}?tab=charts&x=time` },
    files: { path: addressed(run, { tab: "artifacts", path: "tables/predictions.csv" }) },
    notes: { path: addressed(run, { tab: "artifacts", path: "notes.md" }) },
    compare: { path: compared },
    scatter: { path: compared, act: async (page) => { await page.locator("[data-scatter]").scrollIntoViewIfNeeded(); } },
    curves: { path: compared, act: async (page) => { await page.locator("[data-chart]").first().scrollIntoViewIfNeeded(); } },
    two: { path: `/compare?runs=${runs.slice(0, 2).join(",")}` },
    lineage: { path: "/lineage?of=late-departures%402" },
    models: { path: "/models" },
    model: { path: "/models/late-departures" },
    version: { path: "/models/late-departures/2" },
  };
}

await withFilledHome(flags, async ({ url, places }) => {
  const browser = await startBrowser();
  try {
    mkdirSync(directory, { recursive: true });
    const wanted = flags.only?.split(",");
    for (const theme of ["light", "dark"]) {
      for (const width of [1440, 390]) {
        const { page, close } = await openPage(browser, url, { theme, width, height: width === 390 ? 844 : 900 });
        for (const [name, { path, ready, act }] of Object.entries(scenes(places))) {
          if (wanted && !wanted.includes(name)) continue;
          await visit(page, path);
          if (ready) await page.waitForFunction(ready);
          if (act) await act(page);
          await page.waitForTimeout(700); // until all is read and drawn
          await page.screenshot({ path: join(directory, `${name}-${theme}-${width}.png`) });
        }
        await close();
      }
    }
  } finally {
    await browser.close();
  }
});
