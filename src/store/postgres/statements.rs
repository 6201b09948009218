//! The statements. They use what PostgreSQL and the databases that speak its protocol have in common: no advisory locks, no
//! notifications, no triggers.

use super::names::Names;

/// How far the tables are: the number in the meta table. A newer one is refused.
pub(super) const FORMAT: u32 = 1;

impl Names {
    /// What makes the tables where they are missing. Rows are written again in place where their page has room, which an index
    /// on nothing but the key allows.
    pub(super) fn tables(&self) -> String {
        let Self { entries, meta } = self;
        format!(
            "CREATE TABLE IF NOT EXISTS {entries} (key bytea PRIMARY KEY, stamp bigint NOT NULL, value bytea NOT NULL) \
             WITH (fillfactor = 80);\n\
             CREATE TABLE IF NOT EXISTS {meta} (name text PRIMARY KEY, value text NOT NULL);"
        )
    }

    /// Whether the tables are there.
    pub(super) fn is_there(&self) -> String {
        format!("SELECT to_regclass('{}') IS NOT NULL AND to_regclass('{}') IS NOT NULL", self.entries, self.meta)
    }

    /// All named facts of the deployment.
    pub(super) fn facts(&self) -> String {
        format!("SELECT name, value FROM {}", self.meta)
    }

    /// Notes a fact, unless it is noted.
    pub(super) fn note(&self) -> String {
        format!("INSERT INTO {} (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", self.meta)
    }

    /// The rows of these keys, all of one moment.
    pub(super) fn get(&self) -> String {
        format!("SELECT key, stamp, value FROM {} WHERE key = ANY($1)", self.entries)
    }

    pub(super) fn scan(&self) -> String {
        let entries = &self.entries;
        format!("SELECT key, value FROM {entries} WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3")
    }

    pub(super) fn scan_back(&self) -> String {
        let entries = &self.entries;
        format!("SELECT key, value FROM {entries} WHERE key >= $1 AND key < $2 ORDER BY key DESC LIMIT $3")
    }

    /// Writes a batch under the stamp `$1`, if all is as expected. Otherwise it fails with [`NOT_AS_EXPECTED`], and so writes
    /// nothing: in one round trip, without a transaction around it. The lists are in the order of the keys, so that two nodes
    /// mostly wait for each other in the same order.
    ///
    /// `$2`, `$3`: keys that are absent, with their values. `$4`, `$5`, `$6`: keys with their stamps and next values. `$7`, `$8`:
    /// keys to remove, with their stamps. `$9`, `$10`: keys to set, whatever they hold. `$11`: keys to remove in the same way.
    /// `$12`, `$13`: keys that are only to have their stamps.
    ///
    /// A row that another transaction is just changing is waited for and looked at again, under READ COMMITTED by its new stamp;
    /// stricter levels refuse it, which is tried again.
    pub(super) fn append(&self) -> String {
        let entries = &self.entries;
        format!(
            "WITH added AS (\
               INSERT INTO {entries} (key, stamp, value) \
               SELECT t.k, $1::bigint, t.v FROM unnest($2::bytea[], $3::bytea[]) WITH ORDINALITY AS t(k, v, n) ORDER BY t.n \
               ON CONFLICT (key) DO NOTHING RETURNING 1), \
             changed AS (\
               UPDATE {entries} AS e SET stamp = $1::bigint, value = t.v \
               FROM unnest($4::bytea[], $5::bigint[], $6::bytea[]) AS t(k, s, v) \
               WHERE e.key = t.k AND e.stamp = t.s RETURNING 1), \
             removed AS (\
               DELETE FROM {entries} AS e USING unnest($7::bytea[], $8::bigint[]) AS t(k, s) \
               WHERE e.key = t.k AND e.stamp = t.s RETURNING 1), \
             put AS (\
               INSERT INTO {entries} (key, stamp, value) \
               SELECT t.k, $1::bigint, t.v FROM unnest($9::bytea[], $10::bytea[]) WITH ORDINALITY AS t(k, v, n) ORDER BY t.n \
               ON CONFLICT (key) DO UPDATE SET stamp = excluded.stamp, value = excluded.value RETURNING 1), \
             dropped AS (DELETE FROM {entries} AS e WHERE e.key = ANY($11::bytea[]) RETURNING 1), \
             read AS (\
               SELECT e.key FROM {entries} AS e JOIN unnest($12::bytea[], $13::bigint[]) AS t(k, s) \
               ON e.key = t.k AND e.stamp = t.s ORDER BY e.key FOR SHARE OF e) \
             SELECT 1 / CASE WHEN (SELECT count(*) FROM added) = cardinality($2::bytea[]) \
               AND (SELECT count(*) FROM changed) = cardinality($4::bytea[]) \
               AND (SELECT count(*) FROM removed) = cardinality($7::bytea[]) \
               AND (SELECT count(*) FROM read) = cardinality($12::bytea[]) THEN 1 ELSE 0 END \
             + 0 * ((SELECT count(*) FROM put) + (SELECT count(*) FROM dropped))"
        )
    }

    /// Takes keys that have to stay absent, until the end of the transaction: nobody else can add them before it.
    pub(super) fn guard(&self) -> String {
        let entries = &self.entries;
        format!(
            "INSERT INTO {entries} (key, stamp, value) SELECT t.k, $1::bigint, ''::bytea FROM unnest($2::bytea[]) AS t(k) \
             ON CONFLICT (key) DO NOTHING"
        )
    }

    pub(super) fn unguard(&self) -> String {
        format!("DELETE FROM {} WHERE key = ANY($1)", self.entries)
    }
}

/// The SQLSTATE of a division by zero: [`Names::append`] fails so where something is not as expected.
pub(super) const NOT_AS_EXPECTED: &str = "22012";
