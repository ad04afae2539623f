/** What agentmon reads, how it is set, whether all is well; and what this browser tells. */

import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleX } from "lucide-react";
import { useState, type ReactNode } from "react";
import { setTold, TOLD, usePreferences, type Told } from "../app/attention";
import { api } from "../lib/api";
import { agentName, bytes, whole } from "../lib/format";
import { setTheme, useTheme, type Theme } from "../lib/theme";
import type { About, Source } from "../lib/types";
import { Answer } from "../usage/Usage";
import { DataTable } from "../ui/DataTable";
import { Ago, Choice, CopyButton, Section } from "../ui/parts";
import { Gateways } from "./Gateways";

interface Doctor {
  ok: boolean;
  findings: { severity: string; subject: string; message: string; advice: string | null }[];
}

export default function Settings() {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto" data-scroller tabIndex={0} role="region" aria-label="Settings">
      <div className="mx-auto flex max-w-5xl flex-col gap-3 p-4 max-md:p-2">
        <h1 className="text-lg font-semibold">Settings</h1>
        <Page />
        <Health />
        <Sources />
        <Hooks />
        <Gateways />
        <Rules />
        <Configuration />
        <Prices />
        <AboutPart />
      </div>
    </div>
  );
}

function Line({ name, hint, children }: { name: string; hint?: string; children: ReactNode }) {
  return (
    <div className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line/60 px-4 py-1.5 last:border-b-0">
      <div className="min-w-0 flex-1 basis-60">
        <p>{name}</p>
        {hint ? <p className="text-sm text-faint">{hint}</p> : null}
      </div>
      {children}
    </div>
  );
}

const TOLD_LABELS: Record<Told, { name: string; hint: string }> = {
  needs_input: { name: "Notify when a session needs you", hint: "A permission, a question, a plan to approve. Not while you look at this page." },
  failed: { name: "Notify when a session fails", hint: "An API error, a crash, a used-up context." },
};

/** What belongs to this browser alone. */
function Page() {
  const theme = useTheme((state) => state.theme);
  const on = usePreferences((state) => state.on);
  const isPossible = "Notification" in window;
  const [permission, setPermission] = useState(isPossible ? Notification.permission : "denied");
  const toggle = async (told: Told, isOn: boolean) => {
    if (isOn && isPossible && Notification.permission === "default") setPermission(await Notification.requestPermission());
    setTold(told, isOn);
  };
  return (
    <Section title="This browser">
      <Line name="Theme">
        <Choice<Theme> label="Theme" value={theme} onChange={setTheme} options={[{ value: "system", label: "System" }, { value: "dark", label: "Dark" }, { value: "light", label: "Light" }]} />
      </Line>
      {TOLD.map((told) => (
        <Line key={told} {...TOLD_LABELS[told]}>
          <label className="flex items-center gap-2">
            <input type="checkbox" role="switch" className="size-4 accent-[var(--accent)]" checked={on[told]} onChange={(event) => void toggle(told, event.target.checked)} aria-label={TOLD_LABELS[told].name} />
            <span className="w-8 text-sm text-dim">{on[told] ? "on" : "off"}</span>
          </label>
        </Line>
      ))}
      {permission === "denied" && (on.needs_input || on.failed) ? (
        <p className="px-4 py-2 text-sm text-needs">{isPossible ? "This browser refuses notifications of this page: allow them in its settings." : "This browser has no notifications."}</p>
      ) : null}
    </Section>
  );
}

function Health() {
  const doctor = useQuery({ queryKey: ["doctor"], queryFn: () => api<Doctor>("/api/v1/doctor"), staleTime: 60_000 });
  return (
    <Section title="Health" note={doctor.data ? (doctor.data.ok ? "all is well" : "something needs attention") : undefined} aside={<button type="button" className="button" onClick={() => void doctor.refetch()} disabled={doctor.isFetching}>Check again</button>}>
      <Answer query={doctor}>
        {({ findings }) => (
          <ul className="py-1">
            {findings.map((finding, index) => (
              <li key={index} className="flex min-w-0 items-start gap-2.5 px-4 py-1 text-sm">
                {finding.severity === "good" ? <CircleCheck size={15} className="mt-0.5 shrink-0 text-working" role="img" aria-label="good" />
                  : finding.severity === "problem" ? <CircleX size={15} className="mt-0.5 shrink-0 text-failed" role="img" aria-label="problem" />
                    : <CircleAlert size={15} className="mt-0.5 shrink-0 text-needs" role="img" aria-label={finding.severity} />}
                <span className="w-20 shrink-0 text-faint">{finding.subject}</span>
                <span className="min-w-0 break-words">{finding.message}{finding.advice ? <span className="text-dim"> {finding.advice}</span> : null}</span>
              </li>
            ))}
          </ul>
        )}
      </Answer>
    </Section>
  );
}

function Sources() {
  const [isAll, setAll] = useState(false);
  const sources = useQuery({ queryKey: ["sources"], queryFn: () => api<{ sources: Source[] }>("/api/v1/sources") });
  const missing = sources.data?.sources.filter((source) => source.state === "missing").length ?? 0;
  return (
    <Section title="Sources" note="agents' own files, only read" aside={missing ? <button type="button" className="button" onClick={() => setAll(!isAll)}>{isAll ? "Only those found" : `Show ${missing} missing`}</button> : null}>
      <Answer query={sources}>
        {(data) => (
          <DataTable
            label="Sources" rows={data.sources.filter((source) => isAll || source.state !== "missing")} rowKey={(source) => `${source.format} ${source.root}`}
            columns={[
              { name: "Agent", value: (source) => agentName(source.agent) },
              { name: "Folder", value: (source) => source.root, cell: (source) => <span className="font-mono text-xs" title={source.root}>{source.root}</span> },
              { name: "State", value: (source) => source.error ?? source.state, cell: (source) => <span className={source.error ? "text-failed" : source.state === "read" ? "text-working" : "text-faint"}>{source.error ?? source.state}</span> },
              { name: "Files", value: (source) => source.files, numeric: true },
              { name: "Size", value: (source) => source.bytes, cell: (source) => bytes(source.bytes), numeric: true },
              { name: "Sessions", value: (source) => source.sessions, numeric: true },
              { name: "Newest", value: (source) => source.newest_at, cell: (source) => <Ago at={source.newest_at} />, numeric: true },
              {
                name: "Skipped", value: (source) => source.problems.reduce((sum, problem) => sum + problem.count, 0), numeric: true,
                cell: (source) => {
                  const skipped = source.problems.reduce((sum, problem) => sum + problem.count, 0);
                  return skipped ? <span className="text-needs" title={source.problems.slice(0, 5).map((problem) => `${problem.kind}: ${problem.detail}`).join("\n")}>{whole(skipped)}</span> : "0";
                },
              },
            ]}
          />
        )}
      </Answer>
    </Section>
  );
}

interface HookFile {
  agent: string;
  path: string;
  installed: boolean | null;
  error: string | null;
}

/** Hooks make states exact and immediate; only the command line installs them, because it shows what it changes. */
function Hooks() {
  const hooks = useQuery({ queryKey: ["hooks"], queryFn: () => api<{ files: HookFile[] }>("/api/v1/hooks") });
  const isMissing = hooks.data?.files.some((file) => !file.installed);
  return (
    <Section title="Hooks" note="agents tell at once what they do" aside={isMissing ? <CopyButton text="agentmon hooks install" label="Copy the command"><code className="font-mono text-xs">agentmon hooks install</code></CopyButton> : null}>
      <Answer query={hooks}>
        {(data) => (
          <DataTable
            label="Hooks" rows={data.files} rowKey={(file) => file.path}
            columns={[
              { name: "Agent", value: (file) => agentName(file.agent.replaceAll("-", "_")) },
              { name: "File", value: (file) => file.path, cell: (file) => <span className="font-mono text-xs" title={file.path}>{file.path}</span> },
              {
                name: "Hooks", value: (file) => file.error ?? (file.installed ? "installed" : "not installed"),
                cell: (file) => <span className={file.error ? "text-failed" : file.installed ? "text-working" : "text-faint"}>{file.error ?? (file.installed ? "installed" : "not installed")}</span>,
              },
            ]}
          />
        )}
      </Answer>
    </Section>
  );
}

function Rules() {
  const alerts = useQuery({ queryKey: ["alerts"], queryFn: () => api<{ rules: { name: string; kind: string; threshold: string; channels: string[] }[] }>("/api/v1/alerts?open=true") });
  if (!alerts.data?.rules.length) return null;
  return (
    <Section title="Alert rules">
      <DataTable
        label="Alert rules" rows={alerts.data.rules} rowKey={(rule) => rule.name}
        columns={[
          { name: "Rule", value: (rule) => rule.name },
          { name: "Watches", value: (rule) => rule.kind.replaceAll("_", " ") },
          { name: "After", value: (rule) => rule.threshold },
          { name: "Tells", value: (rule) => rule.channels.join(", ") },
        ]}
      />
    </Section>
  );
}

interface Config {
  file: string;
  file_exists: boolean;
  settings: { key: string; value: string; origin: string; place: string | null }[];
}

function Configuration() {
  const settings = useQuery({ queryKey: ["settings"], queryFn: () => api<Config>("/api/v1/settings") });
  const file = settings.data ? `${settings.data.file}${settings.data.file_exists ? "" : " (not there: all defaults)"}` : undefined;
  return (
    <Section title="Configuration" note={file}>
      <Answer query={settings}>
        {(data) => (
          <DataTable
            label="Configuration" rows={data.settings} rowKey={(setting) => setting.key}
            columns={[
              { name: "Setting", value: (setting) => setting.key, cell: (setting) => <code className="font-mono text-xs">{setting.key}</code> },
              { name: "Value", value: (setting) => setting.value, cell: (setting) => <code className="font-mono text-xs" title={setting.value}>{setting.value}</code> },
              { name: "From", value: (setting) => setting.place ?? setting.origin, cell: (setting) => <span className={setting.origin === "default" ? "text-faint" : ""}>{setting.place ?? setting.origin}</span> },
            ]}
          />
        )}
      </Answer>
    </Section>
  );
}

interface Rates {
  input: number;
  output: number;
  cache_read: number | null;
  cache_write_5m: number | null;
  cache_write_1h: number | null;
}

interface Price {
  model: string;
  provider: string;
  origin: string;
  context_window: number | null;
  modes: Partial<Record<string, Rates & { since: string | null }>>;
}

function Prices() {
  const [text, setText] = useState("");
  const prices = useQuery({ queryKey: ["prices"], queryFn: () => api<{ models: Price[] }>("/api/v1/prices"), staleTime: Infinity });
  const shown = (prices.data?.models ?? []).filter((price) => price.model.includes(text.toLowerCase()));
  const rate = (price: Price, name: keyof Rates) => price.modes.standard?.[name] ?? null;
  const column = (name: string, key: keyof Rates) => ({
    name, numeric: true, value: (price: Price) => rate(price, key), cell: (price: Price) => rate(price, key) ?? "–",
  });
  return (
    <Section title="Prices" note="US dollars for a million tokens, standard" aside={<input type="search" className="field" placeholder="Model" aria-label="Find a model's price" value={text} onChange={(event) => setText(event.target.value)} />}>
      <Answer query={prices}>
        {() => (
          <DataTable
            label="Prices" rows={shown} rowKey={(price) => `${price.provider} ${price.model}`} limit={25} rest="type a part of a name to find them"
            columns={[
              { name: "Model", value: (price) => price.model },
              { name: "Provider", value: (price) => price.provider },
              column("Input", "input"),
              column("Cache write 5m", "cache_write_5m"),
              column("Cache write 1h", "cache_write_1h"),
              column("Cache read", "cache_read"),
              column("Output", "output"),
              { name: "From", value: (price) => price.origin, cell: (price) => <span className={price.origin === "config" ? "" : "text-faint"}>{price.origin}</span> },
            ]}
          />
        )}
      </Answer>
    </Section>
  );
}

function AboutPart() {
  const about = useQuery({ queryKey: ["about"], queryFn: () => api<About>("/api/v1/about"), staleTime: Infinity });
  if (!about.data) return null;
  return (
    <p className="px-4 pb-4 text-sm text-faint">
      agentmon {about.data.version}, running since <Ago at={about.data.started_at} />, time zone {about.data.time_zone}
      {about.data.writes ? "" : "; another process writes the database, this one shows it"}.{" "}
      <a href="/plain" className="link">The sessions without JavaScript</a> · <a href="/api/v1/openapi.json" className="link">API</a>
    </p>
  );
}
