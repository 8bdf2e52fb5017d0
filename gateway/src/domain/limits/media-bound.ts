import { MEDIA_TOKENS, type MediaPart } from '@sluice/segment';

/** What a part of a message that is no text can take. */
export interface MediaTokens {
  /** As limits are charged. */
  readonly charged: number;
  /** As money is set aside. Undefined where it may be anything: packed, or somewhere else. */
  readonly most: number | undefined;
}

/** The most that a picture is charged as: gpt-4o-mini takes 2,833 tokens and 5,667 for each of up to eight tiles. */
const IMAGE_MOST_TOKENS = 49_152;
/** A second of sound takes some ten tokens, and in MP3 a thousand bytes at the least. */
const SOUND_BYTES_A_TOKEN = 16;

const PICTURE = /^(?:https?:\/\/|data:image\/)/i;
/** Some servers take an address where data belongs: none is made of these characters alone. WAV and MP3 by how they begin, for what they say they are: silence in FLAC takes next to nothing. */
const SOUND = /^(?:data:audio\/[a-z0-9.+-]+(?:;[a-z0-9.=+-]+)?;base64,)?(?:UklGR|SUQz|\/\/)[A-Za-z0-9+/_=-]*$/;
const SOUND_FORMATS: ReadonlySet<unknown> = new Set(['wav', 'mp3']);
const TEXT_FILE = /^data:(?:text\/[a-z0-9.+-]+|application\/(?:json|xml|yaml|x-yaml|x-ndjson|javascript|sql|toml))(?:; *charset=[a-z0-9-]+)?;base64,/i;
/** What else a server may take as the place where the data is. */
const SOUND_MEMBERS = new Set(['data', 'format']);
const FILE_MEMBERS = new Set(['file_data', 'filename', 'format']);

type Members = Readonly<Record<string, unknown>>;

/** Text takes its bytes at most, and plain sound far less. */
export function mediaTokens(part: MediaPart): MediaTokens {
  const media = part[part.type];
  const members = (typeof media === 'object' && media !== null ? media : {}) as Members;
  return { charged: MEDIA_TOKENS, most: mostOf(part.type, media, members) };
}

function mostOf(type: string, media: unknown, members: Members): number | undefined {
  const { url = media, data, file_data: file, format } = members;
  if (type === 'image_url') return typeof url === 'string' && PICTURE.test(url) ? IMAGE_MOST_TOKENS : undefined;
  if (type === 'input_audio' && typeof data === 'string' && isOnly(members, SOUND_MEMBERS) && SOUND_FORMATS.has(format) && SOUND.test(data)) return Math.max(MEDIA_TOKENS, Math.ceil(bytesOf(data) / SOUND_BYTES_A_TOKEN));
  if (type === 'file' && typeof file === 'string' && isOnly(members, FILE_MEMBERS) && TEXT_FILE.test(file)) return Math.max(MEDIA_TOKENS, bytesOf(file));
  return undefined;
}

function isOnly(members: Members, known: ReadonlySet<string>): boolean {
  return Object.keys(members).every((name) => known.has(name));
}

/** Of base64 text. */
function bytesOf(encoded: string): number {
  return Math.ceil((encoded.length * 3) / 4);
}
