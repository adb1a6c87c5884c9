// The console: the frame around every page, and which page an address names.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { followChanges, useLive } from "./api";
import { ComparePage } from "./pages/compare";
import { DatasetPage, DatasetsPage } from "./pages/datasets";
import { EndpointPage, EndpointsPage } from "./pages/endpoints";
import { AllTabs, ExperimentTabs } from "./pages/experiment_tabs";
import { ExperimentsPage } from "./pages/experiments";
import { GoalPage, GoalsPage } from "./pages/goals";
import { HomePage } from "./pages/home";
import { LineagePage } from "./pages/lineage";
import { LoggedModelPage } from "./pages/logged_model";
import { LoggedModelsPage } from "./pages/logged_models";
import { ModelPage, ModelsPage, VersionPage } from "./pages/models";
import { ExperimentPage } from "./pages/run_table";
import { PipelinePage, PipelinesPage, RunPage, RunsPage } from "./pages/runs";
import { TrackedRunPage } from "./pages/tracked_run";
import { followHashes, followLinks, parts, usePlace } from "./router";
import { Empty } from "./ui";

type Theme = "light" | "dark";
const dark = matchMedia("(prefers-color-scheme: dark)");

function chosenTheme(): Theme | null {
  try {
    const stored = localStorage.getItem("theme");
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null; // storage may be forbidden
  }
}

function showTheme(theme: Theme) {
  document.documentElement.dataset.theme = theme;
}

function ThemeToggle() {
  const [theme, setTheme] = useState<Theme>(document.documentElement.dataset.theme as Theme);
  useEffect(() => {
    const follow = () => {
      if (chosenTheme() !== null) return;
      const next = dark.matches ? "dark" : "light";
      showTheme(next);
      setTheme(next);
    };
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  const other = theme === "dark" ? "light" : "dark";
  const toggle = () => {
    showTheme(other);
    setTheme(other);
    try {
      localStorage.setItem("theme", other);
    } catch {
      // it then holds for this page
    }
  };
  return (
    <button type="button" class="quiet" onClick={toggle} aria-label={`Use the ${other} theme`}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {theme === "dark" ? (
          <path d="M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.4M8 13.6V15M1 8h1.4M13.6 8H15M3 3l1 1m8 8 1 1m0-10-1 1m-8 8-1 1" />
        ) : (
          <path d="M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z" />
        )}
      </svg>
      <span class="wide-only">{other === "dark" ? "Dark" : "Light"}</span>
    </button>
  );
}

const kLiveTexts = { new: "", connecting: "connecting", live: "live", away: "not reachable" };

function LiveMark() {
  const live = useLive();
  return (
    <span class={`live live-${live}`} role="status" title="Pages change by themselves while this says live">
      <i aria-hidden="true" />
      {kLiveTexts[live]}
    </span>
  );
}

const kPlaces = [
  { name: "Goals", path: "/goals" },
  { name: "Pipelines", path: "/pipelines" },
  { name: "Runs", path: "/runs" },
  { name: "Experiments", path: "/experiments", also: "/datasets" },
  { name: "Models", path: "/models" },
  { name: "Endpoints", path: "/endpoints" },
];

const isWithin = (path: string, place: string) => `${path}/`.startsWith(`${place}/`);

function Page({ path }: { path: string }) {
  const [place, name, more, ...rest] = parts(path);
  if (place === "experiments" && name && more === "runs" && rest[0]) {
    return <TrackedRunPage key={rest[0]} experiment={name} id={rest[0]} />;
  }
  if (place === "experiments" && name && more === "models" && rest[0]) return <LoggedModelPage key={rest[0]} id={rest[0]} />;
  if (rest.length === 0) {
    if (place === "experiments" && name) {
      if (more === undefined) return <><ExperimentTabs id={name} here="runs" /><ExperimentPage key={name} id={name} /></>;
      if (more === "models") return <><ExperimentTabs id={name} here="models" /><LoggedModelsPage key={name} experiment={name} /></>;
      if (more === "datasets") return <><ExperimentTabs id={name} here="datasets" /><DatasetsPage key={name} experiment={name} /></>;
    }
    if (place === "experiments") return <><AllTabs here="experiments" /><ExperimentsPage /></>;
    if (place === "datasets") {
      if (name && more) return <DatasetPage key={path} name={name} digest={more} />;
      return name ? <DatasetsPage key={name} name={name} /> : <><AllTabs here="datasets" /><DatasetsPage key="" /></>;
    }
    if (place === "compare" && name === undefined) return <ComparePage />;
    if (place === "lineage" && name === undefined) return <LineagePage />;
    if (place === undefined) return <HomePage />;
    if (place === "goals" && more === undefined) return name ? <GoalPage key={name} name={name} /> : <GoalsPage />;
    if (place === "pipelines" && more === undefined) return name ? <PipelinePage key={name} name={name} /> : <PipelinesPage />;
    if (place === "runs" && more === undefined) return name ? <RunPage key={name} id={name} /> : <RunsPage />;
    if (place === "models" && name && more) return <VersionPage key={path} model={name} reference={more} />;
    if (place === "models") return name ? <ModelPage key={name} name={name} /> : <ModelsPage />;
    if (place === "endpoints" && more === undefined) return name ? <EndpointPage key={name} name={name} /> : <EndpointsPage />;
  }
  return (
    <Empty title="There is no such page">
      Go to the <a href="/goals">goals</a>.
    </Empty>
  );
}

function App() {
  const { path } = usePlace();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // A reader of the page hears where a link has led.
  useEffect(() => {
    if (first.current) first.current = false;
    else (main.current?.querySelector<HTMLElement>("h1") ?? main.current)?.focus({ preventScroll: true });
  }, [path]);
  return (
    <>
      <a class="skip" href="#main">Skip to the page</a>
      <div class="frame">
        <nav class="side" aria-label="Console">
          <a class="brand" href="/" aria-current={path === "/" ? "page" : undefined}>
            <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
              <rect width="16" height="16" rx="4" />
              <path d="M4 11.5V5l4 4 4-4v6.5" />
            </svg>
            Millwright
          </a>
          <ul>
            {kPlaces.map((place) => (
              <li key={place.path}>
                <a href={place.path} aria-current={path === place.path ? "page" : isWithin(path, place.path) || (place.also && isWithin(path, place.also)) ? "true" : undefined}>
                  {place.name}
                </a>
              </li>
            ))}
          </ul>
          <div class="side-foot">
            <LiveMark />
            <ThemeToggle />
          </div>
        </nav>
        <main id="main" ref={main} tabindex={-1}>
          <Page path={path} />
        </main>
      </div>
    </>
  );
}

showTheme(chosenTheme() ?? (dark.matches ? "dark" : "light"));
document.addEventListener("DOMContentLoaded", () => {
  followHashes();
  followLinks();
  followChanges();
  render(<App />, document.getElementById("app")!);
});
