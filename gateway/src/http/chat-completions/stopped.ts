/**
 * The member that says that Sluice itself ended an answer, and for want of what; empty text when it did not. Behind other
 * members of a chunk or an answer: clients of OpenAI pass over members they do not know.
 */
export function stoppedJson(stoppedBy: string): string {
  return stoppedBy === '' ? '' : `,"sluice":{"stopped_by":${JSON.stringify(stoppedBy)}}`;
}
