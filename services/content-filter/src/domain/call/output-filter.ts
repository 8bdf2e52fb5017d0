import type { ChatEvent, Delta, Finished, Usage } from '@sluice/proto/chat/v1/chat';
import { ChannelStream } from './channel-stream.ts';
import { CheckedDelta } from './checked-delta.ts';
import { CHANNEL } from './contract-numbers.ts';
import { ExtraStream } from './extra-stream.ts';
import type { Hits } from './hits.ts';
import { JsonText } from './json-text.ts';
import { beyondLimit, STREAMS_LIMIT } from './limits.ts';
import type { Policy } from './policy.ts';

const NO_BYTES = new Uint8Array(0);
const BLOCKED_REASON = 'content_filter';
/** More than there are channels: a key of channel and tool. */
const CHANNELS = 16;

interface Choice {
  readonly index: number;
  readonly streams: Map<number, ChannelStream>;
  extras: ExtraStream | undefined;
  isOver: boolean;
  /** A rule ended it, and the model was not seen to end it since. */
  isCut: boolean;
}

/**
 * The answer of one call on its way to the client: events go in, what may leave comes out, in the order of each
 * channel. Nothing that came in is changed; what leaves as it came is the same object.
 */
export class OutputFilter {
  readonly #policy: Policy;
  readonly #expected: number;
  readonly #hits: Hits;
  readonly #checked: CheckedDelta;
  readonly #isMasked: (rule: number) => boolean;
  readonly #choices = new Map<number, Choice>();
  #streams = 0;

  /** @param expected how many choices were asked for */
  constructor(policy: Policy, expected: number, hits: Hits) {
    this.#policy = policy;
    this.#expected = Math.max(1, expected);
    this.#hits = hits;
    this.#checked = new CheckedDelta(policy, hits);
    this.#isMasked = (rule) => policy.rule(rule).action === 'mask';
  }

  /** What may leave now. `isLast`: nothing follows, and nothing is held afterwards. Yields between events and between stretches of text. */
  *filter(events: readonly ChatEvent[], isLast: boolean): Generator<void, ChatEvent[]> {
    if (!this.#policy.filtersOutput) return [...events];
    const into: ChatEvent[] = [];
    for (const event of events) {
      yield* this.#event(event, into);
      yield;
    }
    if (isLast) for (const choice of this.#choices.values()) if (!choice.isOver) this.#end(choice, into);
    return into;
  }

  /** Every choice is over, and at least one that the model still works on: it can be stopped, for nothing more of it leaves. */
  get canStop(): boolean {
    let over = 0;
    let cut = false;
    for (const choice of this.#choices.values()) {
      if (choice.isOver) over++;
      cut ||= choice.isCut;
    }
    return cut && over >= this.#expected;
  }

  *#event(chatEvent: ChatEvent, into: ChatEvent[]): Generator<void, void> {
    const { event } = chatEvent;
    if (event.case === 'delta') yield* this.#delta(chatEvent, event.value, into);
    else if (event.case === 'finished') this.#finished(chatEvent, event.value, into);
    else if (event.case === 'usage') into.push(yield* this.#usage(chatEvent, event.value));
    else if (event.case === 'started') into.push(yield* this.#checked.started(chatEvent, event.value));
    else into.push(chatEvent);
  }

  *#delta(event: ChatEvent, delta: Delta, into: ChatEvent[]): Generator<void, void> {
    const choice = this.#choice(delta.choice);
    // Nothing of a choice may follow its end: it would be joined to what was decided before.
    if (choice.isOver) return;
    const isCut = delta.extraJson.length > 0 ? yield* this.#both(choice, event, delta, into) : yield* this.#text(choice, event, delta, into);
    if (isCut) this.#cut(choice, into);
  }

  /** True when a rule blocks. */
  *#text(choice: Choice, event: ChatEvent, delta: Delta, into: ChatEvent[]): Generator<void, boolean> {
    const isPlain = delta.logprobsJson.length === 0 && !delta.tool?.name && !delta.tool?.id;
    const checked = isPlain ? event : yield* this.#checked.of(event, delta);
    if (checked === undefined) return true;
    return yield* this.#stream(choice, delta).push(checked, checked === event ? delta : (checked.event.value as Delta), into);
  }

  /** The text of a piece and the members beside it are decided apart; they leave together when both leave at once. */
  *#both(choice: Choice, event: ChatEvent, delta: Delta, into: ChatEvent[]): Generator<void, boolean> {
    const place = { channel: CHANNEL.none, index: choice.index };
    choice.extras ??= new ExtraStream(this.#policy, (matches) => this.#hits.add(matches, 'out', place));
    const { tool, ...rest } = delta;
    if (delta.text === '' && !tool && delta.logprobsJson.length === 0) return yield* choice.extras.push(event, delta, into);
    const text = eventOf({ ...delta, extraJson: NO_BYTES });
    const extra = eventOf({ ...rest, text: '', logprobsJson: NO_BYTES });
    const left: ChatEvent[] = [];
    const isCut = (yield* this.#text(choice, text, text.event.value as Delta, left)) || (yield* choice.extras.push(extra, extra.event.value as Delta, left));
    if (!isCut && left.length === 2 && left[0] === text && left[1] === extra) into.push(event);
    else into.push(...left);
    return isCut;
  }

  #finished(event: ChatEvent, { choice: index }: Finished, into: ChatEvent[]): void {
    const choice = this.#choice(index);
    choice.isCut = false;
    if (choice.isOver) return;
    if (this.#end(choice, into)) return;
    into.push(event);
  }

  /** Decides what is held, channel by channel in the order in which they began. True when a rule cut the choice. */
  #end(choice: Choice, into: ChatEvent[]): boolean {
    for (const stream of [...choice.streams.values(), ...(choice.extras ? [choice.extras] : [])]) {
      if (!stream.end(into)) continue;
      this.#cut(choice, into);
      choice.isCut = false;
      return true;
    }
    this.#close(choice);
    return false;
  }

  #cut(choice: Choice, into: ChatEvent[]): void {
    this.#close(choice);
    choice.isCut = true;
    into.push({
      $typeName: 'chat.v1.ChatEvent',
      event: { case: 'finished', value: { $typeName: 'chat.v1.Finished', choice: choice.index, reason: BLOCKED_REASON, stoppedBy: '' } },
    });
  }

  #close(choice: Choice): void {
    choice.isOver = true;
    choice.streams.clear();
    choice.extras = undefined;
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index);
    if (choice) return choice;
    if (this.#choices.size >= STREAMS_LIMIT) throw beyondLimit('so many choices');
    choice = { index, streams: new Map(), extras: undefined, isOver: false, isCut: false };
    this.#choices.set(index, choice);
    return choice;
  }

  #stream(choice: Choice, { channel, tool }: Delta): ChannelStream {
    const key = channel === CHANNEL.toolArguments ? channel + CHANNELS * (tool?.index ?? 0) : channel;
    let stream = choice.streams.get(key);
    if (stream) return stream;
    if (++this.#streams > STREAMS_LIMIT) throw beyondLimit('so many tool calls');
    const isJson = channel === CHANNEL.functionArguments || (channel === CHANNEL.toolArguments && tool?.type !== 'custom');
    const text = isJson ? new JsonText(this.#policy, 'out') : this.#policy.open('out');
    const place = { channel, index: choice.index };
    stream = new ChannelStream(text, this.#isMasked, (matches) => {
      if (matches.length > 0) this.#hits.add(matches, 'out', place);
    });
    choice.streams.set(key, stream);
    return stream;
  }

  /** The backend's own object has numbers; it goes without it when a rule finds something in it. */
  *#usage(event: ChatEvent, usage: Usage): Generator<void, ChatEvent> {
    if (usage.json.length === 0 || (yield* this.#checked.isClean(usage.json))) return event;
    return { $typeName: 'chat.v1.ChatEvent', event: { case: 'usage', value: { ...usage, json: NO_BYTES } } };
  }
}

function eventOf(value: Delta): ChatEvent {
  return { $typeName: 'chat.v1.ChatEvent', event: { case: 'delta', value } };
}
