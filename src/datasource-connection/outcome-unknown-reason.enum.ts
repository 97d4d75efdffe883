import { registerEnumType } from 'type-graphql';

/** Why it is not known whether a create or a delete worked, for callers. */
export enum OutcomeUnknownReason {
  TIMEOUT_AFTER_SEND = 'TIMEOUT_AFTER_SEND',
  CONNECTION_LOST = 'CONNECTION_LOST',
  UPSTREAM_ERROR = 'UPSTREAM_ERROR',
  UNREADABLE_RESPONSE = 'UNREADABLE_RESPONSE',
  UNEXPECTED_REDIRECT = 'UNEXPECTED_REDIRECT',
  GATEWAY_RESTART = 'GATEWAY_RESTART',
  STORE_LOST = 'STORE_LOST',
}

registerEnumType(OutcomeUnknownReason, {
  name: 'OutcomeUnknownReason',
  description:
    'Why it is not known whether the connection was created or deleted. What to do is the same for all.',
  valuesConfig: {
    TIMEOUT_AFTER_SEND: { description: 'DLI did not answer in time.' },
    CONNECTION_LOST: { description: 'The connection to DLI broke before the whole answer was there.' },
    UPSTREAM_ERROR: {
      description: 'DLI answered with an error that does not say whether it did anything.',
    },
    UNREADABLE_RESPONSE: { description: 'DLI sent an answer that cannot be read.' },
    UNEXPECTED_REDIRECT: { description: 'DLI answered with a redirect, which is not followed.' },
    GATEWAY_RESTART: { description: 'The gateway was stopped while the request was under way.' },
    STORE_LOST: { description: "The gateway's record of the create cannot be read." },
  },
});
