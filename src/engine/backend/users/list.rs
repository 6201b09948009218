//! Lists of users. A list by creation or by the last sign-in is read in its order, only as far as its page. A filter by
//! identifiers looks these up. Everything else reads all users, portion by portion, and keeps no more than the page and
//! what is skipped before it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::id::UserId;
use crate::domain::rejection::ErrorCode;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::{Direction, UserList, UserOrder};

use super::filter::{Named, Parsed, UserFilter};
use crate::engine::backend::pagination::{self, ListParams, Order};
use crate::engine::{Engine, EngineError};

/// The requested part of the list of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserListParams {
    /// Which users.
    pub filter: UserFilter,
    /// The sort key, with `-` before it for descending order: `created_at`, `updated_at`, `email_address`,
    /// `phone_number`, `username`, `first_name`, `last_name`, `last_active_at`, `last_sign_in_at`; the newest come first
    /// when absent. Users without the value come first in ascending order.
    pub order_by: Option<String>,
    /// How many users at most: 10 when absent, at most 500.
    pub limit: Option<usize>,
    /// How many users to skip.
    pub offset: usize,
    /// The user after whom the page begins, in an order by `created_at` and without an offset. However long the list
    /// is, such a page costs the same.
    pub starting_after: Option<UserId>,
}

impl Engine {
    /// [`Users::list`](crate::engine::Users::list).
    pub(in crate::engine) async fn list_users(&self, params: &UserListParams) -> Result<Vec<Arc<User>>, EngineError> {
        self.admitted(async {
            let filter = params.filter.parse()?;
            let order = ListParams { order_by: params.order_by.clone(), ..ListParams::default() }.order(&KEYS)?;
            let after = self.place_after(params, order).await?;
            let limit = pagination::limit(params.limit)?;
            if let Some(named) = filter.named() {
                let mut found = self.named_users(named, &filter).await?;
                found.sort_by_cached_key(|user| Rank::of(user, order));
                if order.descends {
                    found.reverse();
                }
                let begin = match after {
                    None => params.offset,
                    Some((at, id)) => found.partition_point(|user| {
                        let (rank, place) = ((user.created_at, user.id), (at, id));
                        if order.descends { rank >= place } else { rank <= place }
                    }),
                };
                return Ok(found.into_iter().skip(begin).take(limit).collect());
            }
            let direction = if order.descends { Direction::Descending } else { Direction::Ascending };
            let stored = match order.by {
                "created_at" => UserOrder::Created,
                "last_sign_in_at" => UserOrder::SignedIn,
                _ => return self.ranked_users(&filter, order, params.offset, limit).await,
            };
            self.indexed_users(&filter, UserList { order: stored, direction, after }, params.offset, limit).await
        })
        .await
    }

    /// [`Users::count`](crate::engine::Users::count).
    pub(in crate::engine) async fn count_users(&self, filter: &UserFilter) -> Result<u64, EngineError> {
        self.admitted(async {
            let filter = filter.parse()?;
            if filter.is_empty() {
                return Ok(self.inner.store().count_users().await?);
            }
            if let Some(named) = filter.named() {
                return Ok(self.named_users(named, &filter).await?.len() as u64);
            }
            let mut count = 0;
            self.each_user(FROM_THE_FIRST, |user| {
                count += u64::from(filter.fits(&user));
                true
            })
            .await?;
            Ok(count)
        })
        .await
    }

    /// The place of `starting_after` in the list.
    async fn place_after(
        &self,
        params: &UserListParams,
        order: Order,
    ) -> Result<Option<(Timestamp, UserId)>, EngineError> {
        let Some(id) = params.starting_after else { return Ok(None) };
        let invalid = || ErrorCode::FormParamValueInvalid.on("starting_after");
        if order.by != "created_at" || params.offset != 0 {
            return Err(invalid().into());
        }
        let user = self.inner.store().user(id).await?.ok_or_else(invalid)?;
        Ok(Some((user.created_at, id)))
    }

    /// The users that a filter names and fits.
    async fn named_users(&self, named: Named<'_>, filter: &Parsed<'_>) -> Result<Vec<Arc<User>>, EngineError> {
        let store = self.inner.store();
        let mut ids = BTreeSet::new();
        match named {
            Named::Ids(known) => ids.clone_from(known),
            Named::Identifiers(identifiers) => {
                for identifier in identifiers {
                    ids.extend(store.owner(identifier).await?);
                }
            }
        }
        let mut found = Vec::new();
        for id in ids {
            found.extend(store.user(id).await?.filter(|user| filter.fits(user)));
        }
        Ok(found)
    }

    /// A page in an order that the store keeps.
    async fn indexed_users(
        &self,
        filter: &Parsed<'_>,
        mut list: UserList,
        mut offset: usize,
        limit: usize,
    ) -> Result<Vec<Arc<User>>, EngineError> {
        if filter.is_empty() {
            // Skipped users are not read.
            while offset > 0 {
                let places = self.inner.store().user_places(list, offset.min(PLACES)).await?;
                let Some(last) = places.last() else { return Ok(Vec::new()) };
                (list.after, offset) = (Some(*last), offset - places.len());
            }
            return Ok(self.inner.store().users(list, limit).await?);
        }
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        self.each_user(list, |user| {
            match filter.fits(&user) {
                true if offset > 0 => offset -= 1,
                true => found.push(user),
                false => {}
            }
            found.len() < limit
        })
        .await?;
        Ok(found)
    }

    /// A page in another order.
    async fn ranked_users(
        &self,
        filter: &Parsed<'_>,
        order: Order,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Arc<User>>, EngineError> {
        if offset > OFFSET_MAX {
            return Err(ErrorCode::FormParamValueInvalid.on("offset").into());
        }
        let most = offset + limit;
        let mut first = BTreeSet::new();
        self.each_user(FROM_THE_FIRST, |user| {
            if filter.fits(&user) {
                first.insert(Rank::of(&user, order));
            }
            if first.len() > most {
                let _ = if order.descends { first.pop_first() } else { first.pop_last() };
            }
            true
        })
        .await?;
        let ranked: Vec<UserId> = match order.descends {
            true => first.into_iter().rev().skip(offset).map(|rank| rank.id).collect(),
            false => first.into_iter().skip(offset).map(|rank| rank.id).collect(),
        };
        let mut found = Vec::with_capacity(ranked.len());
        for id in ranked {
            // One that was deleted meanwhile is left out.
            found.extend(self.inner.store().user(id).await?);
        }
        Ok(found)
    }

    /// Reads users portion by portion until `take` returns false.
    async fn each_user(&self, mut list: UserList, mut take: impl FnMut(Arc<User>) -> bool) -> Result<(), EngineError> {
        loop {
            // Places tell where a portion ends also where a record in it can't be read.
            let places = self.inner.store().user_places(list, PORTION).await?;
            let Some(last) = places.last() else { return Ok(()) };
            for (_, id) in &places {
                if let Some(user) = self.inner.store().user(*id).await?
                    && !take(user)
                {
                    return Ok(());
                }
            }
            list.after = Some(*last);
        }
    }
}

/// What orders a user: the value of the sort key, then the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    time: Option<Timestamp>,
    text: Option<String>,
    id: UserId,
}

impl Rank {
    fn of(user: &User, order: Order) -> Self {
        let text = |text: Option<&str>| text.map(|text| text.to_lowercase());
        let (time, text) = match order.by {
            "created_at" => (Some(user.created_at), None),
            "updated_at" => (Some(user.updated_at), None),
            "last_active_at" => (user.last_active_at, None),
            "last_sign_in_at" => (user.last_sign_in_at, None),
            "email_address" => (None, text(user.email_addresses.first().map(|email| email.value.as_str()))),
            "phone_number" => (None, text(user.phone_numbers.first().map(|phone| phone.value.as_str()))),
            "username" => (None, text(user.username.as_ref().map(|name| name.as_str()))),
            "first_name" => (None, text(user.first_name.as_deref())),
            _ => (None, text(user.last_name.as_deref())),
        };
        Self { time, text, id: user.id }
    }
}

const KEYS: [&str; 9] = [
    "created_at",
    "updated_at",
    "email_address",
    "phone_number",
    "username",
    "first_name",
    "last_name",
    "last_active_at",
    "last_sign_in_at",
];
const FROM_THE_FIRST: UserList = UserList { order: UserOrder::Created, direction: Direction::Ascending, after: None };
/// How many users one read of a scan is about.
const PORTION: usize = 512;
/// How many places are skipped at a time.
const PLACES: usize = 4096;
/// The largest offset in a list that keeps what it skips in memory.
const OFFSET_MAX: usize = 100_000;
