//! The statements. They use what PostgreSQL and the databases that speak its protocol have in common: no advisory locks, no
//! notifications, no triggers.

use super::names::Names;
use crate::store::kv::key::Kind;

/// How far the tables are: the number in the meta table. A newer one is refused.
pub(super) const FORMAT: u32 = 3;

impl Names {
    /// What makes the tables where they are missing. Rows are written again in place where their page has room, which an index
    /// on nothing but the key allows.
    pub(super) fn tables(&self) -> String {
        let Self { entries, meta, users } = self;
        format!(
            "CREATE TABLE IF NOT EXISTS {entries} (key bytea PRIMARY KEY, stamp bigint NOT NULL, value bytea NOT NULL) \
             WITH (fillfactor = 80);\n\
             CREATE TABLE IF NOT EXISTS {meta} (name text PRIMARY KEY, value text NOT NULL);\n\
             CREATE TABLE IF NOT EXISTS {users} (id text PRIMARY KEY, email_address text, phone_number text, username text, \
             first_name text, last_name text, external_id text, public_metadata jsonb NOT NULL, \
             created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);\n\
             CREATE INDEX IF NOT EXISTS {users}_email ON {users} (email_address);\n\
             CREATE INDEX IF NOT EXISTS {users}_external ON {users} (external_id);"
        )
    }

    /// Whether the tables of the first format are there, and whether those that came later are, too.
    pub(super) fn is_there(&self) -> String {
        let Self { entries, meta, users } = self;
        format!(
            "SELECT to_regclass('{entries}') IS NOT NULL AND to_regclass('{meta}') IS NOT NULL, \
             to_regclass('{users}_external') IS NOT NULL"
        )
    }

    /// Notes the format once the tables have it, where an older one is noted.
    pub(super) fn raise_format(&self) -> String {
        format!("UPDATE {} SET value = '{FORMAT}' WHERE name = 'format' AND value IN ('1', '2')", self.meta)
    }

    /// All named facts of the deployment.
    pub(super) fn facts(&self) -> String {
        format!("SELECT name, value FROM {}", self.meta)
    }

    /// Notes a fact, unless it is noted.
    pub(super) fn note(&self) -> String {
        format!("INSERT INTO {} (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", self.meta)
    }

    /// Forgets a fact.
    pub(super) fn forget(&self) -> String {
        format!("DELETE FROM {} WHERE name = $1", self.meta)
    }

    /// Writes entries of a copy under the stamp `$1`, and the fact `$4` with the value `$5`. `$2`, `$3`: the keys and their
    /// values.
    #[cfg(feature = "sled")]
    pub(super) fn copy(&self) -> String {
        let Self { entries, meta, .. } = self;
        format!(
            "WITH put AS (\
               INSERT INTO {entries} (key, stamp, value) \
               SELECT t.k, $1::bigint, t.v FROM unnest($2::bytea[], $3::bytea[]) AS t(k, v) \
               ON CONFLICT (key) DO UPDATE SET stamp = excluded.stamp, value = excluded.value) \
             INSERT INTO {meta} (name, value) VALUES ($4, $5) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        )
    }

    /// The rows of these keys, all of one moment.
    pub(super) fn get(&self) -> String {
        format!("SELECT key, stamp, value FROM {} WHERE key = ANY($1)", self.entries)
    }

    /// The first `$3` entries from `$1` on and below `$2`.
    pub(super) fn scan(&self) -> String {
        let entries = &self.entries;
        format!("SELECT key, value FROM {entries} WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3")
    }

    /// As [`scan`](Self::scan), with the stamps.
    pub(super) fn stamped(&self) -> String {
        let entries = &self.entries;
        format!("SELECT key, stamp, value FROM {entries} WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3")
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
    /// `$12`, `$13`: keys that are only to have their stamps. `$14`: the records of the log of events.
    ///
    /// It returns the number of the first record of the log. Records get their numbers after all other parts of the statement. A
    /// transaction that needs numbers waits for the end of the one that has just taken some, so records become visible in the
    /// order of their numbers.
    ///
    /// A row that another transaction is just changing is waited for and looked at again by its new stamp, under READ COMMITTED.
    /// Databases that know stricter levels only refuse it, which is tried again.
    pub(super) fn append(&self) -> String {
        self.append_and("", &[])
    }

    /// The same with rows of users, in the same statement. `$15` to `$24`: the columns of those that are set. `$25`: the ids of
    /// those that are removed.
    pub(super) fn append_projected(&self) -> String {
        let users = &self.users;
        let set = self.set_users(15, ("", ""), "ORDER BY t.id");
        self.append_and(
            &format!(
                "projected AS ({set} RETURNING 1), \
                 unprojected AS (DELETE FROM {users} AS u WHERE u.id = ANY($25::text[]) RETURNING 1), "
            ),
            &["projected", "unprojected"],
        )
    }

    /// Sets rows of users. `$1` to `$10`: their columns. `$11`, `$12`: the keys of the users, and the stamps that they had;
    /// those that have changed since are left out.
    pub(super) fn project(&self) -> String {
        let entries = &self.entries;
        self.set_users(
            1,
            (", $11::bytea[], $12::bigint[]", ", k, s"),
            &format!("JOIN {entries} AS e ON e.key = t.k AND e.stamp = t.s ORDER BY t.id FOR SHARE OF e"),
        )
    }

    /// Sets rows of users whose columns are the ten parameters from `first` on, beside which other lists may stand.
    fn set_users(&self, first: usize, (lists_beside, names_beside): (&str, &str), joined: &str) -> String {
        let users = &self.users;
        let lists = (0..10).map(|n| format!("${}::{}[]", first + n, if n < 8 { "text" } else { "bigint" }));
        let lists = lists.collect::<Vec<_>>().join(", ");
        let set: Vec<_> = COLUMNS.split(", ").skip(1).map(|name| format!("{name} = excluded.{name}")).collect();
        let set = set.join(", ");
        format!(
            "INSERT INTO {users} ({COLUMNS}) \
             SELECT t.id, t.email_address, t.phone_number, t.username, t.first_name, t.last_name, t.external_id, \
               t.public_metadata::jsonb, to_timestamp(t.created_at / 1000.0), to_timestamp(t.updated_at / 1000.0) \
             FROM unnest({lists}{lists_beside}) AS t({COLUMNS}{names_beside}) {joined} \
             ON CONFLICT (id) DO UPDATE SET {set}"
        )
    }

    /// The ids in the table of users, in their order.
    pub(super) fn projected_ids(&self) -> String {
        format!("SELECT id FROM {} WHERE id > $1 ORDER BY id LIMIT $2", self.users)
    }

    /// Removes those of these rows whose users are gone. `$1`, `$2`: the ids, and the keys of the users.
    pub(super) fn unproject(&self) -> String {
        let Self { entries, users, .. } = self;
        format!(
            "DELETE FROM {users} AS u USING unnest($1::text[], $2::bytea[]) AS t(id, k) \
             WHERE u.id = t.id AND NOT EXISTS (SELECT FROM {entries} AS e WHERE e.key = t.k)"
        )
    }

    /// The statement with further parts, which have these names.
    fn append_and(&self, more: &str, names: &[&str]) -> String {
        let Self { entries, meta, .. } = self;
        let log = Kind::Event.byte();
        let is_as_expected = "(SELECT count(*) FROM added) = cardinality($2::bytea[]) \
             AND (SELECT count(*) FROM changed) = cardinality($4::bytea[]) \
             AND (SELECT count(*) FROM removed) = cardinality($7::bytea[]) \
             AND (SELECT count(*) FROM read) = cardinality($12::bytea[])";
        let is_done = ["put", "dropped"].iter().chain(names);
        let is_done: String = is_done.map(|name| format!("AND (SELECT count(*) FROM {name}) >= 0 ")).collect();
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
             {more}read AS (\
               SELECT e.key FROM {entries} AS e JOIN unnest($12::bytea[], $13::bigint[]) AS t(k, s) \
               ON e.key = t.k AND e.stamp = t.s ORDER BY e.key FOR SHARE OF e), \
             numbered AS (\
               UPDATE {meta} AS m SET value = (m.value::bigint + cardinality($14::bytea[]))::text \
               WHERE m.name = '{NEXT_IN_LOG}' AND cardinality($14::bytea[]) > 0 AND {is_as_expected} {is_done}\
               RETURNING m.value::bigint - cardinality($14::bytea[]) AS first), \
             logged AS (\
               INSERT INTO {entries} (key, stamp, value) \
               SELECT '\\x{log:02x}'::bytea || decode(lpad(to_hex(f.first + t.n - 1), 16, '0'), 'hex'), $1::bigint, t.v \
               FROM numbered AS f, unnest($14::bytea[]) WITH ORDINALITY AS t(v, n) \
               ON CONFLICT (key) DO NOTHING RETURNING 1) \
             SELECT 1 / CASE WHEN {is_as_expected} {is_done}\
               AND (SELECT count(*) FROM logged) = cardinality($14::bytea[]) THEN 1 ELSE 0 END, \
             (SELECT first FROM numbered)"
        )
    }

    /// Numbers the next records of the log from `$1` on, if the numbers that they would get are smaller.
    pub(super) fn number_from(&self) -> String {
        format!(
            "INSERT INTO {meta} AS m (name, value) VALUES ('{NEXT_IN_LOG}', $1::bigint::text) \
             ON CONFLICT (name) DO UPDATE SET value = greatest(m.value::bigint, $1::bigint)::text",
            meta = self.meta
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

/// The columns of the table of users.
const COLUMNS: &str = "id, email_address, phone_number, username, first_name, last_name, external_id, public_metadata, \
                       created_at, updated_at";
/// The name of the fact that is the number of the next record of the log of events.
const NEXT_IN_LOG: &str = "next_in_log";
/// The SQLSTATE of a division by zero: [`Names::append`] fails so where something is not as expected.
pub(super) const NOT_AS_EXPECTED: &str = "22012";
