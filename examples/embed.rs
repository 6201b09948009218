//! A sign-up inside a program of one's own: no HTTP, a store on the disk, and messages that leave by a road of one's
//! own. Run it with `cargo run --example embed`; the data goes into a folder that is removed again.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use vestibule::keys::InstanceKey;
use vestibule::messages::{BoxFuture, Failure, FailureClass, Message, Outcome, Receipt, Transport};
use vestibule::settings::{Branding, sample_settings};
use vestibule::storage::{EmbeddedOptions, EmbeddedStore, Sealing, make_private};
use vestibule::{
    AttemptVerification, Caller, Engine, NewSignUp, PrepareVerification, RequestContext, SignUpStatus, Strategy,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("vestibule-embed-{}", std::process::id()));
    let outcome = run(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (mail, mut letters) = unbounded_channel();
    let engine = engine(folder, mail).await?;

    // Somebody whom the engine does not know yet gives an address. The new client's token is who they are from now on.
    let (sign_ups, input) = (engine.sign_ups(), NewSignUp::new().email_address("Ada@Example.com"));
    let context = RequestContext::default();
    let (sign_up, client) = sign_ups.create(&Caller::anonymous(), &input, &context).await?;
    println!(
        "missing {:?}, unverified {:?}",
        sign_up.requirements.missing_fields, sign_up.requirements.unverified_fields
    );
    let token = client.new_token.ok_or("a new client has a token")?;

    // A code goes out by our own road, and comes back from the person.
    let (id, caller) = (sign_up.id(), engine.identify(Some(token.expose())).await?);
    sign_ups.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
    let code = read_code(&mut letters).await?;
    let attempt = AttemptVerification::code(Strategy::EmailCode, code);
    let (done, client) = sign_ups.attempt(&caller, id, &attempt, &context).await?;
    assert_eq!(done.status, SignUpStatus::Complete);
    let session = &client.sessions[0];
    println!("{} is a user, with the session {}", session.user.id, session.session.id);

    // What was answered is on the disk: another engine over the same data, as after a restart, knows the client.
    let (user, token) = (session.user.id, client.new_token.ok_or("a session brings a new token")?);
    engine.shutdown().await;
    let (mail, _letters) = unbounded_channel();
    let again = self::engine(folder, mail).await?;
    let caller = again.identify(Some(token.expose())).await?;
    assert_eq!(again.users().current(&caller, None).await?.id, user);
    println!("and still is after a restart");
    again.shutdown().await;
    Ok(())
}

async fn engine(folder: &Path, mail: UnboundedSender<Message>) -> Result<Engine, Box<dyn Error>> {
    make_private(folder)?;
    // Everything secret is sealed under this key. Back it up apart from the data, which can't be used without it.
    let key = InstanceKey::load_or_create(&folder.join("instance.key"))?;
    let sealing = Some(Sealing { key: key.store_key(), seal: true });
    let options = EmbeddedOptions { sealing, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(folder, &options)?;
    let engine = Engine::builder()
        .settings(sample_settings("email_code")?)
        .branding(Branding { name: "Acme".into(), ..Branding::default() })
        .store(Arc::new(store))
        .key(key)
        .email(Arc::new(Mail(mail)));
    Ok(engine.build().await?)
}

/// A road for mail: here into a channel, in earnest perhaps to a provider's API. The engine calls it again after
/// `Outcome::Retry`, until the message has expired; `message.id` stays the same.
struct Mail(UnboundedSender<Message>);

impl Transport for Mail {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        let outcome = match self.0.send(message.clone()) {
            Ok(()) => Outcome::Sent(Receipt::default()),
            Err(_) => Outcome::Refused(Failure::new(FailureClass::Provider, "the receiver of the channel is gone")),
        };
        Box::pin(std::future::ready(outcome))
    }
}

/// What a person does with the letter.
async fn read_code(letters: &mut UnboundedReceiver<Message>) -> Result<String, Box<dyn Error>> {
    let letter = letters.recv().await.ok_or("a letter")?;
    println!("to {}: {}", letter.to, letter.subject);
    Ok(letter.code.ok_or("the letter carries a code")?.into_inner())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_runs() {
        super::main().expect("a sign-up");
    }
}
