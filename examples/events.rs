//! An application that follows what happens in the engine and keeps a table of its own: each user has a row exactly once,
//! although the application may die between any two steps. Run it with `cargo run --example events`; the data goes into
//! a folder that is removed again.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use vestibule::events::{EventId, Happened};
use vestibule::keys::InstanceKey;
use vestibule::storage::{EmbeddedOptions, EmbeddedStore, Sealing, make_private};
use vestibule::users::NewUser;
use vestibule::{Engine, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("vestibule-events-{}", std::process::id()));
    let outcome = run(&folder).await;
    fs::remove_dir_all(&folder)?;
    outcome
}

async fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let table = folder.join("members");
    let first = engine(folder).await?;
    for name in ["ada", "eve"] {
        first.users().create(&member(name)).await?;
    }
    // It dies after the first row, before it has noted how far it came.
    follow(&first, &table, Death::AfterRow).await?;
    first.shutdown().await;

    // After the restart it sees the first event again, and all later ones, also those from while it was not running.
    let second = engine(folder).await?;
    second.users().create(&member("zoe")).await?;
    follow(&second, &table, Death::Never).await?;
    let members = Members::open(&table)?;
    assert_eq!(members.rows.len(), 3, "each user once");
    println!("{} members, each with one row", members.rows.len());
    second.shutdown().await;
    Ok(())
}

enum Death {
    Never,
    AfterRow,
}

/// Follows the events up to the newest one. In earnest it goes on for ever: `events.next()` waits for what comes.
async fn follow(engine: &Engine, table: &Path, death: Death) -> Result<(), Box<dyn Error>> {
    let mut members = Members::open(table)?;
    let cursor = engine.events().cursor("members");
    let mut events = cursor.subscribe().await?;
    while let Some(event) = events.next().await {
        let event = event?;
        if let Happened::UserCreated { id, .. } = event.what {
            members.insert(event.id, id)?;
            if matches!(death, Death::AfterRow) {
                return Ok(());
            }
        }
        cursor.advance(event.position).await?;
        if engine.events().read(Some(event.position), 1).await?.is_empty() {
            break;
        }
    }
    Ok(())
}

/// The application's own table, here a file with a line for each row. The event's id is its unique key.
struct Members {
    rows: BTreeMap<String, String>,
    file: File,
}

impl Members {
    fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let text = fs::read_to_string(path)?;
        let rows = text.lines().filter_map(|line| line.split_once(' '));
        Ok(Self { rows: rows.map(|(key, user)| (key.to_owned(), user.to_owned())).collect(), file })
    }

    /// Adds a row, unless it is there: then the event comes for the second time.
    fn insert(&mut self, event: EventId, user: UserId) -> Result<(), Box<dyn Error>> {
        if self.rows.contains_key(&event.to_string()) {
            println!("{event} was seen before");
            return Ok(());
        }
        writeln!(self.file, "{event} {user}")?;
        self.file.sync_data()?;
        self.rows.insert(event.to_string(), user.to_string());
        println!("{event}: {user} is a member");
        Ok(())
    }
}

fn member(name: &str) -> NewUser {
    NewUser { skip_user_requirement: true, external_id: Some(name.to_owned()), ..NewUser::default() }
}

async fn engine(folder: &Path) -> Result<Engine, Box<dyn Error>> {
    make_private(folder)?;
    let key = InstanceKey::load_or_create(&folder.join("instance.key"))?;
    let sealing = Some(Sealing { key: key.store_key(), seal: true });
    let store = EmbeddedStore::open_with(folder, &EmbeddedOptions { sealing, ..EmbeddedOptions::default() })?;
    Ok(Engine::builder().store(Arc::new(store)).key(key).build().await?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_runs() {
        super::main().expect("each user once");
    }
}
