/** Words that there is no room for. The message quotes none of them. */
export class KeywordsRefused extends Error {
  override readonly name = 'KeywordsRefused';
}
