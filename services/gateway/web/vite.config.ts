import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The gateway serves the result with an index.html fallback. The default output is the repository's build/web;
// THROUGHLINE_WEB_OUT chooses another folder. In development, `npm run dev` forwards the API to a running throughlined.
const environment = (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env ?? {};

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: environment.THROUGHLINE_WEB_OUT ?? '../../../build/web',
    emptyOutDir: true,
    assetsDir: 'assets',
    target: 'es2022',
    // A font or picture inlined as data: would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      output: {
        manualChunks: {
          react: ['react', 'react-dom', 'react-router', '@tanstack/react-query'],
          mantine: ['@mantine/core', '@mantine/hooks'],
        },
      },
    },
  },
  server: { proxy: { '/v1': environment.THROUGHLINE_HTTP ?? 'http://127.0.0.1:7480' } },
});
