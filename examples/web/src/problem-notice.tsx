import type { ReactNode } from 'react';
import { useTokenDialog } from './access-token.js';
import type { GatewayProblem } from './gateway-problem.js';

interface ProblemNoticeProps {
  problem: GatewayProblem;
  onRetry?: (() => void) | undefined;
  children?: ReactNode;
}

/** Says why something cannot be shown, and offers what may help. */
export function ProblemNotice({ problem, onRetry, children }: ProblemNoticeProps) {
  const askForToken = useTokenDialog();
  const { kind, title, message, traceId } = problem;
  return (
    <div className={`notice ${kind}`} role="alert">
      <p className="title">{title}</p>
      <p>{message}</p>
      {traceId && (
        <p className="hint">
          For the support: <code>{traceId}</code>
        </p>
      )}
      {children}
      <div className="actions">
        {(kind === 'unauthenticated' || kind === 'forbidden') && (
          <button type="button" onClick={askForToken}>
            Enter an access token
          </button>
        )}
        {kind !== 'unauthenticated' && onRetry && (
          <button type="button" className="quiet" onClick={onRetry}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}
