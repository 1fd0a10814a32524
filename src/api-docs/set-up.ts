import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Env } from '../config/env.js';

/** Serves the OpenAPI document and the Swagger UI page. */
export async function setUpApiDocs(_app: NestFastifyApplication, _env: Env): Promise<void> {}
