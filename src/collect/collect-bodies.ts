import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { assertScope, KeyAuthenticator } from '../access/key-authenticator.js';
import { keyMissing } from '../access/key.guard.js';
import type { BodyRules, BodySize } from '../bodies/body-rules.js';
import type { KeyCaller } from '../common/caller.js';
import { headerToken, withoutSpace } from '../common/presented-token.js';
import { BODY_MAX_BYTES } from '../events/limits.js';
import { BodiesUnderWay } from './bodies-under-way.js';
import { CollectLimits, loadOf, REFUSED_EVENTS } from './collect-limits.js';
import { statedFormat, timeKeyCheck } from './ingest-format.js';

/** Bodies of the routes that take events: only those of a good key that may write are parsed. The guards ask again afterwards. */
@Injectable()
export class CollectBodies implements BodyRules<KeyCaller> {
  readonly maxBytes = BODY_MAX_BYTES;
  readonly inBody = {
    shapeOf: statedFormat,
    admit: (request: FastifyRequest, key: string): KeyCaller => this.admit(request, withoutSpace(key)),
    missing: (request: FastifyRequest) => keyMissing(statedFormat(request).keyFields[0]),
  };

  constructor(
    private readonly keys: KeyAuthenticator,
    private readonly limits: CollectLimits,
    private readonly underWay: BodiesUnderWay,
  ) {}

  senderOf(request: FastifyRequest): KeyCaller | undefined {
    const presented = headerToken(request);
    return presented && this.admit(request, presented.token);
  }

  assertMaySend(request: FastifyRequest, caller: KeyCaller): void {
    timeKeyCheck(request, () => this.limits.assertMaySend(caller, request.visitorAddress));
  }

  begin(caller: KeyCaller, { bytes }: BodySize): () => void {
    return this.underWay.begin(caller.ownerId, bytes);
  }

  noteFailed(request: FastifyRequest, caller: KeyCaller, size: BodySize): void {
    this.limits.noteFailed(caller, request.visitorAddress, loadOf(REFUSED_EVENTS, size));
  }

  private admit(request: FastifyRequest, key: string): KeyCaller {
    const caller = timeKeyCheck(request, () => this.keys.authenticate(key, request));
    // A request that is refused before its guard sees it names its key in the log too.
    request.caller ??= caller;
    assertScope(caller, 'write');
    this.assertMaySend(request, caller);
    return caller;
  }
}
