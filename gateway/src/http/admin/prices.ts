import type { Price } from '@sluice/proto/billing/v1/billing';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { exact, nanoInput } from './amounts.ts';
import { ALL, OWNER, adminRoute, type AdminDoor } from './door.ts';
import { registryName } from './registry-name.ts';
import { list, time } from './view.ts';

const newPrice = { input_nano: nanoInput, output_nano: nanoInput, cached_input_nano: nanoInput.optional(), reasoning_nano: nanoInput.optional() };
const currencyInput = z.string().regex(/^[A-Z]{3}$/, 'it must be a currency by ISO 4217, as USD');

/** Prices by model, each version of them, and the currency that all amounts of the organisation are in. */
export function pricesRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/prices', ALL, async ({ actor, options, query }) => {
    const { history } = query({ history: z.enum(['true', 'false'], 'it must be true or false').default('false') });
    const [{ currency, prices }, { models }] = await Promise.all([
      door.billing.listPrices({ organisationId: actor.organisationId, history: history === 'true' }, options), door.registry.listModels({ organisationId: actor.organisationId }, options),
    ]);
    const names = new Set(models.map(({ name }) => name));
    return { json: { ...list(prices.map((price) => ({ ...priceView(price), removed: !names.has(price.model) }))), currency } };
  });
  adminRoute(server, door, 'PUT', '/prices/*', OWNER, async (request) => {
    const { input_nano, output_nano, cached_input_nano, reasoning_nano } = request.body(newPrice);
    const model = await registryName(door, request, request.param('*'), 'price');
    const { price } = await door.billing.setPrice(
      { actor: request.actor, model, inputNano: input_nano, outputNano: output_nano, ...(cached_input_nano !== undefined && { cachedInputNano: cached_input_nano }), ...(reasoning_nano !== undefined && { reasoningNano: reasoning_nano }) },
      request.options,
    );
    return { json: priceView(price!) };
  });
  adminRoute(server, door, 'PUT', '/currency', OWNER, async ({ actor, options, body }) => {
    const { currency } = await door.billing.setCurrency({ actor, currency: body({ currency: currencyInput }).currency }, options);
    return { json: { object: 'currency', currency } };
  });
}

function priceView({ id, model, currency, inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs }: Price): object {
  const nano = { input_nano: exact(inputNano), cached_input_nano: exact(cachedInputNano), output_nano: exact(outputNano), reasoning_nano: exact(reasoningNano) };
  return { object: 'price', id, model, currency, ...nano, valid_from: time(validFromMs) };
}
