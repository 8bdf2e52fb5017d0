/** The registry needs no setting: what it holds is given by administrators. */
export const modelRegistryConfig = {};

export type ModelRegistryConfig = Readonly<Record<string, never>>;
