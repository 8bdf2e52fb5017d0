import { Template } from '@huggingface/jinja';
import { ServiceError } from '@sluice/errors';
import type { TemplateMessage } from './chat-messages.ts';

/** Real templates have some kilobytes; a larger one is no template. */
const TEMPLATE_LIMIT_CHARACTERS = 256 * 1024;

/** A prompt beyond this fits no context that the house serves. */
const PROMPT_LIMIT_CHARACTERS = 16 * 1024 * 1024;

/** The template of one model, parsed once. It is the model owner's program and has no access to anything but its variables. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #bosToken: string;
  readonly #eosToken: string;

  /** Throws `failed_precondition` when the model has no template, or none that can be read. */
  constructor(source: string, bosToken: string, eosToken: string) {
    if (source === '') throw new ServiceError('failed_precondition', 'The model has no chat template: it cannot answer a chat.');
    if (source.length > TEMPLATE_LIMIT_CHARACTERS) throw new ServiceError('failed_precondition', "The model's chat template is too large.");
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new ServiceError('failed_precondition', "The model's chat template cannot be read.", { cause });
    }
    this.#bosToken = bosToken;
    this.#eosToken = eosToken;
  }

  /** The prompt up to where the model's answer begins. Throws `invalid_value` when the template refuses the messages. */
  render(messages: readonly TemplateMessage[]): string {
    let prompt: string;
    try {
      prompt = this.#template.render({ messages, add_generation_prompt: true, bos_token: this.#bosToken, eos_token: this.#eosToken, tools: null, documents: null });
    } catch {
      // The template's own words may quote a message, so they go nowhere.
      throw new ServiceError('invalid_value', "The model's chat template does not take these messages; many want one system message first, then user and assistant in turn.", { param: 'messages' });
    }
    if (prompt.length > PROMPT_LIMIT_CHARACTERS) throw new ServiceError('context_length_exceeded', 'The messages are longer than any context.', { param: 'messages' });
    return prompt;
  }
}
