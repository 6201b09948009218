//! Rows of users as parameters of a statement: a list for each column.

use tokio_postgres::types::ToSql;

use crate::store::kv::projection::ProjectedUser;

/// The columns of rows, in their order in the table.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    ids: Vec<&'a str>,
    texts: [Vec<Option<&'a str>>; 6],
    public_metadata: Vec<&'a str>,
    times: [Vec<i64>; 2],
}

impl<'a> Columns<'a> {
    pub(super) fn of(users: &'a [ProjectedUser]) -> Self {
        let mut columns = Self::default();
        for user in users {
            columns.ids.push(&user.id);
            let texts = [
                &user.email_address,
                &user.phone_number,
                &user.username,
                &user.first_name,
                &user.last_name,
                &user.external_id,
            ];
            for (column, text) in columns.texts.iter_mut().zip(texts) {
                column.push(text.as_deref());
            }
            columns.public_metadata.push(&user.public_metadata);
            for (column, time) in columns.times.iter_mut().zip([user.created_at_ms, user.updated_at_ms]) {
                column.push(time);
            }
        }
        columns
    }

    /// For [`Names::set_users`](super::names::Names::set_users).
    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 10] {
        let [email_address, phone_number, username, first_name, last_name, external_id] = &self.texts;
        let [created_at, updated_at] = &self.times;
        [
            &self.ids,
            email_address,
            phone_number,
            username,
            first_name,
            last_name,
            external_id,
            &self.public_metadata,
            created_at,
            updated_at,
        ]
    }
}
