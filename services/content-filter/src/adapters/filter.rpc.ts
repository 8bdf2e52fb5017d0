import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { Action, type ContentFilterService, Direction, type FilterInput, type FilterOutput, type FilterResponse } from '@sluice/proto/content_filter/v1/content_filter';
import type { Implementation } from '@sluice/rpc';
import { CallFilter, closed, type HitSink } from '../domain/call/call-filter.ts';
import type { InputOutcome } from '../domain/call/input-filter.ts';
import { tooMuchToLookAt } from '../domain/call/limits.ts';
import type { HitHash, Policies, TextDirection } from '../domain/call/policy.ts';
import { tryText } from '../domain/call/try-text.ts';
import { inTurns, MeteredPolicy, Work } from '../domain/call/work.ts';
import type { InForce } from '../domain/ports.ts';
import { requireOrganisation } from './messages.ts';

export interface FilterRpcOptions {
  readonly policies: Policies;
  readonly inForce: InForce;
  readonly hash: HitHash;
  readonly hits: HitSink;
  readonly clock: Clock;
}

/** The hash of a trial would tell whoever tries texts what was found in the calls on record. */
const NO_BYTES = new Uint8Array(0);

const ACTIONS = { block: Action.BLOCK, mask: Action.MASK, flag: Action.FLAG } as const;

/** The rpcs of ContentFilterService: contract to domain and back. */
export function filterRpc(options: FilterRpcOptions): Implementation<typeof ContentFilterService> {
  return {
    async *filter(requests) {
      let call: CallFilter | undefined;
      try {
        for await (const { step } of requests) {
          if (step.case === 'input' && !call) {
            call = begun(step.value, options);
            yield await verdict(call, step.value);
          } else if (step.case === 'output' && call) {
            yield await filtered(call, step.value);
            if (step.value.last) return;
          } else {
            throw new ServiceError('invalid_value', 'A call begins with its input, once, and goes on with its output.', { param: 'step' });
          }
        }
      } finally {
        if (call && call.hits.count > 0) report(call, options);
      }
    },

    async try({ organisationId, projectId, text, direction }) {
      requireOrganisation(organisationId);
      try {
        const work = new Work(() => tooMuchToLookAt('text'));
        const policy = new MeteredPolicy(options.policies.of(organisationId, projectId), work);
        const tried = await inTurns(tryText(policy, organisationId, options.hash, text, directionsOf(direction)), work, setImmediate);
        return {
          text: tried.text,
          action: tried.action ? ACTIONS[tried.action] : Action.UNSPECIFIED,
          policyVersion: policy.version,
          hits: tried.hits.all.map((hit) => ({ ...hit, textHash: NO_BYTES })),
          ruleTitle: tried.title,
        };
      } catch (thrown) {
        throw closed(thrown);
      }
    },

    async awaitRules({ organisationId, policyVersion }) {
      requireOrganisation(organisationId);
      await options.inForce.reached(organisationId, policyVersion);
      return {};
    },
  };
}

function begun({ callId, organisationId, projectId }: FilterInput, options: FilterRpcOptions): CallFilter {
  requireOrganisation(organisationId);
  return new CallFilter({ callId, organisationId, projectId }, options);
}

async function verdict(filter: CallFilter, { call }: FilterInput): Promise<FilterResponse> {
  if (!call) throw new ServiceError('missing_required_parameter', 'The request holds no call.', { param: 'call' });
  const outcome: InputOutcome = await filter.input(call, setImmediate);
  const { policy } = filter;
  return {
    $typeName: 'content_filter.v1.FilterResponse',
    step: {
      case: 'verdict',
      value: {
        $typeName: 'content_filter.v1.InputVerdict',
        action: outcome.action ? ACTIONS[outcome.action] : Action.UNSPECIFIED,
        policyVersion: policy.version,
        // Of what is blocked always, if it can be kept: whoever records it keeps what is given back, and nothing else.
        ...(outcome.call === undefined || (outcome.call === call && outcome.action !== 'block') ? {} : { call: outcome.call }),
        ruleId: outcome.blockedBy?.id ?? '',
        ruleTitle: outcome.blockedBy?.title ?? '',
        ...filter.hits.fresh(),
        filtersOutput: policy.filtersOutput,
        ignoresInput: !policy.filtersInput,
      },
    },
  };
}

/** Written by hand: the hot path hands messages over by reference. */
async function filtered(filter: CallFilter, { events, last }: FilterOutput): Promise<FilterResponse> {
  const { events: left, stop } = await filter.output(events, last, setImmediate);
  const { hits, hitCount } = filter.hits.fresh();
  return {
    $typeName: 'content_filter.v1.FilterResponse',
    step: { case: 'output', value: { $typeName: 'content_filter.v1.FilteredOutput', events: left, hits, hitCount, stop } },
  };
}

function report({ owner, policy, hits }: CallFilter, options: FilterRpcOptions): void {
  options.hits.add({ ...owner, policyVersion: policy.version, hits: hits.all, hitCount: hits.count, counts: hits.counts, atMs: options.clock.wallMs() });
}

function directionsOf(direction: Direction): readonly TextDirection[] {
  if (direction === Direction.IN) return ['in'];
  return direction === Direction.OUT ? ['out'] : ['in', 'out'];
}
