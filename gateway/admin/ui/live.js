// Parts that follow what happens: by events of the feed, or by asking again.
import { useEffect, useState } from "./html.js";
import { listen } from "./feed.js";

// Draw again at each event of these kinds.
export function useFeed(...kinds) {
  const [, turn] = useState(0);
  useEffect(() => {
    const again = () => turn((count) => count + 1);
    const left = listen((kind) => kinds.includes(kind) && again());
    again(); // what happened since it was drawn, and before anybody listened: the first connection is often that quick
    return left;
  }, []);
}

// Ask again and again while this is shown; what was answered stays until there is something newer.
export function useAsked(ask, seconds, ...changes) {
  const [found, set] = useState({ value: null, error: null });
  useEffect(() => {
    let ended = false;
    let timer = 0;
    const again = async () => {
      try {
        const value = await ask();
        if (!ended) set({ value, error: null });
      } catch (error) {
        if (!ended) set((before) => ({ ...before, error }));
      }
      if (!ended && seconds) timer = setTimeout(again, seconds * 1000);
    };
    again();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, changes);
  return found;
}
