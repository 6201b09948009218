//! Refusals by the application: why it does not want a person as a user, in its own words.

use super::rejection::{ErrorCode, OwnWords, Reason};

/// A refusal in the application's words. People read its message; official clients find translations by its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: String,
    message: String,
}

/// Why a text can't be part of a [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRefusal {
    /// The code is empty, longer than 64 bytes, or not in `snake_case` of ASCII letters and digits.
    #[error("the code is not in snake_case, or has more than 64 bytes")]
    Code,
    /// The message is empty, longer than 512 bytes, or has control characters.
    #[error("the message is empty, has more than 512 bytes, or has control characters")]
    Message,
}

/// Why a sign-up that met every requirement did not become a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The application refused the person.
    Refused(Refusal),
    /// The application could not be asked, and its hook is set to refuse then.
    Unchecked,
}

impl Refusal {
    /// A refusal with a code such as `company_only`, and a sentence for the person.
    ///
    /// # Errors
    /// Where the code is not in `snake_case` or has more than 64 bytes, and where the message is empty, has more than
    /// 512 bytes or has control characters.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Result<Self, InvalidRefusal> {
        let code = code.into();
        let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if code.len() > CODE_MAX || !code.starts_with(|c: char| c.is_ascii_lowercase()) || !code.bytes().all(is_word) {
            return Err(InvalidRefusal::Code);
        }
        let message = sentence(message.into()).ok_or(InvalidRefusal::Message)?;
        Ok(Self { code, message })
    }

    /// A refusal that was checked before it was stored.
    pub(crate) const fn restored(code: String, message: String) -> Self {
        Self { code, message }
    }

    /// The code on the wire.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for the person.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<&Declined> for Reason {
    fn from(declined: &Declined) -> Self {
        match declined {
            Declined::Unchecked => ErrorCode::SignUpCheckFailed.into(),
            Declined::Refused(Refusal { code, message }) => {
                let words = OwnWords { code: Some(code.clone()), message: message.clone() };
                Self { words: Some(Box::new(words)), ..ErrorCode::RefusedByApplication.into() }
            }
        }
    }
}

/// A text for people, unless it is empty, too long, or has control characters.
pub fn sentence(text: String) -> Option<String> {
    let is_fit = !text.trim().is_empty() && text.len() <= MESSAGE_MAX && !text.chars().any(char::is_control);
    is_fit.then_some(text)
}

/// The longest code, in bytes.
const CODE_MAX: usize = 64;
/// The longest message, in bytes.
pub const MESSAGE_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_word_in_snake_case_of_limited_length() {
        let longest = "a".repeat(CODE_MAX);
        for code in ["company_only", "a", "v2", longest.as_str()] {
            assert_eq!(Refusal::new(code, "No.").as_ref().map(Refusal::code), Ok(code));
        }
        let longer = "a".repeat(CODE_MAX + 1);
        for code in ["", "Company", "2nd", "_a", "a-b", "a b", "ä", "a\n", longer.as_str()] {
            assert_eq!(Refusal::new(code, "No."), Err(InvalidRefusal::Code), "{code:?}");
        }
    }

    #[test]
    fn a_message_can_be_shown_on_one_line() {
        let longest = "a".repeat(MESSAGE_MAX);
        for message in ["Bitte mit der Adresse Ihrer Firma.", longest.as_str()] {
            assert_eq!(Refusal::new("no", message).as_ref().map(Refusal::message), Ok(message));
        }
        let longer = "a".repeat(MESSAGE_MAX + 1);
        for message in ["", " ", "a\nb", "a\u{7}", longer.as_str()] {
            assert_eq!(Refusal::new("no", message), Err(InvalidRefusal::Message), "{message:?}");
        }
    }
}
