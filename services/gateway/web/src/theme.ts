// The look of the library's components; colours of our own are in styles/global.css.
import { type MantineColorsTuple, createTheme } from '@mantine/core';

const iris: MantineColorsTuple = [
  '#eef0fd',
  '#dcdffa',
  '#b9bff3',
  '#949ded',
  '#7580e6',
  '#5d69dd',
  '#4a56d0',
  '#3b46b8',
  '#323b98',
  '#2a3179',
];

const dark: MantineColorsTuple = [
  '#e3e6ec',
  '#c3c9d4',
  '#a3abba',
  '#7d8697',
  '#4a5261',
  '#2d333f',
  '#222731',
  '#181c24',
  '#12151c',
  '#0d1016',
];

export const theme = createTheme({
  colors: { iris, dark },
  primaryColor: 'iris',
  primaryShade: { light: 6, dark: 5 },
  fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, "SF Mono", Menlo, "DejaVu Sans Mono", monospace',
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.25' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.35' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
});
