//! All data in a value, as text.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule::domain::id::{SessionId, UserId};
use vestibule::domain::secret::Secret;
use vestibule::domain::user::User;
use vestibule::engine::{ClientView, EngineError, SessionView, SignInView, SignUpView};

/// The data that only the holder of the new token may get.
pub(super) fn secrets(new_token: String, session: SessionId, user: Option<UserId>) -> Vec<String> {
    let user = user.map(|id| id.to_string());
    [new_token, session.to_string()].into_iter().chain(user).collect()
}

pub(super) fn show(outcome: Result<impl Shown, EngineError>) -> String {
    let mut text = String::new();
    match outcome {
        Ok(value) => value.show(&mut text),
        Err(error) => write!(text, "{error:?}").expect("a string takes all"),
    }
    text
}

/// Writes all data of a value, secrets included.
pub(super) trait Shown {
    fn show(&self, text: &mut String);
}

impl Shown for ClientView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
        text.push_str(&serde_json::to_string(self).expect("JSON"));
        self.new_token.show(text);
        for session in &self.sessions {
            session.show(text);
        }
    }
}

impl Shown for SessionView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
        text.push_str(&serde_json::to_string(self).expect("JSON"));
        self.token.show(text);
    }
}

impl Shown for Secret<String> {
    /// A session token with its claims.
    fn show(&self, text: &mut String) {
        text.push_str(self.expose());
        let claims = self.expose().split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
        text.push_str(&String::from_utf8_lossy(&claims.unwrap_or_default()));
    }
}

impl Shown for SignUpView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
        text.push_str(&serde_json::to_string(self).expect("JSON"));
    }
}

impl Shown for SignInView {
    fn show(&self, text: &mut String) {
        write!(text, "{self:?}").expect("a string takes all");
        text.push_str(&serde_json::to_string(self).expect("JSON"));
    }
}

impl Shown for Arc<User> {
    fn show(&self, text: &mut String) {
        // The stored user contains the sign-up, which `/me` does not return.
        write!(text, "{:?}", User { sign_up: None, ..(**self).clone() }).expect("a string takes all");
    }
}

impl<A: Shown, B: Shown> Shown for (A, B) {
    fn show(&self, text: &mut String) {
        self.0.show(text);
        self.1.show(text);
    }
}

impl<T: Shown> Shown for Option<T> {
    fn show(&self, text: &mut String) {
        if let Some(value) = self {
            value.show(text);
        }
    }
}
