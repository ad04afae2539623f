/** Pictures of a transcript. They are not stored: the server reads them from the agent's file while somebody looks. */

import { createContext, useContext, useState } from "react";

/** The session whose transcript is shown. */
export const SessionId = createContext("");

/** The images of an event: of a tool's result, or of a prompt. */
export function Images({ event, count }: { event: number; count: number }) {
  const session = useContext(SessionId);
  return (
    <ul className="flex flex-wrap gap-2" aria-label="Images">
      {Array.from({ length: count }, (_, index) => (
        <li key={index} className="min-w-0"><Picture path={`/api/v1/sessions/${encodeURIComponent(session)}/images/${event}?index=${index}`} name={`Image ${index + 1} of ${count}`} /></li>
      ))}
    </ul>
  );
}

function Picture({ path, name }: { path: string; name: string }) {
  const [isMissing, setMissing] = useState(false);
  if (isMissing) return <p className="text-xs text-faint">{name}: not shown. It is in the agent&apos;s own file, if that is still there.</p>;
  return (
    <a href={path} target="_blank" rel="noreferrer">
      <img src={path} alt={name} loading="lazy" onError={() => setMissing(true)} className="max-h-80 min-h-6 min-w-6 max-w-full rounded border border-line bg-sunken object-contain" />
    </a>
  );
}

/** How many images a prompt names: terminals write `[Image #3]` where one was put in, agentmon a line for each behind it. */
export function imagesOf(prompt: string): number {
  return prompt.match(/\[Image #\d+\]|^\[image\]$/gm)?.length ?? 0;
}

/** A text without the lines that stand for images, which are shown below it. */
export function withoutMarks(text: string): string {
  return text.replaceAll(/^\[image\]\n?/gm, "").trimEnd();
}
