use crate::delivery::{Callback, Channel};
use crate::domain::id::MessageId;
use crate::engine::{ChannelView, Engine, EngineError, MessageFilter, MessagePage, MessageView, ReportRefusal};

handle! {
    /// The calls about messages to people: what has become of them, and the channels
    /// ([guide: Messages](crate::guide::contract_backend#messages)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::messages::{Channel, MessageFilter};
    ///
    /// let engine = vestibule::Engine::builder().build().await?;
    /// engine.messages().pause(Channel::Sms).await?;
    /// let found = engine.messages().list(&MessageFilter::default(), 10).await?;
    /// assert!(found.items.is_empty());
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Messages by messages;

    /// Messages, the newest first, at most `limit` of them and at most 500.
    ///
    /// # Errors
    /// When the store can't be read.
    list(filter: &MessageFilter, limit: usize) -> MessagePage: list_messages;
    /// A message.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for unknown ids, and for messages that are not kept any more.
    get(id: MessageId) -> MessageView: message;
    /// Sends the same code or link once more, as a message of its own that ends at the same time. One that is still queued
    /// is shown as it is.
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; `message_over` where the code or link has expired, was used, or was replaced by a later
    /// message.
    send_again(id: MessageId) -> MessageView: send_message_again;
    /// Stops a channel: its messages wait until they expire. This outlasts a restart.
    ///
    /// # Errors
    /// When it can't be stored.
    pause(channel: Channel) -> ChannelView: pause_channel;
    /// Starts a channel that was stopped.
    ///
    /// # Errors
    /// When it can't be stored.
    resume(channel: Channel) -> ChannelView: resume_channel;
    /// The state of each channel.
    ///
    /// # Errors
    /// When the store can't be read.
    channels() -> Vec<ChannelView>: message_channels;
    /// Takes what a provider reports about messages that it has accepted, and tells how many of them are known here.
    ///
    /// # Errors
    /// When the store can't be read or written; the provider should report again then. In the inner result, why the report
    /// is not taken.
    take_reports(provider: &str, callback: &Callback<'_>) -> Result<usize, ReportRefusal>: take_message_reports;
}
