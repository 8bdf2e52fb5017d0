import { describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { namingOption } from './option-name.ts';

const command = new Command('set').option('--input <nano>', 'price').option('--project <id>', 'project');

describe('a refusal of the platform', () => {
  it.each([
    ['`input_nano` must lie between 0 and 5.', 'input_nano', '--input must lie between 0 and 5.'],
    ["Invalid 'input_nano': it must be an integer.", 'input_nano', 'Invalid --input: it must be an integer.'],
    ['`input_nano` of `project_id` and `output_nano`.', 'input_nano', '--input of --project and `output_nano`.'],
    ['There is no such project.', 'project_id', 'There is no such project. (--project)\nGive its id: sluice project list'],
    ['There is no such project.\nSee which there are.', 'project_id', 'There is no such project. (--project)\nSee which there are.'],
  ])('names the option that %j is about', (message, param, told) => expect(namingOption(message, param, command)).toBe(told));

  it('stays as it is where the command has no such option, or nobody knows one', () => {
    expect(namingOption('`output_nano` is wrong.', 'output_nano', command)).toBe('`output_nano` is wrong.');
    expect(namingOption('Invalid \'name\'.', 'name', command)).toBe("Invalid 'name'.");
    expect(namingOption('There is no such project.', 'project_id', undefined)).toBe('There is no such project.');
  });
});
