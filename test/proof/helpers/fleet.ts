import type { GatewayProcess } from '../../helpers/gateway-process.js';
import { startGatewayProcess } from '../../helpers/gateway-process.js';
import type { Random } from '../../helpers/random.js';
import { pick } from '../../helpers/random.js';

/** Gateway processes that share their records, and are restarted when a test kills them. */
export class Fleet {
  readonly #environment: Record<string, string>;
  readonly #members: { process: GatewayProcess; url: Promise<string> }[] = [];
  #kills = 0;

  private constructor(environment: Record<string, string>) {
    this.#environment = environment;
  }

  /** Starts this many processes with the same environment. */
  static async start(size: number, environment: Record<string, string>): Promise<Fleet> {
    const fleet = new Fleet(environment);
    await Promise.all(Array.from({ length: size }, (_, index) => fleet.#startMember(index)));
    return fleet;
  }

  /** Number of processes that were killed. */
  get kills(): number {
    return this.#kills;
  }

  /** The endpoint of each process; waits for those that are starting. */
  urls(): Promise<string[]> {
    return Promise.all(this.#members.map(({ url }) => url));
  }

  /** The endpoint of a random process. */
  url(random: Random): Promise<string> {
    return pick(random, this.#members).url;
  }

  /** Kills a random process with SIGKILL and restarts it. */
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

  /** Everything that the running processes wrote to stderr. */
  stderr(): string {
    return this.#members.map(({ process }) => process.stderr()).join('');
  }

  #startMember(index: number): Promise<string> {
    const process = startGatewayProcess(this.#environment);
    const url = process.addresses().then(({ graphqlUrl }) => graphqlUrl);
    this.#members[index] = { process, url };
    return url;
  }
}
