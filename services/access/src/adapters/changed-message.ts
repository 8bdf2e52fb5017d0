import { create } from '@bufbuild/protobuf';
import { AccessChangedSchema, type AccessChanged } from '@sluice/proto/events/v1/changes';
import type { Change } from '../domain/ports.ts';
import { limitsMessage, parameterRuleMessage } from './limits-messages.ts';
import { keyMessage, projectMessage } from './messages.ts';

/** What replicas hear: a key with its hash, a project without its secrets, what was set or removed. */
export function changedMessage(organisationId: string, change: Change): AccessChanged {
  return create(AccessChangedSchema, { organisationId, change: changeValue(change) });
}

function changeValue(change: Change): AccessChanged['change'] {
  if ('key' in change) return { case: 'key', value: keyMessage(change.key) };
  if ('project' in change) return { case: 'project', value: projectMessage(change.project) };
  if ('limits' in change) return { case: 'limits', value: limitsMessage(change.limits) };
  if ('parameterRule' in change) return { case: 'parameterRule', value: parameterRuleMessage(change.parameterRule) };
  return { case: 'removedParameterRuleId', value: change.removedParameterRuleId };
}
