import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { SegmentEntry } from '@sluice/events';
import { believedCounts, believedTokens, MAX_CALL_NANO, type TokenCounts } from '@sluice/pricing';
import { eachField, readMessage } from '@sluice/segment';
import type { HoldTerms } from '../domain/hold.ts';
import type { Fact, OpenCall } from '../domain/call.ts';
import { freePrice, least, MAX_PRICE_NANO, most, NO_COUNTS, type Price } from '../domain/money.ts';
import { dayOf } from '../domain/period.ts';

/*
 * Of a segment billing needs a dozen fields of each record: it reads those from the wire (protobuf.dev/programming-guides/encoding)
 * and steps over commitments, digests and sealed bodies, which are nine tenths of the bytes. The spec holds this to the
 * library's encoder.
 */

/** What an entry of the log says, in order. */
export function readFacts(entry: SegmentEntry): Fact[] {
  if (entry.kind === 'closed') return [{ kind: 'closed', producer: clean(entry.producer), epoch: entry.epoch }];
  // What lies behind the close was never released, and bills nothing.
  if (entry.kind === 'late') return [];
  const { bytes, producer, epoch } = entry.segment;
  const facts: Fact[] = [];
  try {
    const reader = new BinaryReader(bytes);
    eachField(reader, reader.len, (field) => {
      if (field !== 5) return false;
      const fact = readRecord(reader, { producer: clean(producer), epoch });
      if (fact) facts.push(fact);
      return true;
    });
    return facts;
  } catch {
    // The audit keeps the bytes and says so in its log. As there, all of the segment counts or nothing.
    return [{ kind: 'unreadable' }];
  }
}

const CALL_ID = /^[0-9a-f]{32}$/;
const RECORD = { admitted: 2, output: 3, completed: 4, refused: 5 } as const;

function readRecord(reader: BinaryReader, place: { readonly producer: string; readonly epoch: bigint }): Fact | undefined {
  let callId = '';
  let fact: Fact | undefined;
  readMessage(reader, (field) => {
    if (field === 1) callId = reader.string();
    else if (field === RECORD.admitted) fact = { kind: 'admitted', call: readAdmitted(reader, callId, place) };
    else if (field === RECORD.output) fact = { kind: 'output', callId, ...readFigures(reader, 4, 5) };
    else if (field === RECORD.completed) fact = { kind: 'completed', callId, ...readFigures(reader, 6, 14) };
    else if (field === RECORD.refused) fact = { kind: 'refused', callId };
    else return false;
    return field !== RECORD.refused;
  });
  // Only Sluice makes ids; what has another form is no call.
  return CALL_ID.test(callId) ? fact : undefined;
}

function readAdmitted(reader: BinaryReader, callId: string, place: { readonly producer: string; readonly epoch: bigint }): OpenCall {
  let [organisationId, projectId, keyId, asked, modelName, admittedAtMs] = ['', '', '', '', '', 0n];
  let hold: HoldTerms = { amountNano: 0n, limited: false, outputTokens: 0n };
  let price: Price | undefined;
  readMessage(reader, (field) => {
    if (field === 1) organisationId = reader.string();
    else if (field === 2) projectId = reader.string();
    else if (field === 3) keyId = reader.string();
    else if (field === 4) asked = reader.string();
    else if (field === 6) admittedAtMs = BigInt(reader.int64());
    else if (field === 9) modelName = reader.string();
    else if (field === 10) {
      return readMessage(reader, (part) => {
        if (part === 1) hold = readHold(reader);
        else if (part === 2) price = readPrice(reader);
        else return false;
        return true;
      });
    } else return false;
    return true;
  });
  const model = clean(modelName || asked);
  return {
    callId, ...place, ...hold, organisationId: clean(organisationId), projectId: clean(projectId), keyId: clean(keyId), model,
    day: dayOf(Number(admittedAtMs)), price: price ?? freePrice(model, NO_CURRENCY), counts: NO_COUNTS,
  };
}

/** Counts and hold, where these fields have them. */
function readFigures(reader: BinaryReader, countsField: number, holdField: number): { readonly counts: TokenCounts; readonly hold: HoldTerms | undefined } {
  let counts = NO_COUNTS;
  let hold: HoldTerms | undefined;
  readMessage(reader, (field) => {
    if (field === countsField) counts = readCounts(reader);
    else if (field === holdField) hold = readHold(reader);
    else return false;
    return true;
  });
  return { counts, hold };
}

function readCounts(reader: BinaryReader): TokenCounts {
  const counts = [0n, 0n, 0n, 0n];
  readMessage(reader, (field) => {
    if (field > counts.length) return false;
    counts[field - 1] = BigInt(reader.uint64());
    return true;
  });
  const [inputTokens, outputTokens, cachedInputTokens, reasoningTokens] = counts as [bigint, bigint, bigint, bigint];
  return believedCounts({ inputTokens, outputTokens, cachedInputTokens, reasoningTokens });
}

function readHold(reader: BinaryReader): HoldTerms {
  let [amountNano, limited, outputTokens] = [0n, false, 0n];
  readMessage(reader, (field) => {
    if (field === 1) amountNano = within(BigInt(reader.int64()), MAX_CALL_NANO);
    else if (field === 2) limited = reader.bool();
    else if (field === 3) outputTokens = believedTokens(BigInt(reader.uint64()));
    else return false;
    return true;
  });
  return { amountNano, limited, outputTokens };
}

function readPrice(reader: BinaryReader): Price {
  let [id, model, currency, validFromMs] = ['', '', '', 0];
  const nano = [0n, 0n, 0n, 0n];
  readMessage(reader, (field) => {
    if (field === 1) id = reader.string();
    else if (field === 2) model = reader.string();
    else if (field === 3) currency = reader.string();
    else if (field >= 4 && field <= 7) nano[field - 4] = within(BigInt(reader.int64()), MAX_PRICE_NANO);
    else if (field === 8) validFromMs = Number(reader.int64());
    else return false;
    return true;
  });
  const [inputNano, cachedInputNano, outputNano, reasoningNano] = nano as [bigint, bigint, bigint, bigint];
  return { id: clean(id), model, currency: /^[A-Z]{3}$/.test(currency) ? currency : NO_CURRENCY, inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs };
}

/** ISO 4217: no currency is involved. */
export const NO_CURRENCY = 'XXX';

function within(value: bigint, limit: bigint): bigint {
  return most(0n, least(value, limit));
}

/** PostgreSQL's text holds no NUL, and a model's name comes from the outside. */
export function clean(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text;
}
