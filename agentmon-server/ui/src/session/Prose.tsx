/** Markdown that an agent wrote. No HTML of its own, no pictures from elsewhere, no addresses but of the web. */

import { lazy, memo, Suspense, type ComponentProps } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

const Code = lazy(() => import("./Code"));

/** The address of a link if it is one of the web, else nothing. */
export function safeUrl(url: string): string {
  return /^(https?:|mailto:)/i.test(url.trim()) ? url : "";
}

const COMPONENTS: ComponentProps<typeof Markdown>["components"] = {
  a: ({ href, children }) =>
    href ? <a href={href} target="_blank" rel="noreferrer noopener nofollow" className="link">{children}</a> : <span>{children}</span>,
  img: ({ alt, src }) => <span className="text-faint">[image: {alt ?? (typeof src === "string" ? src : "")}]</span>,
  pre: ({ children }) => <>{children}</>,
  code: ({ className, children }) => {
    const text = typeof children === "string" ? children : "";
    const language = /language-([\w+-]+)/.exec(className ?? "")?.[1];
    if (!language && !text.includes("\n")) return <code>{children}</code>;
    const code = text.replace(/\n$/, "");
    return <Suspense fallback={<pre>{code}</pre>}><Code text={code} language={language} label="Code" /></Suspense>;
  },
  input: ({ checked }) => <span>{checked ? "☑" : "☐"} </span>,
};

export default memo(function Prose({ text }: { text: string }) {
  return (
    <div className="prose" dir="auto">
      <Markdown remarkPlugins={[remarkGfm]} components={COMPONENTS} urlTransform={safeUrl} skipHtml={false}>{text}</Markdown>
    </div>
  );
});
