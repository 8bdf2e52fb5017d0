import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ContentFilterService, FilteredOutputSchema, FilterInput, FilterOutput, FilterRulesService, InputVerdictSchema } from '@sluice/proto/content_filter/v1/content_filter';
import type { Implementation } from '@sluice/rpc';

/** What the content filter says of calls, as the test scripts it. Nothing is found until it does. */
export class ScriptedFilter {
  readonly inputs: FilterInput[] = [];
  readonly outputs: FilterOutput[] = [];
  /** Conversations that were ended by the gateway and not by a failure. */
  ended = 0;
  input: (asked: FilterInput) => MessageInitShape<typeof InputVerdictSchema> | Promise<MessageInitShape<typeof InputVerdictSchema>> = () => ({});
  output: (given: FilterOutput) => MessageInitShape<typeof FilteredOutputSchema> | Promise<MessageInitShape<typeof FilteredOutputSchema>> = ({ events }) => ({ events });

  readonly service: Implementation<typeof ContentFilterService>;

  constructor() {
    this.service = serviceOf(this);
  }
}

function serviceOf(script: ScriptedFilter): Implementation<typeof ContentFilterService> {
  return {
    async *filter(requests) {
      for await (const { step } of requests) {
        if (step.case === 'input') {
          script.inputs.push(step.value);
          yield { step: { case: 'verdict', value: await script.input(step.value) } };
        } else if (step.case === 'output') {
          script.outputs.push(step.value);
          yield { step: { case: 'output', value: await script.output(step.value) } };
        }
      }
      script.ended++;
    },
    try: async ({ text }) => ({ text }),
    awaitRules: async () => ({}),
  };
}

const rule = { id: 'rule_1', organisationId: 'org_1', kind: 'word', title: 'House words', patternCount: 1 };
const unasked = () => Promise.reject(new Error('the gateway applies no rules'));

/** The owner of the rules, who has one. */
export const scriptedFilterRules: Implementation<typeof FilterRulesService> = {
  addRule: async ({ kind, patterns, title, action, direction, projectId }) => ({ rule: { ...rule, kind, patterns, title, action, direction, projectId }, policyVersion: 1n }),
  listRules: async () => ({ rules: [rule], policyVersion: 1n }),
  getRule: async ({ ruleId }) => ({ rule: { ...rule, id: ruleId } }),
  removeRule: async ({ ruleId }) => ({ rule: { ...rule, id: ruleId }, policyVersion: 2n }),
  getStats: async () => ({ rules: [] }),
  getSnapshot: unasked, getRulesInForce: unasked, addHits: unasked,
};
