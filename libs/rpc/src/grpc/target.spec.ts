import { describe, expect, it } from '@jest/globals';
import { targetOf } from './target.ts';

describe('the target of a service', () => {
  it.each([
    [['127.0.0.1:7001'], 'ipv4:127.0.0.1:7001'],
    [['10.0.0.1:7001', '10.0.0.2:7002'], 'ipv4:10.0.0.1:7001,10.0.0.2:7002'],
    [['[::1]:7001', '[2001:db8::1]:7001'], 'ipv6:[::1]:7001,[2001:db8::1]:7001'],
    [['audit.sluice.svc:7001'], 'dns:///audit.sluice.svc:7001'],
  ])('of %j is %s', (addresses, target) => {
    expect(targetOf(addresses)).toBe(target);
  });

  it.each([[[]], [['127.0.0.1']], [['127.0.0.1:70000']], [['::1:7001']], [['a:1', 'b:1']], [['127.0.0.1:1', 'a:1']], [['127.0.0.1:1', '[::1]:1']], [['a b:1']], [['http://a:1']]])('of %j does not exist', (addresses) => {
    expect(() => targetOf(addresses)).toThrow(/address/);
  });
});
