import { OutOfBounds, type ParameterRule } from '@sluice/proto/access/v1/access';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ALL, OWNER, adminRoute, type AdminDoor } from './door.ts';
import { registryName } from './registry-name.ts';
import { list, nameInput, text } from './view.ts';

const VIOLATIONS = { clip: OutOfBounds.CLIP, refuse: OutOfBounds.REFUSE } as const;
const violationNames = Object.keys(VIOLATIONS) as [keyof typeof VIOLATIONS];
const boundInput = z.number('it must be a number').nullish();

const newRule = {
  parameter: nameInput,
  project_id: nameInput.nullish(),
  model: nameInput.nullish(),
  min: boundInput,
  max: boundInput,
  default: boundInput,
  // Who asks for what they may not have is told so, unless it was said otherwise.
  on_violation: z.enum(violationNames, `it must be one of ${violationNames.join(', ')}`).default('refuse'),
};

/** Bounds and defaults of the parameters of requests. */
export function parameterRulesRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/parameter-rules', ALL, async ({ actor, options }) => {
    const { rules } = await door.access.listParameterRules({ organisationId: actor.organisationId }, options);
    return { json: list(rules.map(ruleView)) };
  });
  adminRoute(server, door, 'PUT', '/parameter-rules', OWNER, async (request) => {
    const { parameter, project_id, model: name, on_violation, ...bounds } = request.body(newRule);
    const model = name ? await registryName(door, request, name, 'rules') : '';
    const { rule } = await door.access.setParameterRule(
      { actor: request.actor, rule: { parameter, projectId: project_id ?? '', model, ...given(bounds), outOfBounds: VIOLATIONS[on_violation] } },
      request.options,
    );
    return { json: ruleView(rule!) };
  });
  adminRoute(server, door, 'DELETE', '/parameter-rules/:id', OWNER, async ({ actor, options, param }) => {
    const { rule } = await door.access.removeParameterRule({ actor, ruleId: param('id') }, options);
    return { json: { ...ruleView(rule!), deleted: true } };
  });
}

type Bound = 'min' | 'max' | 'default';

/** What is set; null is the same as absence. */
function given(bounds: { readonly [name in Bound]?: number | null | undefined }): { [name in Bound]?: number } {
  const set: { [name in Bound]?: number } = {};
  for (const name of ['min', 'max', 'default'] as const) {
    const value = bounds[name];
    if (value !== undefined && value !== null) set[name] = value;
  }
  return set;
}

function ruleView({ id, parameter, projectId, model, min, max, default: value, outOfBounds }: ParameterRule): object {
  const onViolation = violationNames.find((name) => VIOLATIONS[name] === outOfBounds) ?? 'refuse';
  return { object: 'parameter_rule', id, parameter, project_id: text(projectId), model: text(model), min: min ?? null, max: max ?? null, default: value ?? null, on_violation: onViolation };
}
