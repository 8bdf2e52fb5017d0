/** What `sluice up` was asked for. */
export interface UpOptions {
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  readonly data?: string;
  readonly readyFile?: string;
  /** False with --no-model. */
  readonly model: boolean;
  readonly demoModel?: boolean;
}
