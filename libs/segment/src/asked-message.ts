/** A part of a message that is no text: an object with this `type`, and a member of that name. */
export type MediaPart = { readonly type: string } & Readonly<Record<string, unknown>>;

/** What a model reads of a message. */
export interface AskedMessage {
  /** UTF-8 bytes of all that is said in it, names and numbers included. */
  readonly textBytes: number;
  readonly media: readonly MediaPart[];
}

const MEDIA_PARTS = new Set(['image_url', 'input_audio', 'file', 'video_url', 'audio_url']);
/** Names that stand in every message and in no prompt. */
const STRUCTURE = new Set(['role', 'content', 'type', 'text']);
/** Where the data of media stands, or where they are. */
const DATA = new Set(['url', 'data', 'file_data']);
/** A number takes no more characters (ECMA-262, Number::toString). */
const SCALAR_BYTES = 25;

/** @param message as it was parsed; its depth is bounded where requests are read */
export function askedMessage(message: unknown): AskedMessage {
  const content = (message as { readonly content?: unknown } | null)?.content;
  if (!Array.isArray(content)) return { textBytes: textBytes(message), media: [] };
  const media: MediaPart[] = [];
  let bytes = textBytes({ ...(message as object), content: undefined });
  for (const part of content) {
    if (isMedia(part)) media.push(part);
    bytes += textBytes(isMedia(part) ? { ...part, [part.type]: withoutData(part[part.type]) } : part);
  }
  return { textBytes: bytes, media };
}

/** A file's name is read as text. */
function withoutData(media: unknown): unknown {
  return typeof media === 'object' && media !== null ? Object.fromEntries(Object.entries(media).filter(([name]) => !DATA.has(name))) : undefined;
}

function isMedia(part: unknown): part is MediaPart {
  const type = (part as { readonly type?: unknown } | null)?.type;
  return typeof type === 'string' && MEDIA_PARTS.has(type);
}

function textBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number' || typeof value === 'boolean') return SCALAR_BYTES;
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = 0;
  if (Array.isArray(value)) for (const element of value) bytes += textBytes(element);
  else for (const [name, member] of Object.entries(value)) bytes += (STRUCTURE.has(name) ? 0 : Buffer.byteLength(name)) + textBytes(member);
  return bytes;
}
