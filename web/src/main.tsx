import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { Problem } from './api.js';
import { Boundary } from './boundary.js';
import { mayRetry, refetchInterval, retryDelay } from './retry.js';
import './styles/elements.css';
import './styles/panels.css';
import './styles/content.css';

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
      ...{ retry: mayRetry, retryDelay, refetchInterval },
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
