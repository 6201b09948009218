//! Lists of users and their number.

use std::sync::Arc;

use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::error::StoreError;
use crate::store::kv::codec;
use crate::store::kv::key::{self, Kind, USER_COUNT_PARTS};
use crate::store::kv::reads::Reads;
use crate::store::kv::record::{CountRecordV1, UserRecordV4};
use crate::store::scan::{Direction, UserList, UserOrder};

use super::{Reader, from_after};

impl<R: Reads> Reader<'_, R> {
    pub(super) fn users(&self, list: UserList, limit: usize) -> Result<Vec<Arc<User>>, StoreError> {
        let (mut list, mut users) = (list, Vec::new());
        while users.len() < limit {
            let asked = limit - users.len();
            let places = self.user_places(list, asked)?;
            for (_, id) in &places {
                let key = key::user(*id);
                let read =
                    self.kv.get(&key)?.map(|bytes| codec::decode::<UserRecordV4>(&bytes).and_then(User::try_from));
                // A user who was removed since the scan of the places is left out, too.
                let user = read.map(|read| self.unreadable.skip(&key, read)).transpose()?.flatten();
                users.extend(user.map(Arc::new));
            }
            list.after = places.last().copied();
            if places.len() < asked {
                break;
            }
        }
        Ok(users)
    }

    pub(super) fn user_places(&self, list: UserList, limit: usize) -> Result<Vec<(Timestamp, UserId)>, StoreError> {
        let kind = match list.order {
            UserOrder::Created => Kind::UserCreated,
            UserOrder::SignedIn => Kind::UserSignedIn,
        };
        let last = list.after.map(|(at, id)| key::user_at(kind, at, id));
        let entries = match list.direction {
            Direction::Ascending => self.kv.scan(&[kind.byte()], &from_after(kind, last), limit)?,
            Direction::Descending => {
                self.kv.scan_back(&[kind.byte()], &last.unwrap_or_else(|| key::after(kind)), limit)?
            }
        };
        let damaged = || StoreError::Damaged("a key in a list of users".into());
        entries.iter().map(|(key, _)| key::parse_user_at(key).ok_or_else(damaged)).collect()
    }

    pub(super) fn count_users(&self) -> Result<u64, StoreError> {
        let mut sum = 0_u64;
        for part in 0..USER_COUNT_PARTS {
            let bytes = self.kv.get(&key::user_count(part))?;
            let part = bytes.map(|bytes| codec::decode::<CountRecordV1>(&bytes)).transpose()?;
            sum = sum.wrapping_add(part.map_or(0, |part| part.count));
        }
        Ok(sum)
    }
}
