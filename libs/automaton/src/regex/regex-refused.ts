/** Why an expression is not taken: `syntax` is no expression at all, the others are expressions that the engine does not run. */
export type RefusalKind = 'syntax' | 'not_linear' | 'too_long' | 'too_large' | 'matches_empty';

/** An expression that is refused, with the place in it, in UTF-16 units, that is the reason. */
export class RegexRefused extends Error {
  override readonly name = 'RegexRefused';
  readonly kind: RefusalKind;
  readonly position: number;

  constructor(kind: RefusalKind, message: string, position: number) {
    super(message);
    this.kind = kind;
    this.position = position;
  }
}
