/** The numbers of `chat.v1.Channel`, `content_filter.v1.Action` and `content_filter.v1.Direction`; the domain does not load generated code. */
export const CHANNEL = { none: 0, content: 1, reasoning: 2, refusal: 3, toolArguments: 4, functionArguments: 5 } as const;
export const ACTION = { block: 1, mask: 2, flag: 3 } as const;
export const DIRECTION = { in: 1, out: 2 } as const;
