// Loaded ahead of a process by NODE_OPTIONS: its clock is CLOCK_AHEAD_MS ahead of the database's (behind, where negative).
const ahead = Number(process.env.CLOCK_AHEAD_MS);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + ahead] : given));
  }

  static now() {
    return RealDate.now() + ahead;
  }
};
