export { costNano, type TokenCounts, type UnitPrices } from './cost.ts';
