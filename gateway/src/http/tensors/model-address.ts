/** What an address under `/v2/models/` asks for. */
export interface ModelAddress {
  /** As the client named it; it may hold slashes. */
  readonly model: string;
  /** Empty: any. */
  readonly version: string;
  /** `metadata` where nothing stands behind the model. */
  readonly what: string;
}

const ADDRESS = /^(?<model>.+?)(?:\/versions\/(?<version>[^/]+))?(?:\/(?<what>infer|ready|config|stats|generate|generate_stream))?$/;

/** Reads `{name}[/versions/{version}][/{what}]`, decoded; undefined where it names no model. */
export function modelAddress(path: string): ModelAddress | undefined {
  const found = ADDRESS.exec(path)?.groups;
  return found && { model: found['model']!, version: found['version'] ?? '', what: found['what'] ?? 'metadata' };
}
