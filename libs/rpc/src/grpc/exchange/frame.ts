/** The rpc that carries an exchange; on no page of the contracts, because only this library speaks it. */
export const EXCHANGE_PATH = '/sluice.rpc.v1.Exchange/Exchange';

/** What a frame says of the call that it belongs to. */
export const FRAME = {
  /** Caller: a call begins; an `OpenHead` as JSON. */
  open: 0,
  /** A part of a message; more of it follows. */
  piece: 1,
  /** A message, or the last part of one. */
  message: 2,
  /** No more messages of this side. From the one that serves: the call ended well. */
  end: 3,
  /** The call failed; what `encodeFailure` makes of why. */
  fail: 4,
  /** Caller: wants no more of this call. */
  cancel: 5,
  /** So many more bytes may be sent; a number of 32 bits. */
  room: 6,
  /** The call reached no handler: it is to be made elsewhere. */
  refuse: 7,
  /** Of no call: no new ones are taken here. */
  leave: 8,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  /** Given by the caller; 0 where a frame belongs to no call. */
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Kind, id and length of what follows. */
export const HEAD_BYTES = 9;
const KINDS = new Set<number>(Object.values(FRAME));
const EMPTY = new Uint8Array();

/** Several frames as one message of gRPC. */
export function joinFrames(frames: readonly Frame[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(frames.reduce((sum, { payload }) => sum + HEAD_BYTES + payload.length, 0));
  let at = 0;
  for (const { kind, id, payload } of frames) {
    bytes.writeUInt8(kind, at);
    bytes.writeUInt32BE(id, at + 1);
    bytes.writeUInt32BE(payload.length, at + 5);
    bytes.set(payload, at + HEAD_BYTES);
    at += HEAD_BYTES + payload.length;
  }
  return bytes;
}

/** Throws a RangeError for anything but whole frames of known kinds. Payloads are views of what was given. */
export function splitFrames(bytes: Uint8Array): Frame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    // Behind the end of the bytes the view throws.
    const [kind, id, length] = [view.getUint8(at), view.getUint32(at + 1), view.getUint32(at + 5)];
    const end = at + HEAD_BYTES + length;
    if (!KINDS.has(kind) || end > bytes.length) throw new RangeError('what came over an exchange is no frame');
    frames.push({ kind: kind as FrameKind, id, payload: length === 0 ? EMPTY : bytes.subarray(at + HEAD_BYTES, end) });
    at = end;
  }
  return frames;
}
