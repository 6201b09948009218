//! Clerk's shapes ([guide: The contract](crate::guide::contract)). They are made from the engine's views only: this
//! room knows no request, no cookie and no header.
//!
//! A resource is the shape of one object. The views themselves serialize as their resources: the HTTP front end sends
//! exactly what an embedder's `serde_json::to_string(&view)` gives.

pub(crate) mod backend;
mod client;
#[cfg(feature = "server")]
mod device_session;
pub(crate) mod error;
pub(crate) mod instance;
mod invitation;
mod message;
mod passkey;
mod reverification;
#[cfg(feature = "server")]
pub(crate) mod second_factor;
mod session;
mod sign_in;
mod sign_in_token;
mod sign_up;
mod user;
mod verification;
#[cfg(feature = "webhooks")]
mod webhook;

#[cfg(feature = "server")]
pub(crate) use client::ClientResource;
#[cfg(feature = "server")]
pub(crate) use device_session::SessionWithActivity;
#[cfg(feature = "server")]
pub(crate) use passkey::OwnPasskey;
#[cfg(feature = "server")]
pub(crate) use session::TokenResource;
pub(crate) use user::UserResource;
#[cfg(feature = "server")]
pub(crate) use user::{OwnAccount, OwnAddress, OwnAddresses};

use std::fmt::Display;

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::listed::ListedRedirect;
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;
use crate::engine::{
    ChannelView, ClientView, InvitationView, ListedIdentifierView, MessagePage, MessageView, OverridesView, Page,
    ReverificationView, SessionView, SignInTokenView, SignInView, SignUpView, WaitlistEntryView,
};

#[cfg(feature = "webhooks")]
use crate::engine::{WebhookAttempt, WebhookEndpointView};
#[cfg(not(feature = "server"))]
use client::ClientResource;
use instance::{ListedIdentifierResource, OverridesResource, RedirectUrlResource};
use invitation::{InvitationResource, Waiting, WaitlistEntryResource};
use message::{ChannelResource, MessagePageResource, MessageResource};
use reverification::ReverificationResource;
use session::SessionResource;
use sign_in::SignInResource;
use sign_in_token::SignInTokenResource;
use sign_up::SignUpResource;
#[cfg(feature = "webhooks")]
use webhook::{WebhookAttemptResource, WebhookEndpointResource};

/// Serializes views as their resources.
macro_rules! serialize_as {
    ($($(#[$about:meta])* $view:ty: $resource:ident;)*) => {$(
        $(#[$about])*
        impl Serialize for $view {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $resource::from(self).serialize(serializer)
            }
        }
    )*};
}

serialize_as! {
    /// The SignUp ([guide: The SignUp object](crate::guide::contract_sign_ups#the-signup-object)), as the HTTP front
    /// end sends it. It is for the person who signs up: of an account at a provider it has the URL that leads there.
    SignUpView: SignUpResource;
    /// The SignIn ([guide: The SignIn object](crate::guide::contract_sign_ins#the-signin-object)), as the HTTP front end sends it.
    SignInView: SignInResource;
    /// The Session with its user ([guide: Sessions](crate::guide::contract_sign_ins#sessions)), as the HTTP front end
    /// sends it. It includes the session token, where one was made.
    SessionView: SessionResource;
    /// The SessionReverification ([guide: Re-verification](crate::guide::contract_me#re-verification)), as the HTTP front end
    /// sends it.
    ReverificationView: ReverificationResource;
    /// The Client ([guide: The Client object](crate::guide::contract#the-client-object)), as the HTTP front end sends
    /// it, without [`ClientView::new_token`]: that one goes into a cookie or a header.
    ClientView: ClientResource;
    /// The User ([guide: Users](crate::guide::contract_sign_ins#users)), as the HTTP front end sends it, but for one
    /// value: a user alone does not tell when its sessions were in use, so `last_active_at` is the time of its last
    /// sign-in. Within a [`SessionView`] it is the time of that session.
    User: UserResource;
    /// An invitation ([guide: Backend invitations](crate::guide::contract_backend#backend-invitations)), as the Backend API sends it. While it is
    /// pending, it includes the URL with the ticket: it is for the application's backend only.
    InvitationView: InvitationResource;
    /// A sign-in token ([guide: Sign-in tokens](crate::guide::contract_backend#sign-in-tokens)), as the Backend API sends it. While it is
    /// pending, it includes the ticket and the URL with it: it is for the application's backend only.
    SignInTokenView: SignInTokenResource;
    /// A waitlist entry ([guide: Backend waiting list](crate::guide::contract_backend#backend-waiting-list)), as the Backend API sends it.
    WaitlistEntryView: WaitlistEntryResource;
    /// An entry of the allow-list or the block-list ([guide: Lists of the instance](crate::guide::contract_backend#lists-of-the-instance)), as the Backend API sends it.
    ListedIdentifierView: ListedIdentifierResource;
    /// A redirect URL ([guide: Lists of the instance](crate::guide::contract_backend#lists-of-the-instance)), as the Backend API sends it.
    ListedRedirect: RedirectUrlResource;
    /// What overrides the configured settings ([guide: The instance](crate::guide::contract_backend#the-instance)), as the Backend API sends it.
    OverridesView: OverridesResource;
    /// A message ([guide: Messages](crate::guide::contract_backend#messages)), as the Backend API sends it.
    MessageView: MessageResource;
    /// A part of the list of messages ([guide: Messages](crate::guide::contract_backend#messages)), as the Backend API sends it.
    MessagePage: MessagePageResource;
    /// A channel of messages ([guide: Messages](crate::guide::contract_backend#messages)), as the Backend API sends it.
    ChannelView: ChannelResource;
    /// What the person who joined the waitlist is shown: the id and the times, without the status.
    WaitlistEntry: Waiting;
}

#[cfg(feature = "webhooks")]
serialize_as! {
    /// An endpoint of webhooks ([guide: Webhook endpoints](crate::guide::contract_backend#webhook-endpoints)), as the
    /// Backend API sends it.
    WebhookEndpointView: WebhookEndpointResource;
    /// An attempt to deliver a webhook ([guide: Webhook endpoints](crate::guide::contract_backend#webhook-endpoints)), as
    /// the Backend API sends it.
    WebhookAttempt: WebhookAttemptResource;
}

/// A page of a list ([guide: Lists](crate::guide::contract_backend#lists)), as the Backend API sends it: `data` and
/// `total_count`.
impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut page = serializer.serialize_struct("Page", 2)?;
        page.serialize_field("data", &self.items)?;
        page.serialize_field("total_count", &self.total)?;
        page.end()
    }
}

/// A part of a resource: it is rendered with it, or was rendered before.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown<'a, R> {
    Resource(R),
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "only answers show an object twice"))]
    Rendered(&'a RawValue),
}

/// A value as its display text. Ids need it: serialised directly they are the bytes in the store.
#[derive(Clone, Copy, Debug, PartialEq)]
struct AsDisplay<T>(T);

impl<T: Display> Serialize for AsDisplay<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Metadata, which the domain stores as the text of a JSON object.
#[derive(Clone, Copy, Debug, PartialEq)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_written_as_it_is_stored_and_damaged_metadata_as_an_empty_object() {
        for (stored, written) in [
            (r#"{"zone":1,"area":{"y":[2.5,null],"x":"é"}}"#, r#"{"zone":1,"area":{"y":[2.5,null],"x":"é"}}"#),
            ("{}", "{}"),
            ("", "{}"),
            (r#"{"zone":"#, "{}"),
        ] {
            assert_eq!(serde_json::to_string(&Metadata(stored)).expect("JSON"), written);
        }
    }

    #[test]
    fn a_page_has_its_items_and_the_count_of_all() {
        let page = Page { items: vec!["a", "b"], total: 7 };
        assert_eq!(serde_json::to_string(&page).expect("JSON"), r#"{"data":["a","b"],"total_count":7}"#);
    }

    #[test]
    fn a_view_keeps_the_order_of_its_keys_in_every_build() {
        let written = serde_json::to_string(&samples::sign_up()).expect("JSON");
        let places: Vec<_> =
            ["\"object\"", "\"id\"", "\"status\"", "\"verifications\"", "\"abandon_at\"", "\"locale\""]
                .map(|key| written.find(key))
                .into();
        assert!(places.is_sorted() && places[0].is_some(), "{written}");
    }
}
