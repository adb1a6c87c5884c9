// Debian's Chromium, headless, driven by playwright-core. Every page is watched: an error in its console, a failed
// request or one that leaves the server fails the test.
import { chromium } from "playwright-core";

export async function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page of its own with `complaints`: everything that should not have happened. */
export async function openPage(browser, url, { theme = "light", width = 1280, height = 900, missing = [] } = {}) {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height }, baseURL: url });
  const page = await context.newPage();
  const complaints = [];
  const expected = (address) => missing.some((part) => address.includes(part));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected(message.location().url)) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) complaints.push(`asked ${request.url()}`);
  });
  page.on("requestfailed", (request) => {
    if (!request.url().endsWith("/api/v1/events") && request.failure()?.errorText !== "net::ERR_ABORTED") complaints.push(`failed ${request.url()}`);
  });
  return { page, complaints, close: () => context.close() };
}

/** Waits until the page of `path` is there whole. */
export async function visit(page, path) {
  await page.goto(path);
  await page.locator("main h1").waitFor();
}
