import { ServiceError } from '@sluice/errors';
import { Role, type AccessService } from '@sluice/proto/access/v1/access';
import type { AuditService } from '@sluice/proto/audit/v1/audit';
import type { BillingService } from '@sluice/proto/billing/v1/billing';
import type { ContentFilterService, FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import type { InferenceService } from '@sluice/proto/inference/v1/inference';
import type { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { CallOptions, Client } from '@sluice/rpc';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Administrator } from '../authenticate.ts';
import { readJsonMembers, shownName } from '../json-members.ts';
import { ADMIN_RPC_TIMEOUT_MS } from '../limits.ts';
import { inRouteSpan } from '../route-span.ts';

/** What the admin routes stand on. */
export interface AdminDoor {
  readonly access: Client<typeof AccessService>;
  readonly registry: Client<typeof ModelRegistryService>;
  readonly inference: Client<typeof InferenceService>;
  readonly audit: Client<typeof AuditService>;
  readonly billing: Client<typeof BillingService>;
  readonly filter: Client<typeof ContentFilterService>;
  readonly filterRules: Client<typeof FilterRulesService>;
  /** Writes a consistent copy of everything into a folder, nothing when the signal aborts; absent where this process cannot. */
  readonly backup: ((directory: string, signal: AbortSignal) => Promise<void>) | undefined;
  administrator(request: FastifyRequest): Promise<Administrator>;
}

/** One admin request, authenticated. */
export interface AdminRequest {
  readonly administrator: Administrator;
  /** For the record of the act. */
  readonly actor: { readonly keyId: string; readonly organisationId: string };
  readonly options: CallOptions;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** A path parameter; `*` for the rest of the path. */
  param(name: string): string;
  /** The body, checked. @throws the fault of the first member, named */
  body<Shape extends z.ZodRawShape>(shape: Shape): z.output<z.ZodObject<Shape>>;
  query<Shape extends z.ZodRawShape>(shape: Shape): z.output<z.ZodObject<Shape>>;
}

/** What a handler answers: JSON, or bytes of another type. */
export type AdminAnswer =
  | { readonly status?: number; readonly json: object }
  | { readonly bytes: Uint8Array; readonly contentType: string };

export const OWNER = [Role.OWNER];
export const OPERATORS = [Role.OWNER, Role.MEMBER];
export const AUDITORS = [Role.OWNER, Role.AUDITOR];
export const ALL = [Role.OWNER, Role.MEMBER, Role.AUDITOR];

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What is unusual about a route. */
interface RouteOptions {
  /** For a body that is longer than names and addresses. */
  readonly bodyLimitBytes?: number;
}

/** Adds a route under /admin/v1 that is open to these roles. */
export function adminRoute(server: FastifyInstance, door: AdminDoor, method: Method, path: string, roles: readonly Role[], handle: (request: AdminRequest) => Promise<AdminAnswer>, { bodyLimitBytes }: RouteOptions = {}): void {
  const administrators = new WeakMap<FastifyRequest, Administrator>();
  server.route({
    method,
    url: `/admin/v1${path}`,
    ...(bodyLimitBytes === undefined ? {} : { bodyLimit: bodyLimitBytes }),
    // Before the body is read: who may not come in need not be listened to.
    onRequest: async (request) => {
      const administrator = await door.administrator(request);
      requireRole(administrator, roles);
      administrators.set(request, administrator);
    },
    handler: async (request, reply) => send(reply, request, await inRouteSpan(request, () => handle(adminRequest(request, administrators.get(request)!, whileListening(reply))))),
  });
}

/** @throws insufficient_permissions */
export function requireRole({ role }: Administrator, roles: readonly Role[]): void {
  if (!roles.includes(role)) throw new ServiceError('insufficient_permissions', 'The role of this admin key does not allow that.');
}

/** Aborts when the connection closes before the answer is written. */
function whileListening(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => reply.raw.writableFinished || gone.abort(new ServiceError('cancelled', 'The client went away.')));
  return gone.signal;
}

function adminRequest(request: FastifyRequest, administrator: Administrator, signal: AbortSignal): AdminRequest {
  const { keyId, organisationId } = administrator;
  const params = request.params as Record<string, string>;
  requireText(Object.values(params).join('/'), 'path');
  requireText(request.query);
  return {
    administrator,
    actor: { keyId, organisationId },
    options: { timeoutMs: ADMIN_RPC_TIMEOUT_MS },
    signal,
    param: (name) => params[name]!,
    body: (shape) => {
      if (!Buffer.isBuffer(request.body)) throw new ServiceError('invalid_json', 'The request needs a JSON body.');
      const { value } = readJsonMembers(request.body);
      requireText(value);
      return check(shape, value);
    },
    query: (shape) => check(shape, request.query),
  };
}

/**
 * All that comes in ends as text in tables, and PostgreSQL's text holds no U+0000.
 *
 * @throws invalid_value that names the place
 */
function requireText(value: unknown, place = ''): void {
  if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) requireText(member, place === '' ? name : `${place}.${name}`);
  } else if (typeof value === 'string' && value.includes('\0')) {
    const param = shownName(place);
    throw new ServiceError('invalid_value', `Invalid '${param}': it must not hold the character U+0000.`, { param });
  }
}

function check<Shape extends z.ZodRawShape>(shape: Shape, value: unknown): z.output<z.ZodObject<Shape>> {
  const result = z.strictObject(shape).safeParse(value);
  if (result.success) return result.data as z.output<z.ZodObject<Shape>>;
  throw fault(result.error.issues[0]!, value);
}

function fault(issue: z.core.$ZodIssue, value: unknown): ServiceError {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const param = [...path, issue.keys[0]!].join('.').slice(0, 64).replace(/\p{Cc}/gu, '?');
    return new ServiceError('unknown_parameter', `Unknown parameter: '${param}'.`, { param });
  }
  const param = path.join('.');
  const given = path.reduce<unknown>((parent, member) => (typeof parent === 'object' && parent !== null ? (parent as Record<string, unknown>)[member] : undefined), value);
  if (path.length > 0 && given === undefined) return new ServiceError('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
  if (issue.code === 'invalid_type') return new ServiceError('invalid_type', `Invalid type for '${param}': expected ${issue.expected}.`, { param });
  return new ServiceError('invalid_value', `Invalid '${param}': ${issue.message}.`, { param });
}

function send(reply: FastifyReply, request: FastifyRequest, answer: AdminAnswer): FastifyReply {
  const json = 'json' in answer;
  const headers = { 'content-type': json ? 'application/json; charset=utf-8' : answer.contentType, 'x-request-id': request.id, 'cache-control': 'no-store' };
  void reply.code(json ? (answer.status ?? 200) : 200).headers(headers);
  return reply.send(json ? JSON.stringify(answer.json) : Buffer.from(answer.bytes));
}
