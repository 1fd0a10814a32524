import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { Problem } from './api.js';
import { Boundary } from './boundary.js';
import './style.css';

const TRIES = 3;
const TRIES_WHEN_BUSY = 6;

const queries = new QueryClient({
  queryCache: new QueryCache({
    // The sign-in is over: asked who is signed in, the page finds out and says so.
    onError: (error, { queryKey }) => {
      if (error instanceof Problem && error.status === 401 && queryKey[0] !== 'me')
        void queries.invalidateQueries({ queryKey: ['me'] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      placeholderData: (before: unknown) => before,
      // A refusal stays one; a server that restarts, or has too much to do, is back in a moment.
      retry: (failures, error) => {
        if (!(error instanceof Problem) || error.status >= 500) return failures < TRIES - 1;
        return error.status === 429 && failures < TRIES_WHEN_BUSY - 1;
      },
    },
  },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Boundary>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </Boundary>
  </StrictMode>,
);
