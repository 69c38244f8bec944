import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** Ink blue. Shade 7 carries white text, and is read on white, at more than 4.5 : 1. */
const ink: MantineColorsTuple = [
  '#eef1ff',
  '#dce1fb',
  '#b7c0f2',
  '#909ee9',
  '#6f80e2',
  '#596dde',
  '#4c62dd',
  '#3b4ec9',
  '#3344b0',
  '#283997',
];

/** Mantine's dark greys with a little of the ink in them. Text is 0, bodies 7, what is written into 6. */
const dark: MantineColorsTuple = [
  '#dfe4ec',
  '#c5cdd8',
  '#a3adbb',
  '#8f99a8',
  '#3a4250',
  '#2f3642',
  '#222733',
  '#191d25',
  '#14171e',
  '#0f1116',
];

export const theme = createTheme({
  colors: { ink, dark },
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.3,
  defaultRadius: 'md',
  respectReducedMotion: true,
  cursorType: 'pointer',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", Consolas, monospace',
  headings: { fontWeight: '650', sizes: { h1: { fontSize: '1.375rem', lineHeight: '1.3' } } },
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250 } },
    Modal: { defaultProps: { centered: true } },
    Table: { defaultProps: { verticalSpacing: 6, horizontalSpacing: 'xs' } },
  },
});
