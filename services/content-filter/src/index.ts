export { createContentFilter } from './content-filter.module.ts';
export { contentFilterConfig, type ContentFilterConfig } from './config.ts';
