import type { Logger } from 'pino';
import { createAuthenticator } from './authenticator.js';
import type { Config } from './config/config.js';
import { CredentialFiles } from './config/credential-watcher.js';
import { DliClient } from './dli/dli-client.js';
import { ClockSkew } from './huawei-cloud/clock-skew.js';
import { IamClient } from './huawei-cloud/iam-client.js';
import { Transport } from './huawei-cloud/transport.js';
import type { Clock } from './lib/time.js';

/** DLI, with everything that it takes to call it. */
export interface Upstream {
  dli: DliClient;
  /** How far the clock of Huawei Cloud is from ours. */
  skew: ClockSkew;
  /** Begins to follow credentials in files. */
  start(): void;
  /** Ends looks into the list, one of which may hang, while other calls go on. */
  stopReconciliation(): Promise<void>;
  close(): Promise<void>;
}

/** Puts together what calls DLI, with the configured credentials. */
export function openUpstream(config: Config, clock: Clock, log: Logger): Upstream {
  const { certificates } = config;
  const skew = new ClockSkew(clock);
  // Apart, so that calls that wait for DLI cannot keep others waiting, nor the gateway from signing in.
  const transport = new Transport({ skew, certificates });
  const iamTransport = new Transport({ maxConnections: 4, certificates });
  const readTransport = new Transport({ maxConnections: 20, skew, certificates });
  const deletionTransport = new Transport({ maxConnections: 5, skew, certificates });
  const reconciliationTransport = new Transport({ maxConnections: 5, skew, certificates });
  const iam = new IamClient(iamTransport, config.iamEndpoint, clock);
  const { authenticator, replaceCredentials } = createAuthenticator(config, iam, clock);
  const credentialFiles = new CredentialFiles({
    files: config.credentialFiles,
    credentials: config.credentials,
    onChange: replaceCredentials,
    log,
  });
  const endpoint = config.dliEndpoint;
  const dliTransports = { transport, readTransport, deletionTransport, reconciliationTransport };
  return {
    dli: new DliClient({ ...dliTransports, authenticator, endpoint, clock, skew, log }),
    skew,
    start: () => credentialFiles.start(),
    stopReconciliation: () => reconciliationTransport.close(),
    async close() {
      credentialFiles.close();
      await Promise.all([iamTransport, ...Object.values(dliTransports)].map(each => each.close()));
    },
  };
}
