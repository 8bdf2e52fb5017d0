/** The filter needs no setting: its rules are given by administrators. */
export const contentFilterConfig = {};

export type ContentFilterConfig = Readonly<Record<string, never>>;
