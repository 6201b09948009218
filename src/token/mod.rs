//! Keys and tokens: the instance key with all that is derived from it or encrypted under it, client tokens, signing
//! keys, session tokens, JWKS. This room knows no store, no actor and no HTTP.

mod client_token;
mod instance_key;
mod keyring;
mod oauth_state;
mod session_token;
mod testing_token;
mod ticket;
mod totp;

pub use client_token::{PresentedToken, parse_client_token};
pub use instance_key::{InstanceKey, KeyFileError};
pub use keyring::{Algorithm, KeyError, Keyring, SigningKey};
pub use oauth_state::{FlowId, OAuthState, RedirectTargets, TokenCarrier};
pub use session_token::SessionClaims;
pub use totp::{new_totp_secret, read_totp_secret, totp_secret_text, totp_step};
