import { useApolloClient } from '@apollo/client/react';
import type { FormEvent, ReactNode } from 'react';
import { createContext, use, useRef, useState } from 'react';
import { useAnnounce } from './announcer.js';
import { hasToken, setToken } from './gateway.js';

const Open = createContext<() => void>(() => {});

/** Returns a function that asks for an access token. */
export function useTokenDialog(): () => void {
  return use(Open);
}

/** Holds the dialog in which an access token is entered. The token stays in the memory of the page. */
export function AccessToken({ children }: { children: ReactNode }) {
  const client = useApolloClient();
  const announce = useAnnounce();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');

  async function submit(event: FormEvent) {
    event.preventDefault();
    setToken(text.trim());
    setText('');
    dialog.current?.close();
    announce(hasToken() ? 'The access token is used from now on.' : 'The access token is forgotten.');
    // Failures are shown where the data would be.
    await client.resetStore().catch(() => {});
  }

  return (
    <Open value={() => dialog.current?.showModal()}>
      {children}
      <dialog ref={dialog} aria-labelledby="token-title">
        <form onSubmit={submit}>
          <h2 id="token-title">Access token</h2>
          <p>
            For gateways with <code>CALLER_AUTH=jwt</code>. The token is kept in the memory of this page only, so it is
            forgotten when the page is closed or loaded again.
          </p>
          <div className="field">
            <label htmlFor="token">Token</label>
            <input
              id="token"
              type="password"
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={event => setText(event.target.value)}
            />
          </div>
          <div className="actions">
            <button type="submit">{text.trim() === '' && hasToken() ? 'Forget the token' : 'Use this token'}</button>
            <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </form>
      </dialog>
    </Open>
  );
}
