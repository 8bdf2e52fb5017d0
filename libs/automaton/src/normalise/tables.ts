import { PACKED } from '../../tables/packed.ts';
import { unpack } from './table-layout.ts';

/** Unpacked once a process; nobody writes to it. */
export const TABLES = unpack(PACKED);
