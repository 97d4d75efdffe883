import { useQuery } from '@apollo/client/react';
import { useRef } from 'react';
import { useTokenDialog } from './access-token.js';
import { useAnnounce } from './announcer.js';
import { ConnectionForm } from './connection-form.js';
import type { ListHandle } from './connection-list.js';
import { ConnectionList } from './connection-list.js';
import { ReadFormRules } from './documents.js';
import { problemOf } from './gateway-problem.js';
import { ProblemNotice } from './problem-notice.js';

/** The page. */
export function App() {
  const askForToken = useTokenDialog();
  const announce = useAnnounce();
  const list = useRef<ListHandle>(null);
  const { data, previousData, error, refetch } = useQuery(ReadFormRules, { notifyOnNetworkStatusChange: true });
  // A form that is filled in stays while the rules are read again, such as with another access token.
  const rules = data ?? previousData;
  return (
    <>
      <header className="top">
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" /> Datasource connections
        </h1>
        <nav aria-label="Page">
          {rules && <a href="#create-title">New connection</a>}
          <button type="button" className="quiet" onClick={askForToken}>
            Access token
          </button>
        </nav>
      </header>
      <main>
        {rules ? (
          <>
            <ConnectionList rules={rules} handle={list} />
            <ConnectionForm
              rules={rules}
              onCreated={({ id, name }) => {
                announce(`DLI has accepted ${name}.`);
                list.current?.show(id);
              }}
            />
          </>
        ) : error ? (
          <ProblemNotice problem={problemOf(error)} onRetry={() => refetch().catch(() => {})} />
        ) : (
          <p className="empty" role="status">
            Loading …
          </p>
        )}
      </main>
    </>
  );
}
