import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Level as LevelNumber, OutOfBounds as OutOfBoundsNumber, ParameterRuleSchema, SubjectLimitsSchema,
  type ParameterRule as ParameterRuleMessage, type SetLimitsRequest, type SubjectLimits as SubjectLimitsMessage,
} from '@sluice/proto/access/v1/access';
import type { Level, SubjectLimits } from '../domain/limits.ts';
import type { NewParameterRule, OutOfBounds, ParameterRule } from '../domain/parameter-rule.ts';
import type { NewLimits } from '../domain/set-limits.ts';
import { enumValue } from './enum-value.ts';

const LEVELS: Readonly<Record<Level, LevelNumber>> = { organisation: LevelNumber.ORGANISATION, project: LevelNumber.PROJECT, key: LevelNumber.KEY };
const OUT_OF_BOUNDS: Readonly<Record<OutOfBounds, OutOfBoundsNumber>> = { clip: OutOfBoundsNumber.CLIP, refuse: OutOfBoundsNumber.REFUSE };

export function limitsMessage({ level, subjectId, limits }: SubjectLimits): SubjectLimitsMessage {
  return create(SubjectLimitsSchema, {
    level: LEVELS[level],
    subjectId,
    limits: {
      requestsPerMinute: BigInt(limits.requestsPerMinute),
      tokensPerMinute: BigInt(limits.tokensPerMinute),
      concurrentRequests: BigInt(limits.concurrentRequests),
      requestsPerDay: BigInt(limits.requestsPerDay),
    },
  });
}

export function newLimitsOf({ level, subjectId, change }: SetLimitsRequest): NewLimits {
  return { level: enumValue(LEVELS, level, 'level'), subjectId, change };
}

export function parameterRuleMessage(rule: ParameterRule): ParameterRuleMessage {
  const { id, projectId, model, parameter, min, max, defaultValue, outOfBounds } = rule;
  const init: MessageInitShape<typeof ParameterRuleSchema> = { id, projectId: projectId ?? '', model: model ?? '', parameter, outOfBounds: OUT_OF_BOUNDS[outOfBounds] };
  if (min !== undefined) init.min = min;
  if (max !== undefined) init.max = max;
  if (defaultValue !== undefined) init.default = defaultValue;
  return create(ParameterRuleSchema, init);
}

/** The id of a message is passed over: which rule is meant is said by project, model and parameter. */
export function newParameterRuleOf(message: ParameterRuleMessage | undefined): NewParameterRule {
  return {
    projectId: message?.projectId ?? '',
    model: message?.model ?? '',
    parameter: message?.parameter ?? '',
    min: message?.min,
    max: message?.max,
    defaultValue: message?.default,
    outOfBounds: enumValue(OUT_OF_BOUNDS, message?.outOfBounds ?? OutOfBoundsNumber.UNSPECIFIED, 'out_of_bounds'),
  };
}
