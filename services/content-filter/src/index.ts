export { createContentFilter } from './content-filter.module.ts';
export { createContentFilterRules } from './content-filter-rules.module.ts';
export { contentFilterConfig, type ContentFilterConfig } from './config.ts';
