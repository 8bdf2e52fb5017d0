/** How sources become JavaScript; the loader and Jest take the same, so tests and the product run the same output. */
export const swcOptions = {
  module: { type: 'es6' },
  sourceMaps: 'inline',
  jsc: {
    target: 'es2024',
    keepClassNames: true,
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, verbatimModuleSyntax: true, useDefineForClassFields: true },
  },
};
