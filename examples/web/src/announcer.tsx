import type { ReactNode } from 'react';
import { createContext, use, useCallback, useState } from 'react';

const Announce = createContext<(text: string) => void>(() => {});

/** Returns a function that makes screen readers say a text, without moving the focus. */
export function useAnnounce(): (text: string) => void {
  return use(Announce);
}

/** Holds the page's live region. */
export function Announcer({ children }: { children: ReactNode }) {
  const [spoken, setSpoken] = useState({ text: '', count: 0 });
  // A new element is announced even if its text is the same as before.
  const announce = useCallback((text: string) => setSpoken(({ count }) => ({ text, count: count + 1 })), []);
  return (
    <Announce value={announce}>
      {children}
      <div className="visually-hidden" role="status">
        <span key={spoken.count}>{spoken.text}</span>
      </div>
    </Announce>
  );
}
