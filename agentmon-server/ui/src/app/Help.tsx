/** The keys, all on one page. */

import { Dialog } from "../ui/parts";
import { show } from "./overlay";

const KEYS: readonly { title: string; keys: readonly [string, string][] }[] = [
  {
    title: "Anywhere",
    keys: [
      ["Ctrl K", "Commands: sessions, screens, theme"],
      ["/", "Search"],
      ["n", "Next session that needs you"],
      ["?", "This page"],
      ["Esc", "Close, or back to the board"],
    ],
  },
  {
    title: "Go to",
    keys: [
      ["g b", "Board"], ["g e", "Activity"], ["g u", "Usage"], ["g s", "Search"], ["g c", "Chat"],
      ["g m", "Work tracked by hand"], ["g ,", "Settings"],
    ],
  },
  {
    title: "Board",
    keys: [
      ["j k", "Down, up"], ["Enter", "Open"], ["Space", "Peek"], ["f", "Filter"], ["u", "Take in what changed"],
      ["y", "Copy the command that resumes it"],
    ],
  },
  {
    title: "Session",
    keys: [
      ["1 2 3 4 5 6", "Transcript, Events, Artifacts, Cost, Logs, Why"], ["j k", "Next, previous block"], ["J K", "Next, previous prompt"],
      ["o", "Open or close a block"], ["f", "Find"], ["G", "To the newest, and follow"], ["[ ]", "Previous, next session"],
      ["y", "Copy the command that resumes it"], ["c", "Chat with it, where a gateway knows it"],
    ],
  },
  { title: "Chat", keys: [["a", "Allow once what is asked first"], ["d", "Deny it"]] },
];

export default function Help() {
  return (
    <Dialog label="Keyboard shortcuts" onClose={() => show(null)} className="w-[min(94vw,46rem)]">
      <div className="grid gap-x-8 gap-y-5 p-6 sm:grid-cols-2">
        {KEYS.map(({ title, keys }) => (
          <section key={title}>
            <h2 className="mb-2 font-semibold">{title}</h2>
            <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1.5">
              {keys.map(([key, what]) => (
                <div key={key} className="contents">
                  <dt className="flex items-start gap-1 pt-px">{key.split(" ").map((part) => <kbd key={part}>{part}</kbd>)}</dt>
                  <dd className="text-dim">{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <p className="text-sm text-faint sm:col-span-2">Single keys are off while you type.</p>
      </div>
    </Dialog>
  );
}
