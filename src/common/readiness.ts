import { Injectable } from '@nestjs/common';

/** Whether this process still takes work: false from the moment it was told to stop. */
@Injectable()
export class Readiness {
  private running = true;

  get stopping(): boolean {
    return !this.running;
  }

  stop(): void {
    this.running = false;
  }
}
