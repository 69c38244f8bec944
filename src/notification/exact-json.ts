export { elementTexts, memberText } from '../exact-json.ts';
