import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { SignInFlow } from '../database/entities/index.js';

const MINUTES_10 = 10 * 60_000;

/** A sign-in that came back to the browser that began it. */
export interface FinishedFlow {
  verifier: string;
  next: string;
  wantsJson: boolean;
}

/**
 * State and PKCE verifier of sign-ins under way, kept in MySQL under the hash of the browser's flow cookie, so that any
 * API process can finish one, once.
 */
@Injectable()
export class SignInFlowStore {
  constructor(@InjectRepository(SignInFlow) private readonly flows: Repository<SignInFlow>) {}

  /** @returns the flow cookie's value and the state that the provider hands back */
  async begin(verifier: string, next: string, wantsJson: boolean): Promise<{ flow: string; state: string }> {
    const flow = randomBytes(32).toString('base64url');
    const state = randomBytes(32).toString('base64url');
    const expiresAt = new Date(Date.now() + MINUTES_10);
    await this.flows.insert({ flowHash: hash(flow), state, verifier, next, wantsJson, expiresAt });
    await this.flows.delete({ expiresAt: LessThan(new Date()) });
    return { flow, state };
  }

  /** @returns undefined when the cookie or the state is missing, foreign, used or too old */
  async finish(flow: string | undefined, state: string | undefined): Promise<FinishedFlow | undefined> {
    if (!flow || !state) return undefined;
    const found = await this.flows.findOneBy({ flowHash: hash(flow) });
    if (!found) return undefined;
    // Whoever deletes it has used it: of two at once one gets it.
    const { affected } = await this.flows.delete({ flowHash: found.flowHash });
    if (affected !== 1 || found.state !== state || found.expiresAt.getTime() < Date.now()) return undefined;
    return { verifier: found.verifier, next: found.next, wantsJson: Boolean(found.wantsJson) };
  }
}

function hash(flow: string): string {
  return createHash('sha256').update(flow).digest('hex');
}
