import { describe, expect, it } from '@jest/globals';
import { callTree, timeByPart, type CpuProfile, type Frame } from './cpu-profile.ts';

const at = (id: number, functionName: string, url: string, ...children: number[]) => ({ id, callFrame: { functionName, url, lineNumber: 9 }, children });

const PROFILE: CpuProfile = {
  nodes: [
    at(1, '(root)', '', 2, 3, 4),
    at(2, 'runMicrotasks', '', 5),
    at(3, 'processTicksAndRejections', 'node:internal/process/task_queues', 6),
    at(4, '(idle)', ''),
    at(5, 'run', 'file:///house/gateway/src/domain/request-flow.ts', 7),
    at(6, 'run', 'file:///house/gateway/src/domain/request-flow.ts', 8, 9),
    at(7, '', 'file:///house/node_modules/@scope/thing/index.js', 10),
    at(8, 'writev', ''),
    at(9, 'take', 'file:///house/services/audit/src/take.ts'),
    at(10, '(garbage collector)', ''),
  ],
  startTime: 1_000,
  samples: [5, 7, 10, 8, 4, 9, 5],
  timeDeltas: [10, 10, 10, 10, 10, 10, 10],
};

const shown = ({ name, totalUs, selfUs, children }: Frame): unknown => [name, totalUs, selfUs, [...children.values()].map(shown)];

describe('a profile of the runtime', () => {
  it('becomes a tree of what was busy: the same call on two ways through the queues is one', () => {
    expect(shown(callTree(PROFILE, 0, Infinity))).toEqual(['all', 60, 0, [
      ['run', 60, 20, [['(anonymous, line 10)', 20, 10, [['(garbage collector)', 10, 10, []]]], ['writev', 10, 10, []], ['take', 10, 10, []]]],
    ]]);
  });

  it('counts only what lies between two moments', () => {
    expect(callTree(PROFILE, 1_020, 1_031).totalUs).toBe(20);
  });

  it('gives what packages and the runtime do to the part of the house that called them', () => {
    expect(timeByPart(callTree(PROFILE, 0, Infinity))).toEqual([['gateway', 50], ['services/audit', 10]]);
  });
});
