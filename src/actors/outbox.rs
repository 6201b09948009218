//! The content of outbox entries: effects become sealed entries of a commit, and the relay opens the entries.
//!
//! The sealed text is the kind of message, then its secrets, one per line.

use crate::delivery::Channel;
use crate::domain::id::MessageId;
use crate::domain::message::{Content, Message, Template};
use crate::domain::secret::Secret;
use crate::domain::transition::Effect;
use crate::store::{MessageAbout, OutboxEntry, OutboxKind, StoredMessage};

use super::context::ActorContext;

impl ActorContext {
    /// The outbox entries that carry out the effects of a decision.
    pub(crate) fn outbox(&self, effects: Vec<Effect>) -> Vec<OutboxEntry> {
        let entry = |effect| match effect {
            Effect::Deliver(message) => self.seal(message),
        };
        effects.into_iter().map(entry).collect()
    }

    /// The outbox entry of a message: its content is sealed and bound to the message id.
    pub(crate) fn seal(&self, message: Message) -> OutboxEntry {
        let Message { id, to, display_to, content, origin, locale, phone_channel, created_at, expire_at } = message;
        let about = (content != Content::Decoy).then(|| MessageAbout {
            template: Template::of(&content, Some(&origin)),
            origin,
            locale,
            phone_channel,
        });
        let sealed = self.sealer.seal(id.as_bytes(), encode_content(&content).expose().as_bytes());
        OutboxEntry { id, kind: OutboxKind::Message { to, display_to, about }, sealed, created_at, expire_at }
    }

    /// The same message once more, under the id `id` and until the same time; `None` where it can't be opened.
    pub(crate) fn seal_again(&self, message: &StoredMessage, id: MessageId) -> Option<OutboxEntry> {
        let content = self.open_sealed(message.id, &message.sealed)?;
        let sealed = self.sealer.seal(id.as_bytes(), encode_content(&content).expose().as_bytes());
        let (to, about) = (message.to.clone(), message.about.clone());
        let display_to = to.value.clone();
        Some(OutboxEntry {
            id,
            kind: OutboxKind::Message { to, display_to, about },
            sealed,
            created_at: self.now(),
            expire_at: message.expire_at,
        })
    }

    /// The content of an entry; `None` where it was sealed under another key or for another entry.
    pub(super) fn open(&self, entry: &OutboxEntry) -> Option<Content> {
        self.open_sealed(entry.id, &entry.sealed)
    }

    /// What was sealed for this message; `None` where it was sealed under another key or for another message.
    pub(crate) fn open_sealed(&self, id: MessageId, sealed: &[u8]) -> Option<Content> {
        let plain = self.sealer.open(id.as_bytes(), sealed)?;
        decode_content(std::str::from_utf8(&plain).ok()?)
    }
}

/// The channel that delivers an entry.
pub(super) fn channel_of(entry: &OutboxEntry) -> Channel {
    match &entry.kind {
        OutboxKind::Message { to, .. } => Channel::of(to),
    }
}

/// The text that is sealed.
fn encode_content(content: &Content) -> Secret<String> {
    Secret::new(match content {
        Content::Code(code) => format!("{CODE}\n{}", code.expose()),
        Content::Link { token, code: None } => format!("{LINK}\n{}", token.expose()),
        Content::Link { token, code: Some(code) } => format!("{LINK}\n{}\n{}", token.expose(), code.expose()),
        Content::Invitation(ticket) => format!("{INVITATION}\n{}", ticket.expose()),
        Content::Notice => NOTICE.to_owned(),
        Content::PasswordChanged => PASSWORD_CHANGED.to_owned(),
        Content::SecondFactorRemoved => SECOND_FACTOR_REMOVED.to_owned(),
        Content::PrimaryEmailChanged => PRIMARY_EMAIL_CHANGED.to_owned(),
        Content::PasskeyAdded => PASSKEY_ADDED.to_owned(),
        Content::PasskeyRemoved => PASSKEY_REMOVED.to_owned(),
        Content::SecondFactorAdded => SECOND_FACTOR_ADDED.to_owned(),
        Content::BackupCodesCreated => BACKUP_CODES_CREATED.to_owned(),
        Content::ExternalAccountConnected => EXTERNAL_ACCOUNT_CONNECTED.to_owned(),
        Content::Decoy => DECOY.to_owned(),
    })
}

/// The content that a sealed text encodes.
fn decode_content(plain: &str) -> Option<Content> {
    let mut lines = plain.split('\n');
    let word = lines.next()?;
    let mut secret = || lines.next().map(|line| Secret::new(line.to_owned()));
    Some(match word {
        CODE => Content::Code(secret()?),
        LINK => Content::Link { token: secret()?, code: secret() },
        INVITATION => Content::Invitation(secret()?),
        NOTICE => Content::Notice,
        PASSWORD_CHANGED => Content::PasswordChanged,
        SECOND_FACTOR_REMOVED => Content::SecondFactorRemoved,
        PRIMARY_EMAIL_CHANGED => Content::PrimaryEmailChanged,
        PASSKEY_ADDED => Content::PasskeyAdded,
        PASSKEY_REMOVED => Content::PasskeyRemoved,
        SECOND_FACTOR_ADDED => Content::SecondFactorAdded,
        BACKUP_CODES_CREATED => Content::BackupCodesCreated,
        EXTERNAL_ACCOUNT_CONNECTED => Content::ExternalAccountConnected,
        DECOY => Content::Decoy,
        _ => return None,
    })
}

const CODE: &str = "code";
const LINK: &str = "link";
const INVITATION: &str = "invitation";
const NOTICE: &str = "notice";
const PASSWORD_CHANGED: &str = "password_changed";
const SECOND_FACTOR_REMOVED: &str = "second_factor_removed";
const PRIMARY_EMAIL_CHANGED: &str = "primary_email_changed";
const PASSKEY_ADDED: &str = "passkey_added";
const PASSKEY_REMOVED: &str = "passkey_removed";
const SECOND_FACTOR_ADDED: &str = "second_factor_added";
const BACKUP_CODES_CREATED: &str = "backup_codes_created";
const EXTERNAL_ACCOUNT_CONNECTED: &str = "external_account_connected";
const DECOY: &str = "decoy";

#[cfg(test)]
mod tests {
    use crate::actors::test_support::World;
    use crate::domain::id::SignUpId;
    use crate::domain::identifier::{Identifier, IdentifierKind};
    use crate::domain::time::Timestamp;

    use super::*;

    #[tokio::test]
    async fn what_is_sealed_opens_as_it_was_and_only_under_its_own_id() {
        let (context, secret) = (World::new().context(), |text: &str| Secret::new(text.to_owned()));
        for content in [
            Content::Code(secret("424242")),
            Content::Link { token: secret("sua_1.abc"), code: None },
            Content::Link { token: secret("sua_1.abc"), code: Some(secret("424242")) },
            Content::Invitation(secret("ticket")),
            Content::Notice,
            Content::PasswordChanged,
            Content::SecondFactorRemoved,
            Content::PrimaryEmailChanged,
            Content::PasskeyAdded,
            Content::PasskeyRemoved,
            Content::SecondFactorAdded,
            Content::BackupCodesCreated,
            Content::ExternalAccountConnected,
            Content::Decoy,
        ] {
            let message = Message {
                id: MessageId::from_bytes([1; 16]),
                to: Identifier { kind: IdentifierKind::PhoneNumber, value: "+14155552671".into() },
                display_to: "+1 415 555 2671".into(),
                content: content.clone(),
                origin: SignUpId::from_bytes([3; 16]).into(),
                locale: Some("de".into()),
                phone_channel: None,
                created_at: Timestamp::from_millis(1),
                expire_at: Timestamp::from_millis(2),
            };
            let effects = vec![Effect::Deliver(message)];
            let mut entry = context.outbox(effects).pop().expect("one entry for one effect");
            assert_eq!(channel_of(&entry), Channel::Sms);
            assert_eq!(context.open(&entry), Some(content));
            entry.id = MessageId::from_bytes([2; 16]);
            assert_eq!(context.open(&entry), None);
        }
    }
}
