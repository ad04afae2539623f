/** The screens and where they are. All but the board come when they are asked for. */

import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { Component, lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import Board from "../board/Board";
import { api, ApiError, queries } from "../lib/api";
import type { About } from "../lib/types";
import { Empty, Failure, Loading } from "../ui/parts";
import { useLink } from "../live/live";
import { screens } from "./screens";
import { Shell } from "./Shell";
import { useBoardTopic } from "./useBoardTopic";

const Session = lazy(screens.session);
const Activity = lazy(screens.activity);
const Usage = lazy(screens.usage);
const Search = lazy(screens.search);
const Settings = lazy(screens.settings);
const Chat = lazy(screens.chat);
const Agents = lazy(screens.agents);

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Gate>
        <Shell>
          <Screens />
        </Shell>
      </Gate>
    </QueryClientProvider>
  );
}

/** Where the server wants a token and this browser has none, it says how to get in. */
function Gate({ children }: { children: ReactNode }) {
  const about = useQuery({ queryKey: ["about"], queryFn: () => api<About>("/api/v1/about"), staleTime: Infinity });
  if (about.error instanceof ApiError && about.error.status === 401) {
    return (
      <main>
        <Empty title="This server does not know you yet">
          <p>
            Open the link that <code>agentmon serve</code> prints when it starts: it lets this browser in, once. From
            another machine, have somebody send you a new one.
          </p>
          <p><button type="button" className="button" onClick={() => void about.refetch()}>Try again</button></p>
        </Empty>
      </main>
    );
  }
  return children;
}

/** A part of the address as it was before it was encoded. The router decodes halfway: ids may hold slashes and percents. */
function part(index: number): string | null {
  const found = window.location.pathname.split("/")[index];
  if (!found) return null;
  try {
    return decodeURIComponent(found);
  } catch {
    return found;
  }
}

function Screens() {
  const [location] = useLocation();
  useBoardTopic();
  return (
    <Caught key={location.startsWith("/chat") ? "/chat" : location}>
      <Suspense fallback={<Loading />}>
        <Switch>
          <Route path="/"><Board /></Route>
          <Route path="/s/:id">{() => <Session key={location} id={part(2) ?? ""} />}</Route>
          <Route path="/activity"><Activity /></Route>
          <Route path="/usage"><Usage /></Route>
          <Route path="/search"><Search /></Route>
          <Route path="/settings"><Settings /></Route>
          <Route path="/chat/:gateway?/:session?">
            {() => <Chat gateway={part(2)} session={part(3)} />}
          </Route>
          <Route path="/agents"><Agents /></Route>
          <Route>
            <h1 className="sr-only">Not found</h1>
            <Empty title="There is no such page"><p><Link href="/" className="link">To the board</Link></p></Empty>
          </Route>
        </Switch>
      </Suspense>
    </Caught>
  );
}

/** A screen that fails says so; the rest of the page goes on. */
class Caught extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    if (error instanceof TypeError && /import/.test(error.message)) return <Unloaded />;
    return <Failure error={error} retry={() => window.location.reload()} />;
  }
}

/** A part of the page could not be loaded: the server is gone, or another version of it came. It is tried again as soon as the server is there. */
function Unloaded() {
  const link = useLink((state) => state.link);
  const [first] = useState(link);
  useEffect(() => {
    if (link === "live" && first !== "live") window.location.reload();
  }, [link, first]);
  if (link === "live") return <Failure error={new Error("This screen could not be loaded.")} retry={() => window.location.reload()} />;
  return <Failure error={new Error("This screen could not be loaded: the server does not answer. It appears when the server is back.")} />;
}
