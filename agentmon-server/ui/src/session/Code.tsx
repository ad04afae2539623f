/** Code with colours. The highlighter gives a tree, which becomes elements: no markup is made from text. */

import { toJsxRuntime } from "hast-util-to-jsx-runtime";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import { memo, useMemo, type ReactNode } from "react";
import { Fragment, jsx, jsxs } from "react/jsx-runtime";
import { Pane } from "./ToolBody";

const lowlight = createLowlight({ bash, css, diff, go, ini, java, javascript, json, python, rust, sql, typescript, xml, yaml });
lowlight.registerAlias({ ini: ["toml"], bash: ["console", "shell", "zsh"], typescript: ["tsx", "mts"], javascript: ["mjs", "cjs"], rust: ["rs"] });

/** Longest text that is coloured, in characters: colours are not worth a stalled page. */
const MAX = 40_000;

export default memo(function Code({ text, language, path, label }: { text: string; language?: string | undefined; path?: string; label: string }) {
  const name = language ?? path?.split(".").pop()?.toLowerCase() ?? "";
  const content = useMemo<ReactNode>(() => {
    if (text.length > MAX || !lowlight.registered(name)) return text;
    return toJsxRuntime(lowlight.highlight(name, text), { Fragment, jsx, jsxs }) as ReactNode;
  }, [text, name]);
  return <Pane label={label}>{content}</Pane>;
});
