//! The clients that the application's backend looks at
//! ([guide: Backend sessions](crate::guide::contract_backend#backend-sessions)).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::domain::rejection::ErrorCode;

use super::pagination::{self, Page};
use crate::engine::{Engine, EngineError};

impl Engine {
    /// A client with its live sessions.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub(crate) async fn client_for_backend(&self, id: ClientId) -> Result<Arc<Client>, EngineError> {
        self.admitted(async { self.inner.store().client(id).await?.ok_or(EngineError::NotFound) }).await
    }

    /// A page of all clients, the newest first, and how many there are. It reads the id of each one, so it is meant for
    /// administrators, not for every request; of the clients it reads those of the page.
    ///
    /// # Errors
    /// `form_param_value_invalid` for an offset above 100 000.
    pub(crate) async fn list_clients(
        &self,
        limit: Option<usize>,
        offset: usize,
    ) -> Result<Page<Arc<Client>>, EngineError> {
        self.admitted(async {
            let limit = pagination::limit(limit)?;
            if offset > OFFSET_MAX {
                return Err(ErrorCode::FormParamValueInvalid.on("offset").into());
            }
            let (store, wanted) = (self.inner.store(), offset + limit);
            let (mut newest, mut total, mut after) = (BinaryHeap::new(), 0, None);
            loop {
                let some = store.client_ids(after, PORTION).await?;
                (total, after) = (total + some.len(), some.last().copied());
                let is_last = some.len() < PORTION;
                for id in some {
                    newest.push(Reverse((id.made_at(), id)));
                    if newest.len() > wanted {
                        newest.pop();
                    }
                }
                if is_last {
                    break;
                }
            }
            let mut items = Vec::new();
            for Reverse((_, id)) in newest.into_sorted_vec().into_iter().skip(offset) {
                // One that is gone since has no place in the list.
                items.extend(store.client(id).await?);
            }
            Ok(Page { items, total })
        })
        .await
    }
}

/// How many clients may be left out: as many ids are in memory at once.
const OFFSET_MAX: usize = 100_000;
/// How many ids one read returns.
const PORTION: usize = 4096;
