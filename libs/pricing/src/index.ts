export { believedCounts, believedTokens, costNano, MAX_CALL_NANO, MAX_CALL_TOKENS, overrunNano, type TokenCounts, type UnitPrices } from './cost.ts';
