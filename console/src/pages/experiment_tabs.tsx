// What an experiment holds besides its runs, and where all datasets are: one line above those pages.
import { to } from "../router";

interface Tab {
  name: string;
  text: string;
  href: string;
}

function Line({ tabs, here, label }: { tabs: Tab[]; here: string; label: string }) {
  return (
    <nav class="tabs tabs-top" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.name} href={tab.href} aria-current={tab.name === here ? "page" : undefined} data-part={tab.name}>{tab.text}</a>
      ))}
    </nav>
  );
}

export function ExperimentTabs({ id, here }: { id: string; here: "runs" | "models" | "datasets" }) {
  const address = to("experiments", id);
  const tabs = [
    { name: "runs", text: "Runs", href: address },
    { name: "models", text: "Models", href: `${address}/models` },
    { name: "datasets", text: "Datasets", href: `${address}/datasets` },
  ];
  return <Line tabs={tabs} here={here} label="Parts of the experiment" />;
}

export function AllTabs({ here }: { here: "experiments" | "datasets" }) {
  const tabs = [
    { name: "experiments", text: "Experiments", href: "/experiments" },
    { name: "datasets", text: "Datasets", href: "/datasets" },
  ];
  return <Line tabs={tabs} here={here} label="Of all experiments" />;
}
