/**
 * The cause of an `upstream_error` that a model raised over what it was asked: its server works, and another one that has
 * the same model would say the same. Its message is free of content.
 */
export class ModelRaised extends Error {
  override readonly name = 'ModelRaised';
}
