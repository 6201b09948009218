//! Users in PostgreSQL beside the application's own tables: each new user gets a row in the same transaction, so that neither
//! exists without the other, and the application's constraints have their say. Run it with
//! `VESTIBULE_EXAMPLE_URL=postgres://user@localhost/database cargo run --example postgres --features postgres`.

use std::error::Error;
use std::sync::Arc;

use vestibule::hooks::Refusal;
use vestibule::keys::InstanceKey;
use vestibule::messages::Capture;
use vestibule::settings::sample_settings;
use vestibule::storage::{NewUserSql, PostgresOptions, PostgresStore, Sealing, SqlFailure, SqlStatement};
use vestibule::users::User;
use vestibule::{Engine, Secret, SessionId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Ok(url) = std::env::var("VESTIBULE_EXAMPLE_URL") else {
        println!("VESTIBULE_EXAMPLE_URL names no database: nothing to show");
        return Ok(());
    };
    let key = InstanceKey::generate();
    let options = PostgresOptions {
        url: Secret::new(url),
        prefix: "example".into(),
        sealing: Some(Sealing { key: key.store_key(), seal: true }),
        migrates: true,
        projects: true,
    };
    let store = PostgresStore::open_with(&options, Arc::new(Members::new()?)).await?;
    let mail = Arc::new(Capture::new());
    let engine = Engine::builder()
        .settings(sample_settings("email_code")?)
        .key(key)
        .store(Arc::new(store))
        .email(mail)
        .build()
        .await?;
    println!("each sign-up that completes now has a row in the table `members`");
    engine.shutdown().await;
    Ok(())
}

/// The application's table:
///
/// ```sql
/// CREATE TABLE members (
///     user_id text PRIMARY KEY REFERENCES example_user (id) ON DELETE CASCADE,
///     plan text NOT NULL DEFAULT 'free',
///     email text NOT NULL CONSTRAINT seats CHECK (email LIKE '%@example.com')
/// );
/// ```
struct Members {
    no_seat: Refusal,
}

impl Members {
    fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self { no_seat: Refusal::new("no_seat", "Your company has no seat left for you.")? })
    }
}

impl NewUserSql for Members {
    fn statements(&self, user: &User, _session_id: Option<SessionId>) -> Vec<SqlStatement> {
        let email = user.email_addresses.first().map(|email| email.value.as_str().to_owned());
        let insert = "INSERT INTO members (user_id, email) VALUES ($1, $2)";
        vec![SqlStatement::new(insert).bind(user.id.to_string()).bind(email)]
    }

    fn refusal(&self, failure: &SqlFailure) -> Option<Refusal> {
        (failure.constraint.as_deref() == Some("seats")).then(|| self.no_seat.clone())
    }
}
