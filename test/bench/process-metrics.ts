import { existsSync, readFileSync } from 'node:fs';

/**
 * Length of one clock tick in `/proc/<pid>/stat`: Linux reports to user space in 1/100 s (USER_HZ), no matter at which
 * rate the kernel ticks.
 */
const TICK_MS = 10;

/** CPU time that a process has used so far, user and system, in milliseconds (resolution 10 ms). */
export interface CpuTime {
  /** Of all threads. */
  readonly totalMs: number;
  /** Of the main thread, which runs the JavaScript. */
  readonly mainThreadMs: number;
}

/** Throws, with the reason, on a system without Linux's `/proc`, because nothing here can be measured without it. */
export function requireProc(): void {
  if (existsSync('/proc/self/stat') && existsSync('/proc/self/status')) return;
  throw new Error('The measurement reads /proc/<pid>/stat and /proc/<pid>/status, so it runs on Linux only.');
}

/**
 * CPU time that a process has used so far.
 *
 * @throws {Error} when there is no such process.
 */
export function readCpuTime(pid: number): CpuTime {
  return {
    totalMs: readCpuMs(`/proc/${pid}/stat`),
    // The main thread has the id of the process.
    mainThreadMs: readCpuMs(`/proc/${pid}/task/${pid}/stat`),
  };
}

function readCpuMs(file: string): number {
  const stat = readFileSync(file, 'utf8');
  // The second field, the command, may contain spaces and parentheses; the third starts after the last ")".
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // proc_pid_stat(5): utime is field 14 and stime field 15, counted from 1.
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) * TICK_MS;
}

/**
 * Current resident memory of a process (VmRSS), in megabytes of 10^6 bytes.
 *
 * @throws {Error} when there is no such process.
 */
export function readRssMb(pid: number): number {
  return (readMemoryKib(pid, 'VmRSS') * 1024) / 1e6;
}

/**
 * Memory that a process has allocated itself (RssAnon), in megabytes of 10^6 bytes. It excludes the mapped file of the
 * records, which grows with them and whose pages the kernel drops when it needs room.
 *
 * @throws {Error} when there is no such process.
 */
export function readAllocatedMb(pid: number): number {
  return (readMemoryKib(pid, 'RssAnon') * 1024) / 1e6;
}

/** {@link readRssMb} in mebibytes. */
export function readRssMib(pid: number): number {
  return readMemoryKib(pid, 'VmRSS') / 1024;
}

/**
 * Peak resident memory of a process (VmHWM), in mebibytes.
 *
 * @throws {Error} when there is no such process.
 */
export function readPeakRssMib(pid: number): number {
  return readMemoryKib(pid, 'VmHWM') / 1024;
}

/** TCP connections to a local port that are not closed, from `/proc/net/tcp` (IPv4). */
export function countConnections(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  // Fields: number, local address, remote address, state; 06 is TIME_WAIT and 0A is LISTEN.
  return rows.filter(row => {
    const [, address = '', , state = ''] = row.trim().split(/\s+/);
    return `${address} `.endsWith(local) && state !== '06' && state !== '0A';
  }).length;
}

// The kernel writes "kB" and means 1024 bytes.
function readMemoryKib(pid: number, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`/proc/${pid}/status has no ${field}.`);
  return Number(match[1]);
}
