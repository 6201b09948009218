//! Lists for administrators, with the parameters of Clerk's Backend API: filtered, ordered and split into pages.

use std::cmp::Ordering;
use std::future::Future;

use crate::domain::identifier::EmailAddress;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::store::StoreError;

/// The requested part of a list.
#[derive(Clone, Debug, Default)]
pub struct ListParams {
    /// Only items with this status.
    pub status: Option<String>,
    /// Only items whose address contains this text.
    pub query: Option<String>,
    /// The sort key, with `-` before it for descending order; newest first when absent.
    pub order_by: Option<String>,
    /// How many items at most: 10 when absent, at most 500.
    pub limit: Option<usize>,
    /// How many items to skip.
    pub offset: usize,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many items match in all.
    pub total: usize,
}

/// The sort key and its direction.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Order {
    pub(in crate::engine) by: &'static str,
    pub(in crate::engine) descends: bool,
}

impl ListParams {
    /// The requested order; `keys` are the allowed sort keys, and the first is the default.
    pub(in crate::engine) fn order(&self, keys: &[&'static str]) -> Result<Order, Reason> {
        let Some(text) = self.order_by.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(Order { by: keys.first().copied().unwrap_or_default(), descends: true });
        };
        let (descends, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let by = keys.iter().find(|key| **key == name).copied();
        by.map(|by| Order { by, descends }).ok_or_else(|| ErrorCode::FormParamValueInvalid.on("order_by"))
    }

    /// The requested status, among the known ones.
    pub(in crate::engine) fn status<S: Copy>(
        &self,
        all: &[S],
        word: impl Fn(S) -> &'static str,
    ) -> Result<Option<S>, Reason> {
        let Some(text) = self.status.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        let found = all.iter().find(|status| word(**status) == text).copied();
        found.map(Some).ok_or_else(|| ErrorCode::FormParamValueInvalid.on("status"))
    }

    /// A predicate: whether an address matches the query.
    pub(in crate::engine) fn finder(&self) -> impl Fn(&EmailAddress) -> bool {
        let fragment = self.query.as_deref().map(EmailAddress::fragment).unwrap_or_default();
        move |address| address.as_str().contains(&fragment)
    }

    /// The requested page of `all`.
    pub(in crate::engine) fn page<T>(
        &self,
        mut all: Vec<T>,
        compare: impl Fn(&T, &T) -> Ordering,
        order: Order,
    ) -> Result<Page<T>, Reason> {
        all.sort_by(|left, right| if order.descends { compare(right, left) } else { compare(left, right) });
        let total = all.len();
        let limit = limit(self.limit)?;
        Ok(Page { items: all.into_iter().skip(self.offset).take(limit).collect(), total })
    }
}

impl<T> Page<T> {
    /// Converts each item.
    pub(in crate::engine) fn map<U>(self, into: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(into).collect(), total: self.total }
    }
}

/// Reads a whole list in portions and keeps the items that match.
pub(in crate::engine) async fn collect<T, I, F: Future<Output = Result<Vec<T>, StoreError>>>(
    read: impl Fn(Option<I>) -> F,
    id: impl Fn(&T) -> I,
    matches: impl Fn(&T) -> bool,
    portion: usize,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let some = read(after).await?;
        let is_last = some.len() < portion;
        after = some.last().map(&id);
        found.extend(some.into_iter().filter(&matches));
        if is_last {
            return Ok(found);
        }
    }
}

/// How many items a page has at most; `asked` is what the caller wants.
///
/// # Errors
/// `form_param_value_invalid` for more than a page may have: a shorter page would look like the last one.
pub(in crate::engine) fn limit(asked: Option<usize>) -> Result<usize, Reason> {
    match asked {
        Some(limit) if limit > LIMIT_MAX => Err(ErrorCode::FormParamValueInvalid.on("limit")),
        asked => Ok(asked.unwrap_or(LIMIT)),
    }
}

/// How many items a page has when nothing is said.
const LIMIT: usize = 10;
/// How many items a page has at most.
const LIMIT_MAX: usize = 500;
