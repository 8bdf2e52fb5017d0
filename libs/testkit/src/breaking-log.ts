import type { EventLog } from '@sluice/events';

/** The real log, whose n-th publication fails. */
export function breaksAt(events: EventLog, step: number): EventLog {
  let published = 0;
  const publish: EventLog['publish'] = (...given) => (++published === step ? Promise.reject(new Error('power cut')) : events.publish(...given));
  return new Proxy(events, {
    get: (target, name) => {
      const member: unknown = name === 'publish' ? publish : Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
