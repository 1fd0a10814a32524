import { readFileSync } from 'node:fs';

/** What dpkg keeps about each package. */
const STATUS = '/var/lib/dpkg/status';
/** Packages that every Debian and Ubuntu has: what Priority says of these, or that a program cannot do without. */
const BASE = /^(Essential: yes|Priority: (required|important)|Package: libc6)$/m;

/**
 * The packages of the base system and all that they need, as dpkg would keep them if nothing else were installed. To apt
 * this looks like a machine on which the wanted servers are missing as a whole: what happens to be installed of them, half
 * of a server or another version, then decides nothing.
 */
export function baseSystemStatus(text = readFileSync(STATUS, 'utf8')) {
  const installed = text.split(/\n{2,}/).filter((stanza) => /^Status: \S+ \S+ installed$/m.test(stanza));
  const providers = new Map();
  for (const stanza of installed) {
    for (const name of [...namesIn(field(stanza, 'Package')), ...namesIn(field(stanza, 'Provides'))]) {
      providers.set(name, [...(providers.get(name) ?? []), stanza]);
    }
  }
  const kept = new Set();
  const open = installed.filter((stanza) => BASE.test(stanza));
  while (open.length > 0) {
    const stanza = open.pop();
    if (kept.has(stanza)) continue;
    kept.add(stanza);
    const needs = namesIn(`${field(stanza, 'Pre-Depends')},${field(stanza, 'Depends')}`);
    open.push(...needs.flatMap((name) => providers.get(name) ?? []));
  }
  return `${[...kept].join('\n\n')}\n`;
}

function field(stanza, name) {
  return new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
}

/** `libc6 (>= 2.36), awk | mawk:any` names libc6, awk and mawk. */
function namesIn(list) {
  return list
    .split(/[,|]/)
    .map((item) => /^\s*([^\s:(]+)/.exec(item)?.[1])
    .filter(Boolean);
}
