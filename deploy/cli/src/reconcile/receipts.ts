import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import type { Receipt } from './accounts.ts';

/** Receipts are held in memory while they are compared. */
const MAX_RECEIPTS = 1_000_000;

const receipt = z.strictObject({
  /** Header `x-request-id` of the answer, or `id` in its body. */
  id: z.string().transform((id) => id.replace(/^chatcmpl-/, '')).pipe(z.string().regex(/^[0-9a-f]{32}$/)),
  status: z.int().min(100).max(599),
  content: z.union([z.string(), z.array(z.string())]).default([]),
  whole: z.boolean().default(false),
});

/** What clients had, a JSON object a line. Throws with the number of the first line that is none. */
export async function readReceipts(path: string): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  let line = 0;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new CommandFailed(`The receipts cannot be read: ${path} is a folder.`);
  const input = createReadStream(path);
  const opened = new Promise<void>((resolve, reject) => input.once('open', () => resolve()).once('error', reject));
  await opened.catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailed(`The receipts cannot be read: ${path} (${error.code}).`);
  });
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    line++;
    if (text.trim() === '') continue;
    const parsed = receipt.safeParse(parseJson(text));
    if (!parsed.success) throw new WrongUse(`Line ${line} of ${path} is no receipt: it must be like {"id":"019ab3c4d5e67890a1b2c3d4e5f60718","status":200,"content":"text","whole":true}.`);
    if (receipts.length === MAX_RECEIPTS) throw new WrongUse(`${path} has more than ${MAX_RECEIPTS} receipts; compare them in parts.`);
    const { id, status, content, whole } = parsed.data;
    receipts.push({ id, status, contents: typeof content === 'string' ? [content] : content, isWhole: whole });
  }
  return receipts;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
