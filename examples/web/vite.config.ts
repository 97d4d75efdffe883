import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const GATEWAY = 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [react()],
  // The client package is a link, and would bring another copy of it.
  resolve: { dedupe: ['graphql'] },
  server: { proxy: { '/graphql': { target: GATEWAY, ws: true } } },
});
