import { AppError, ClientGoneError } from '../common/app-error.js';

/** How many questions one process answers at a time. */
export interface TurnLimits {
  /** Over all accounts. */
  running: number;
  /** Of these, kept for accounts that have none running. */
  reserved: number;
  /** Places of one account. */
  ofAccount: number;
  /** Questions of one account that may wait. */
  waiting: number;
  /** Questions that read many rows, over all accounts. */
  heavy: number;
  /** Questions that read many rows, of one account. */
  heavyOfAccount: number;
}

/** Of MySQL: as many run as there are connections for questions. */
export const TURNS: TurnLimits = {
  running: 8,
  reserved: 2,
  ofAccount: 4,
  waiting: 32,
  heavy: 2,
  heavyOfAccount: 1,
};

/**
 * Of ClickHouse. The engine has four sessions for questions and one for short ones (`memory-plan.ts`), so a few more wait
 * there, and heavy ones leave half of the sessions to others.
 */
export const READ_MODEL_TURNS: TurnLimits = {
  running: 8,
  reserved: 2,
  ofAccount: 4,
  waiting: 32,
  heavy: 2,
  heavyOfAccount: 1,
};

/** Apps that a question may cover for one place and one turn more. */
const APPS_A_PLACE = 250;
const APPS_A_TURN = 10;
/** Turns that a heavy question takes. */
const HEAVY_TURNS = 10;

/** What a question costs its account. */
export interface QuestionCost {
  /** How many apps it covers: a question over more takes more of its account's places and turns. */
  apps: number;
  /** It reads up to hundreds of thousands of rows. */
  isHeavy?: boolean;
  /** Part of a stream or an export, which is limited by other means: it waits, and is not refused. */
  isPatient?: boolean;
}

interface Waiting {
  places: number;
  price: number;
  isHeavy: boolean;
  isPatient: boolean;
  start: () => void;
}

interface Account {
  waiting: Waiting[];
  running: number;
  places: number;
  heavy: number;
  /** Turns taken so far, on the clock that all accounts share. */
  turns: number;
}

/**
 * Decides whose question is answered next. Accounts take turns: the one that has had the least goes first (start-time fair
 * queueing), so an account with many questions waits for itself and not others for it.
 */
export class QuestionTurns {
  private readonly accounts = new Map<string, Account>();
  private running = 0;
  private heavy = 0;
  /** The turn of the question that was begun last. */
  private now = 0;

  constructor(private readonly limits: TurnLimits = TURNS) {}

  /**
   * Waits for a place.
   * @param gone aborted when nobody waits for the answer any more: a question that has not begun leaves the queue
   * @returns to be called once, when the question is answered
   * @throws AppError 429 when too many questions of the account wait; ClientGoneError
   */
  take(name: string, cost: QuestionCost, gone: AbortSignal): Promise<() => void> {
    if (gone.aborted) return Promise.reject(new ClientGoneError());
    const account = this.accounts.get(name) ?? { waiting: [], running: 0, places: 0, heavy: 0, turns: this.now };
    this.accounts.set(name, account);
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        places: Math.min(Math.ceil(cost.apps / APPS_A_PLACE) || 1, this.limits.ofAccount),
        price: 1 + cost.apps / APPS_A_TURN + (cost.isHeavy ? HEAVY_TURNS : 0),
        isHeavy: cost.isHeavy ?? false,
        isPatient: cost.isPatient ?? false,
        start: () => {
          gone.removeEventListener('abort', leave);
          resolve(() => this.end(account, entry));
        },
      };
      const leave = () => {
        account.waiting.splice(account.waiting.indexOf(entry), 1);
        this.tidy();
        reject(new ClientGoneError());
      };
      account.waiting.push(entry);
      gone.addEventListener('abort', leave, { once: true });
      this.begin();
      const waiting = account.waiting.filter(({ isPatient }) => !isPatient);
      if (waiting.length <= this.limits.waiting || entry.isPatient) return;
      gone.removeEventListener('abort', leave);
      account.waiting.splice(account.waiting.indexOf(entry), 1);
      reject(tooMany(this.limits.waiting));
    });
  }

  /** Begins whatever there is room for. */
  private begin(): void {
    for (;;) {
      const next = this.next();
      if (!next) return;
      const [name, account, entry] = next;
      account.waiting.splice(account.waiting.indexOf(entry), 1);
      // Last in the map: of accounts that have had the same, the one that has waited longest is next.
      this.accounts.delete(name);
      this.accounts.set(name, account);
      this.now = Math.max(this.now, account.turns);
      account.turns = this.now + entry.price;
      this.count(account, entry, 1);
      entry.start();
    }
  }

  private next(): [string, Account, Waiting] | undefined {
    let found: [string, Account, Waiting] | undefined;
    for (const [name, account] of this.accounts) {
      if (found && Math.max(account.turns, this.now) >= Math.max(found[1].turns, this.now)) continue;
      const entry = account.waiting.find((one) => this.fits(account, one));
      if (entry) found = [name, account, entry];
    }
    return found;
  }

  private fits(account: Account, { places, isHeavy }: Waiting): boolean {
    const room = account.running === 0 ? this.limits.running : this.limits.running - this.limits.reserved;
    if (this.running >= room || account.places + places > this.limits.ofAccount) return false;
    return !isHeavy || (this.heavy < this.limits.heavy && account.heavy < this.limits.heavyOfAccount);
  }

  private end(account: Account, entry: Waiting): void {
    this.count(account, entry, -1);
    this.tidy();
    this.begin();
  }

  private count(account: Account, { places, isHeavy }: Waiting, by: 1 | -1): void {
    this.running += by;
    account.running += by;
    account.places += by * places;
    if (!isHeavy) return;
    this.heavy += by;
    account.heavy += by;
  }

  /** Forgets accounts that have nothing to wait for and have had no more than others. */
  private tidy(): void {
    const isIdle = this.running === 0 && [...this.accounts.values()].every(({ waiting }) => waiting.length === 0);
    for (const [name, { running, waiting, turns }] of this.accounts) {
      if (isIdle || (running === 0 && waiting.length === 0 && turns <= this.now)) this.accounts.delete(name);
    }
    if (isIdle) this.now = 0;
  }
}

function tooMany(waiting: number): AppError {
  const detail = `${waiting} questions of this account wait for their turn already. Wait for answers, then ask again.`;
  return new AppError(429, 'too_many_questions', detail, { headers: { 'retry-after': '2' } });
}
