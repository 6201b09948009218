//! Values of the application ([guide: Values of the application](crate::guide::contract_backend#values-of-the-application)).

use crate::domain::application_value::{ApplicationValue, ValueKey, check_namespace, check_prefix};
use crate::domain::rejection::ErrorCode;
use crate::store::{Commit, Decision, ValueWrite};

use super::pagination;
use crate::engine::{Engine, EngineError};

impl Engine {
    /// [`Values::get`](crate::engine::Values::get).
    pub(crate) async fn application_value(&self, key: &ValueKey) -> Result<Option<ApplicationValue>, EngineError> {
        self.admitted(async { Ok(self.inner.store().application_value(key).await?) }).await
    }

    /// [`Values::put`](crate::engine::Values::put).
    pub(crate) async fn put_application_value(&self, value: &ApplicationValue) -> Result<(), EngineError> {
        self.admitted(self.write_value(ValueWrite::Put(value.clone()))).await
    }

    /// [`Values::remove`](crate::engine::Values::remove).
    pub(crate) async fn remove_application_value(&self, key: &ValueKey) -> Result<(), EngineError> {
        self.admitted(self.write_value(ValueWrite::Remove(key.clone()))).await
    }

    /// [`Values::list`](crate::engine::Values::list).
    pub(crate) async fn application_values(
        &self,
        namespace: &str,
        prefix: &str,
        after: Option<&ValueKey>,
        limit: usize,
    ) -> Result<Vec<ApplicationValue>, EngineError> {
        self.admitted(async {
            let invalid = |param| move |_| ErrorCode::FormParamValueInvalid.on(param);
            check_namespace(namespace).map_err(invalid("namespace"))?;
            check_prefix(prefix).map_err(invalid("prefix"))?;
            Ok(self.inner.store().application_values(namespace, prefix, after, pagination::limit(Some(limit))?).await?)
        })
        .await
    }

    async fn write_value(&self, write: ValueWrite) -> Result<(), EngineError> {
        let decision = Decision { values: vec![write], ..Decision::default() };
        self.inner.system.persister().commit(Commit::of_decision(self.now(), decision)).await?;
        Ok(())
    }
}
