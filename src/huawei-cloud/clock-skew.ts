import type { Logger } from '../lib/logger.js';
import type { Clock } from '../lib/time.js';

/** Bounds on how far Huawei Cloud's clock is ahead of the local clock, in milliseconds. */
interface SkewBounds {
  minMs: number;
  maxMs: number;
}

/** The skew that most responses agree on, which a single odd `Date` does not change. */
export interface SkewEstimate extends SkewBounds {
  /** Wider bounds, which also cover other recent responses and, before three have agreed, no skew at all. */
  possible: SkewBounds;
  /**
   * Bounds that can be relied on. Before three responses have agreed, they are the intersection of all plausible
   * bounds, and the minimum exceeds the maximum if those contradict each other.
   */
  certain: SkewBounds;
}

/** A log record of {@link ClockSkew}: the bounds are those of the skew. */
interface SkewRecord {
  operation: 'clock';
  outcome: 'WRONG' | 'RIGHT';
  target: 'dli' | 'iam';
  minSeconds: number;
  maxSeconds: number;
}

/** What some responses in a row say about the skew. */
interface Observation extends SkewBounds {
  responses: number;
  seenAtMs: number;
}

// Huawei Cloud refuses signatures from 15 minutes of skew on, see docs/sources.md.
const MAX_SKEW_MS = 5 * 60_000;
// Without recent responses the clocks may have been corrected.
const VERDICT_LIFE_MS = 60_000;
const DATE_STEP_MS = 1_000;
// A single response may come from a machine or a proxy whose clock is wrong.
const RESPONSES_TO_CONFIRM = 3;
const AGREEMENT_MS = 5_000;
// Longer than a create takes to appear in DLI's list.
const OUTLIER_LIFE_MS = 3_600_000;
const NO_SKEW: SkewBounds = { minMs: 0, maxMs: 0 };

/**
 * Estimates the skew of Huawei Cloud's clock from the `Date` of its responses, each of which narrows the bounds.
 *
 * Responses that contradict the estimate replace it when three in a row agree with each other.
 */
export class ClockSkew {
  readonly #estimate = new Consensus();
  /** The same, but a refused signature counts as three responses, which is too weak to attribute connections by. */
  readonly #verdict = new Consensus();
  #isWrong = false;

  constructor(
    private readonly clock: Clock,
    private readonly target: SkewRecord['target'],
    private readonly log: Pick<Logger<SkewRecord>, 'info' | 'warn'>,
  ) {}

  /** The estimated skew; undefined before the first response with a `Date`. */
  get bounds(): SkewEstimate | undefined {
    const { known, outlier } = this.#estimate;
    if (known === undefined) return undefined;
    const isConfirmed = known.responses >= RESPONSES_TO_CONFIRM;
    const isRecent = outlier !== undefined && this.clock.monotonicMs() - outlier.seenAtMs < OUTLIER_LIFE_MS;
    const possible = [known, ...(isConfirmed ? [] : [NO_SKEW]), ...(isRecent ? [outlier] : [])];
    const plausible = isConfirmed ? [known] : possible;
    const { minMs, maxMs } = known;
    return {
      minMs,
      maxMs,
      possible: {
        minMs: Math.min(...possible.map(each => each.minMs)),
        maxMs: Math.max(...possible.map(each => each.maxMs)),
      },
      certain: {
        minMs: Math.max(...plausible.map(each => each.minMs)),
        maxMs: Math.min(...plausible.map(each => each.maxMs)),
      },
    };
  }

  /** Local wall-clock time, to be captured when a request is sent. */
  nowMs(): number {
    return this.clock.epochMs();
  }

  /**
   * Records the `Date` of a response, which has whole seconds, and the send time of its request.
   *
   * @param isSignatureExpired whether Huawei Cloud refused the request for the date of its signature, which confirms
   *   that a `Date` is far off
   */
  observe(date: string | undefined, sentAtMs: number, isSignatureExpired = false): void {
    const serverMs = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isNaN(serverMs)) return;
    const seen: Observation = {
      minMs: serverMs - this.clock.epochMs(),
      maxMs: serverMs + DATE_STEP_MS - sentAtMs,
      responses: 1,
      seenAtMs: this.clock.monotonicMs(),
    };
    this.#estimate.add(seen);
    const isConfirmed = isSignatureExpired && exceedsMaxSkew(seen);
    this.#verdict.add(isConfirmed ? { ...seen, responses: RESPONSES_TO_CONFIRM } : seen);
    this.#logChange();
  }

  /** Whether the skew is known to have exceeded 5 minutes within the last minute. */
  isTooFar(): boolean {
    this.#logChange();
    return this.#isWrong;
  }

  #logChange(): void {
    const { known } = this.#verdict;
    if (known === undefined) return;
    const isRecent = this.clock.monotonicMs() - known.seenAtMs < VERDICT_LIFE_MS;
    const isWrong = isRecent && known.responses >= RESPONSES_TO_CONFIRM && exceedsMaxSkew(known);
    if (isWrong === this.#isWrong) return;
    this.#isWrong = isWrong;
    const record = {
      operation: 'clock',
      target: this.target,
      minSeconds: toSeconds(known.minMs),
      maxSeconds: toSeconds(known.maxMs),
    } as const;
    if (isWrong) this.log.warn({ ...record, outcome: 'WRONG' }, 'the clock differs too much from that of Huawei Cloud');
    else this.log.info({ ...record, outcome: 'RIGHT' }, 'the clock no longer counts as wrong');
  }
}

/** What most responses say, which changes when {@link RESPONSES_TO_CONFIRM} others in a row agree. */
class Consensus {
  known: Observation | undefined;
  /** What the latest responses that contradict `known` said, or `known` before it was replaced. */
  outlier: Observation | undefined;

  add(seen: Observation): void {
    const { known, outlier } = this;
    if (known === undefined || distance(seen, known) === 0) {
      this.known = join(known, seen);
      // No longer in a row.
      if (outlier !== undefined) this.outlier = { ...outlier, responses: 0 };
      return;
    }
    const agrees = outlier !== undefined && distance(seen, outlier) <= AGREEMENT_MS;
    this.outlier = join(agrees ? outlier : undefined, seen);
    if (this.outlier.responses < RESPONSES_TO_CONFIRM) return;
    this.known = this.outlier;
    this.outlier = { ...known, responses: 0, seenAtMs: seen.seenAtMs };
  }
}

/** The intersection of both, or the later one if they contradict each other slightly. */
function join(earlier: Observation | undefined, later: Observation): Observation {
  if (earlier === undefined) return later;
  const responses = earlier.responses + later.responses;
  if (distance(earlier, later) > 0) return { ...later, responses };
  return {
    ...later,
    minMs: Math.max(earlier.minMs, later.minMs),
    maxMs: Math.min(earlier.maxMs, later.maxMs),
    responses,
  };
}

/** How far apart two bounds are; 0 if they overlap. */
function distance(one: SkewBounds, other: SkewBounds): number {
  return Math.max(0, one.minMs - other.maxMs, other.minMs - one.maxMs);
}

function exceedsMaxSkew({ minMs, maxMs }: SkewBounds): boolean {
  return minMs > MAX_SKEW_MS || maxMs < -MAX_SKEW_MS;
}

function toSeconds(ms: number): number {
  return Math.round(ms / 1_000);
}
