use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::engine::{Engine, EngineError};

handle! {
    /// The calls about values of the application: small records of its own beside its users. A hook writes them in the
    /// commit that makes a user ([`EngineBuilder::before_conversion`](crate::EngineBuilder::before_conversion)).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use vestibule::Engine;
    /// use vestibule::hooks::{ApplicationValue, ValueKey};
    ///
    /// let engine = Engine::builder().build().await?;
    /// let key = ValueKey::new("billing", "user_1")?;
    /// engine.values().put(&ApplicationValue::new(key.clone(), "free")?).await?;
    /// let found = engine.values().get(&key).await?.ok_or("it was written")?;
    /// assert_eq!(found.bytes.expose(), b"free");
    /// assert_eq!(engine.values().list("billing", "user_", None, 10).await?.len(), 1);
    /// engine.values().remove(&key).await?;
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    Values by values;

    /// A value, if it is there.
    ///
    /// # Errors
    /// When the store can't be read.
    get(key: &ValueKey) -> Option<ApplicationValue>: application_value;
    /// Writes a value. One that is there under the same key is replaced.
    ///
    /// # Errors
    /// When the store can't be written.
    put(value: &ApplicationValue) -> (): put_application_value;
    /// Removes a value, if it is there.
    ///
    /// # Errors
    /// When the store can't be written.
    remove(key: &ValueKey) -> (): remove_application_value;
    /// The values of a namespace whose names begin with `prefix`, in the order of their names, at most `limit` of them
    /// and at most 500. With `after`, those behind that name.
    ///
    /// # Errors
    /// `form_param_value_invalid` for a namespace or a prefix that no key can have.
    list(namespace: &str, prefix: &str, after: Option<&ValueKey>, limit: usize) -> Vec<ApplicationValue>:
        application_values;
}
