// How long a person waits: from an input to the paint of the first frame that shows its outcome, and for how much of
// that a request was under way.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const kPatienceMs = 20_000;
const kPauseMs = 250; // a person looks before the next input

/** Runs in the page: acts, and waits for the frame in which `done` holds. */
async function measure([actText, doneText, patience]) {
  const holds = new Function(`return ${doneText}`);
  performance.clearResourceTimings();
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
    const ended = performance.now();
    let [asking, until] = [0, begun];
    for (const { requestStart, responseEnd } of performance.getEntriesByType("resource").sort((a, b) => a.requestStart - b.requestStart)) {
      const end = Math.min(responseEnd, ended);
      if (end > until) asking += end - Math.max(requestStart, until);
      until = Math.max(until, end);
    }
    return { ms: ended - begun, asking };
  }
  return { ms: Infinity, asking: 0 };
}

export class Stopwatch {
  taken = new Map();

  /** `profiles`: a directory that gets what the page's processor did in the first round of each (.cpuprofile). */
  constructor(profiles) {
    this.profiles = profiles;
    if (profiles) mkdirSync(profiles, { recursive: true });
  }

  /** Times `act` on a page at rest until `done`, both JavaScript of the page as text. */
  async time(page, name, act, done) {
    await page.evaluate((pause) => new Promise((resolve) => setTimeout(() => requestIdleCallback(resolve), pause)), kPauseMs);
    const profiler = this.profiles && !this.taken.has(name) ? await page.context().newCDPSession(page) : null;
    if (profiler) {
      await profiler.send("Profiler.enable");
      await profiler.send("Profiler.setSamplingInterval", { interval: 200 });
      await profiler.send("Profiler.start");
    }
    const took = await page.evaluate(measure, [act, done, kPatienceMs]);
    if (profiler) {
      const { profile } = await profiler.send("Profiler.stop");
      writeFileSync(join(this.profiles, `${name.replace(/[^\w]+/g, "-")}.cpuprofile`), JSON.stringify(profile));
      await profiler.detach();
    }
    this.taken.set(name, [...(this.taken.get(name) ?? []), took]);
  }

  /** A line of each: the median, the longest, and how much of the median round the page was asking. */
  report() {
    return [...this.taken].map(([name, all]) => {
      const sorted = [...all].sort((a, b) => a.ms - b.ms);
      const median = sorted[Math.floor((sorted.length - 1) / 2)];
      return { name, median: median.ms, asking: median.asking, longest: sorted[sorted.length - 1].ms };
    });
  }
}
