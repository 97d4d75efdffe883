import type { GatewayProcess } from '../../helpers/gateway-process.js';
import { startGatewayProcess } from '../../helpers/gateway-process.js';
import type { Random } from './random.js';
import { pick } from './random.js';

/** Gateways that share their records; any of them may be killed at any time and is started anew. */
export class Fleet {
  readonly #environment: Record<string, string>;
  readonly #members: { process: GatewayProcess; url: Promise<string> }[] = [];
  #kills = 0;

  private constructor(environment: Record<string, string>) {
    this.#environment = environment;
  }

  /** Starts so many processes with the same environment. */
  static async start(size: number, environment: Record<string, string>): Promise<Fleet> {
    const fleet = new Fleet(environment);
    for (let index = 0; index < size; index += 1) fleet.#startMember(index);
    await Promise.all(fleet.#members.map(({ url }) => url));
    return fleet;
  }

  /** How often a process was killed. */
  get kills(): number {
    return this.#kills;
  }

  /** The endpoint of each process, which is waited for while it starts. */
  urls(): Promise<string[]> {
    return Promise.all(this.#members.map(({ url }) => url));
  }

  /** The endpoint of one of them. */
  url(random: Random): Promise<string> {
    return pick(random, this.#members).url;
  }

  /** Ends one of them with SIGKILL, in the middle of whatever it does, and starts it anew. */
  async kill(random: Random): Promise<void> {
    const index = Math.floor(random() * this.#members.length);
    const member = this.#members[index];
    await member?.url;
    if (member === undefined || member !== this.#members[index]) return;
    this.#kills += 1;
    member.process.signal('SIGKILL');
    member.url = member.process.end().then(() => this.#startMember(index));
    await member.url;
  }

  /** What the processes that run now wrote to stderr. */
  complaints(): string {
    return this.#members.map(({ process }) => process.stderr()).join('');
  }

  #startMember(index: number): Promise<string> {
    const process = startGatewayProcess(this.#environment);
    const url = process.addresses().then(({ graphqlUrl }) => graphqlUrl);
    this.#members[index] = { process, url };
    return url;
  }
}
