/** The channel of NOTIFY on which writers wake readers. Notices carry no content and may be lost. */
export const CHANNEL = 'sluice_events';

/** Milliseconds since 1970 by the database's clock. */
export const NOW_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

export type Notice =
  | { readonly kind: 'published'; readonly topic: string }
  | { readonly kind: 'beat'; readonly topic: string; readonly head: bigint }
  /** A consumer was put back to where it was before; it may be one that runs. */
  | { readonly kind: 'rewound'; readonly topic: string }
  | { readonly kind: 'segment' };

export const SEGMENT_NOTICE = 'segment';
/** The text before the topic's name; a beat's head follows the name. */
export const PUBLISHED_PREFIX = 'published ';
export const BEAT_PREFIX = 'beat ';
export const REWOUND_PREFIX = 'rewound ';

/** Undefined for what another version may have sent. */
export function parseNotice(payload: string): Notice | undefined {
  const [kind, topic, head] = payload.split(' ');
  if (kind === 'segment') return { kind };
  if ((kind === 'published' || kind === 'rewound') && topic) return { kind, topic };
  if (kind === 'beat' && topic && /^\d+$/.test(head ?? '')) return { kind, topic, head: BigInt(head!) };
  return undefined;
}
