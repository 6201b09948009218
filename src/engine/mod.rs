//! The engine: sign-up and sign-in in process. This is the embedding API; HTTP is one of its users. It knows neither
//! hyper nor JSON shapes.
//!
//! [`EngineBuilder`] makes an [`Engine`], whose methods are the calls: those of people in `frontend/`, those of the
//! application's backend in `backend/`. [`SignUps`], [`SignIns`], [`Sessions`], [`Users`], [`SignInTokens`],
//! [`Invitations`], [`Waitlist`], [`Instance`] and [`Events`] group the same calls by what they are about. Begin reading
//! at `frontend/sign_ups.rs`.

mod admission;
mod amendments;
mod backend;
mod builder;
mod caller;
#[expect(clippy::module_inception, reason = "the room is named after its one handle")]
mod engine;
mod error;
mod events;
mod frontend;
mod handles;
mod hash_costs;
pub(crate) mod input;
mod keys;
mod other_nodes;
#[cfg(test)]
mod simulation;
mod view;
#[cfg(feature = "webhooks")]
mod webhooks;

pub use crate::domain::sign_in::Prepare as PrepareFirstFactor;
pub use crate::token::TokenCarrier;
#[cfg(feature = "cli")]
pub(crate) use amendments::ConfiguredBeside;
#[cfg(feature = "cli")]
pub(crate) use backend::at_rest::{drop_stored_overrides, stored_overrides};
pub use backend::instance::{ListedIdentifierView, OverridesView};
pub use backend::invitations::{InvitationView, TicketHolder, TicketStatus};
pub use backend::messages::{ChannelView, MessageFilter, MessagePage, MessageView, ReportRefusal};
pub use backend::pagination::{ListParams, Page};
pub use backend::sessions::SessionListParams;
pub use backend::sign_in_tokens::SignInTokenView;
pub use backend::users::{CodeKind, UserFilter, UserListParams};
pub use backend::waitlist::WaitlistEntryView;
#[cfg(feature = "webhooks")]
pub use backend::webhooks::WebhookEndpointView;
pub use builder::EngineBuilder;
pub use caller::{Caller, RequestContext};
pub use engine::Engine;
pub use error::{BuildError, EngineError, NotReady};
pub use events::{Cursor, EventStream, EventsFrom};
pub use frontend::email_links::{Followed, LinkOutcome};
#[cfg(feature = "server")]
pub(crate) use frontend::handshakes::DEV_BROWSER_PREFIX;
pub use frontend::handshakes::{Handshake, HandshakeRequest};
pub use frontend::oauth::{CallbackRedirect, ProviderCallback};
pub use frontend::own::{NewOwnPassword, NewPasskey, ReverificationView, ReverifyAttempt, ReverifyPrepare};
pub use frontend::own_second_factors::TotpView;
#[cfg(feature = "webhooks")]
pub use handles::Webhooks;
pub use handles::{
    Events, Instance, Invitations, Messages, OwnUser, Sessions, SignInTokens, SignIns, SignUps, Users, Values, Waitlist,
};
pub use input::{
    ApprovedLink, AttemptFirstFactor, AttemptSecondFactor, AttemptVerification, NewSignIn, PrepareVerification,
    ResetPassword,
};
pub use keys::BackendKey;
pub use view::{ClientView, SessionView, SignInView, SignUpView};
#[cfg(feature = "webhooks")]
pub use webhooks::{
    ComposedMessage, EventData, MessageWebhooks, NewWebhookEndpoint, Unusable, WebhookAttempt, WebhookEndpointPatch,
};
