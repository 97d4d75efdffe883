/** The store must not be used as it is set up. The message names the setting first, and quotes nothing of its value. */
export class StoreUnusableError extends Error {
  override readonly name = 'StoreUnusableError';
  readonly setting: 'DATA_DIR' | 'REDIS_URL';
  readonly problem: string;

  constructor(setting: 'DATA_DIR' | 'REDIS_URL', problem: string) {
    super(`${setting}: ${problem}`);
    this.setting = setting;
    this.problem = problem;
  }
}
