//! Clerk's shapes ([guide: The contract](crate::guide::contract)). They are made from the engine's views only: this
//! room knows no request, no cookie and no header.

mod client;
pub(crate) mod error;
mod invitation;
mod session;
mod sign_in;
mod sign_up;
mod user;
mod verification;

pub(crate) use client::ClientResource;
pub(crate) use invitation::{InvitationResource, Waiting, WaitlistEntryResource};
pub(crate) use session::{SessionResource, TokenResource};
pub(crate) use sign_in::SignInResource;
pub(crate) use sign_up::SignUpResource;
pub(crate) use user::UserResource;

use std::fmt::Display;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A value as its display text. Ids need it: serialised directly they are the bytes in the store.
#[derive(Clone, Copy, Debug)]
struct AsDisplay<T>(T);

impl<T: Display> Serialize for AsDisplay<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Metadata, which the domain stores as the text of a JSON object.
#[derive(Clone, Copy, Debug)]
struct Metadata<'a>(&'a str);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As stored: without the feature `server` a parsed object would have its keys in another order.
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(object) => object.serialize(serializer),
            Err(_) => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;
