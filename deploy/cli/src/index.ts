export { settingsShape } from './settings.ts';
