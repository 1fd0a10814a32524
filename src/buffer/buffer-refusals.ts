import { AppError, UnavailableError } from '../common/app-error.js';

/** 503: nothing more is taken from anybody. */
export function bufferFull(): UnavailableError {
  return new UnavailableError('buffer_full', 'Too much is waiting to be stored. Send it again later.', 5);
}

/** 429 and not 503, since the service takes the events of other accounts: it is this one that has sent too much. */
export function shareExceeded(): AppError {
  const detail =
    'Too many events of this account are waiting to be stored, and other accounts need the room. Send it again later.';
  return new AppError(429, 'buffer_share_exceeded', detail, { headers: { 'retry-after': '5' } });
}
