/**
 * What tells the named locks of one database from those of another on the same server. MySQL takes names of up to 64
 * characters, which a database's own may have; MySQL 9.7 has no MD5.
 */
export const OF_THIS_DATABASE = 'LEFT(SHA2(DATABASE(), 256), 32)';
