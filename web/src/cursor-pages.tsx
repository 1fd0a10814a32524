import { useInfiniteQuery } from '@tanstack/react-query';

interface Page {
  data: unknown[];
  nextCursor: string | null;
}

/**
 * Pages that follow each other by a cursor, and the rows of those that are here.
 * @param ask for the page at a cursor; without one for the first
 */
export function useCursorPages<P extends Page>(
  queryKey: readonly unknown[],
  ask: (at: { cursor?: string }) => Promise<P>,
) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => ask(pageParam === '' ? {} : { cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextCursor,
  });
  const rows = (query.data?.pages.flatMap((page) => page.data) ?? []) as P['data'];
  return { query, rows };
}

interface Further {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** Fetches the next page, where there is one. */
export function More({ query }: { query: Further }) {
  if (!query.hasNextPage) return null;
  return (
    <button type="button" onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
      More
    </button>
  );
}
