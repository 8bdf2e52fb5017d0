import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../testing/api-server.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';

const LIMITS = { object: 'limits', level: 'project', id: 'proj_1', requests_per_minute: 60, tokens_per_minute: null, concurrent_requests: 2, requests_per_day: null };
const RULE = { object: 'parameter_rule', id: 'prule_1', parameter: 'temperature', project_id: null, model: 'tiny', min: null, max: 1, default: 0.3, on_violation: 'clip' };
const list = (data: object[]): object => ({ object: 'list', data, has_more: false });

const api = new ApiServer();
beforeAll(() => api.listen());
afterAll(() => api.close());
const sluice = (words: string[]): Promise<CliResult> => runCli(words, { env: api.environment });
const lastBody = (): unknown => api.seen.at(-1)?.body;

describe('limit', () => {
  it('sets what was given and nothing else, for a key, a project or the own organisation', async () => {
    api.on('PUT /admin/v1/limits', { json: LIMITS }).on('GET /admin/v1/whoami', { json: { object: 'principal', key_id: 'key_0', organisation_id: 'org_1', role: 'owner' } });
    expect((await sluice(['limit', 'set', '--project', 'proj_1', '--rpm', '60', '--concurrent', '2'])).stdout).toBe('project proj_1: 60 requests a minute, 2 requests at once\n');
    expect(lastBody()).toEqual({ level: 'project', id: 'proj_1', requests_per_minute: 60, concurrent_requests: 2 });
    expect((await sluice(['limit', 'set', '--organisation', '--tpm', '0', '--rpd', '5', '--json'])).stdout).toContain('"requests_per_minute": 60');
    expect(lastBody()).toEqual({ level: 'organisation', id: 'org_1', tokens_per_minute: 0, requests_per_day: 5 });
  });

  it('lists them, and says what it means that there are none', async () => {
    api.on('GET /admin/v1/limits', { json: list([LIMITS]) });
    expect((await sluice(['limit', 'list'])).stdout).toMatch(/LEVEL +ID +REQUESTS\/MIN +TOKENS\/MIN +CONCURRENT +REQUESTS\/DAY\nproject +proj_1 +60 +- +2 +-/);
    api.on('GET /admin/v1/limits', { json: list([]) });
    expect((await sluice(['limit', 'list'])).stdout).toContain('Nothing is limited');
  });

  it('removes all of them', async () => {
    api.on('PUT /admin/v1/limits', { json: { ...LIMITS, level: 'key', id: 'key_1', requests_per_minute: null, concurrent_requests: null } });
    expect((await sluice(['limit', 'remove', '--key', 'key_1'])).stdout).toBe('key key_1: no limits\n');
    expect(lastBody()).toEqual({ level: 'key', id: 'key_1', requests_per_minute: 0, tokens_per_minute: 0, concurrent_requests: 0, requests_per_day: 0 });
  });

  it.each([
    [['limit', 'set', '--rpm', '1'], 'one of --organisation'],
    [['limit', 'set', '--key', 'a', '--project', 'b', '--rpm', '1'], 'one of --organisation'],
    [['limit', 'set', '--key', 'a'], 'at least one of --rpm'],
    [['limit', 'set', '--key', 'a', '--rpm', '-1'], 'whole number'],
    [['limit', 'set', '--key', 'a', '--tpm', '1e3'], 'whole number'],
    [['limit', 'set', '--key', 'a', '--rpm', '1000000000001'], 'at most 1000000000000'],
    [['limit', 'set', '--key', 'a', '--rpd', '99999999999999999999'], 'at most 1000000000000'],
  ])('refuses %j', async (words, message) => {
    const before = api.seen.length;
    expect(await sluice(words)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(api.seen.length).toBe(before);
  });
});

describe('parameter', () => {
  it('sets a rule, and leaves to the platform what was not said', async () => {
    api.on('PUT /admin/v1/parameter-rules', { json: RULE });
    expect((await sluice(['parameter', 'set', 'temperature', '--model', 'tiny', '--max', '1', '--default', '0.3', '--on-violation', 'clip'])).stdout)
      .toBe('prule_1: temperature for tiny in every project: at most 1, else clipped, 0.3 where none is given\n');
    expect(lastBody()).toEqual({ parameter: 'temperature', model: 'tiny', max: 1, default: 0.3, on_violation: 'clip' });
    await sluice(['parameter', 'set', 'max_completion_tokens', '--project', 'proj_1', '--max', '100']);
    expect(lastBody()).toEqual({ parameter: 'max_tokens', project_id: 'proj_1', max: 100 });
    await sluice(['parameter', 'set', 'presence_penalty', '--min', '-1.5']);
    expect(lastBody()).toEqual({ parameter: 'presence_penalty', min: -1.5 });
  });

  it('lists and removes them', async () => {
    api.on('GET /admin/v1/parameter-rules', { json: list([RULE]) }).on('DELETE /admin/v1/parameter-rules/prule_1', { json: { ...RULE, deleted: true } });
    expect((await sluice(['parameter', 'list'])).stdout).toMatch(/prule_1 +temperature +\(every\) +tiny +- +1 +0\.3 +clip/);
    expect((await sluice(['parameter', 'remove', 'prule_1'])).stdout).toContain('removed prule_1: temperature');
    api.on('GET /admin/v1/parameter-rules', { json: list([]) });
    expect((await sluice(['parameter', 'list'])).stdout).toContain('passed on as they are');
  });

  it.each([
    [['parameter', 'set', 'seed', '--max', '1'], 'temperature'],
    [['parameter', 'set', 'n'], 'at least one of --min'],
    [['parameter', 'set', 'n', '--max', 'four'], 'Give a number'],
    [['parameter', 'set', 'max_tokens', '--max', '12345678901'], 'at most 10 digits'],
  ])('refuses %j', async (words, message) => expect(await sluice(words)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) }));

  it('is wrong use where only the platform knows its bounds', async () => {
    for (const [code, message, told] of [['invalid_value', '`min` is larger than `max`.', '--min is larger than --max.'], ['invalid_value', '`min` of n must lie between 1 and 128.', '--min of n must lie between 1 and 128.'], ['missing_required_parameter', 'Missing.', 'Missing. (--min)']]) {
      api.on('PUT /admin/v1/parameter-rules', { status: 400, json: { error: { message, type: 'invalid_request_error', param: 'min', code } } });
      expect(await sluice(['parameter', 'set', 'n', '--min', '9', '--max', '-5'])).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(`sluice: ${told}\n`) });
    }
    api.on('PUT /admin/v1/parameter-rules', { status: 409, json: { error: { message: 'Full.', type: 'invalid_request_error', param: null, code: 'failed_precondition' } } });
    expect(await sluice(['parameter', 'set', 'n', '--max', '5'])).toMatchObject({ code: 1 });
  });
});
