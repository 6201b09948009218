use crate::domain::event::{Event, Position};
use crate::engine::{Cursor, Engine, EngineError, EventStream, EventsFrom};

handle! {
    /// The calls about events: what has happened to sign-ups, users, sessions and what belongs to them
    /// ([guide: Events](crate::guide::events)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::events::EventsFrom;
    /// use vestibule::users::NewUser;
    ///
    /// let engine = Engine::builder().build().await?;
    /// let mut events = engine.events().subscribe(EventsFrom::Now).await?;
    /// let input = NewUser { skip_user_requirement: true, external_id: Some("ada-1".into()), ..NewUser::default() };
    /// engine.users().create(&input).await?;
    /// let event = events.next().await.ok_or("the engine runs")??;
    /// assert_eq!(event.name(), "user.created");
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Events by events;

    /// The events from a place on, and each new one when it happens.
    ///
    /// # Errors
    /// [`EngineError::EventsLost`] where events behind the position are no longer kept.
    subscribe(from: EventsFrom) -> EventStream: subscribe_to_events;
    /// The next events behind a position, or the oldest that are kept: up to `limit`, at most a thousand. It does not wait
    /// for new ones.
    ///
    /// # Errors
    /// As [`Events::subscribe`].
    read(after: Option<Position>, limit: usize) -> Vec<Event>: read_events;
    /// The cursors that were advanced and not removed, by name.
    ///
    /// # Errors
    /// When the store can't be read.
    cursors() -> Vec<(String, Position)>: list_cursors;
    /// Removes a cursor.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for an unknown one, and as [`Cursor::position`].
    remove_cursor(name: &str) -> (): remove_cursor;
}

impl<'a> Events<'a> {
    /// A place in the events with a name, for a reader of an application. It is stored once it is
    /// [advanced](Cursor::advance).
    pub fn cursor(self, name: &str) -> Cursor<'a> {
        Cursor::new(self.0, name)
    }
}
