/** Neither the filter nor the owner of its rules needs a setting: rules are given by administrators. */
export const contentFilterConfig = {};

export type ContentFilterConfig = Readonly<Record<string, never>>;
