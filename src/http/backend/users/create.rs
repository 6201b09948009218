//! Creating a user.

use crate::domain::rejection::Rejection;
use crate::domain::secret::Secret;
use crate::domain::user::NewUser;
use crate::http::call::Call;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::{UNBUILT, answer};

pub(in crate::http::backend) async fn create(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let user = call.engine().users().create(&input(given)?).await?;
    answer(call, &user).await
}

fn input(given: &Json) -> Result<NewUser, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    reader.refuse(UNBUILT);
    let input = NewUser {
        external_id: reader.text("external_id"),
        first_name: reader.text("first_name"),
        last_name: reader.text("last_name"),
        locale: reader.text("locale"),
        username: reader.text("username"),
        email_address: reader.texts("email_address"),
        email_address_identification_status: reader.texts("email_address_identification_status"),
        phone_number: reader.texts("phone_number"),
        phone_number_identification_status: reader.texts("phone_number_identification_status"),
        password: reader.secret("password"),
        password_digest: reader.secret("password_digest"),
        password_hasher: reader.text("password_hasher"),
        totp_secret: reader.secret("totp_secret"),
        backup_codes: reader.texts("backup_codes").into_iter().map(Secret::new).collect(),
        skip_password_checks: reader.flag("skip_password_checks").unwrap_or(false),
        skip_password_requirement: reader.flag("skip_password_requirement").unwrap_or(false),
        skip_legal_checks: reader.flag("skip_legal_checks").unwrap_or(false),
        skip_user_requirement: reader.flag("skip_user_requirement").unwrap_or(false),
        public_metadata: reader.metadata("public_metadata"),
        private_metadata: reader.metadata("private_metadata"),
        unsafe_metadata: reader.metadata("unsafe_metadata"),
        delete_self_enabled: reader.flag("delete_self_enabled"),
        create_organization_enabled: reader.flag("create_organization_enabled"),
        create_organizations_limit: reader.small_count("create_organizations_limit"),
        bypass_client_trust: reader.flag("bypass_client_trust"),
        banned: reader.flag("banned").unwrap_or(false),
        locked: reader.flag("locked").unwrap_or(false),
        legal_accepted_at: reader.time("legal_accepted_at"),
        created_at: reader.time("created_at"),
    };
    Rejection::collect(reasons)?;
    Ok(input)
}
