//! The calls that people make, and the answers.

use crate::domain::id::{SessionId, SignInId, SignUpId};
use crate::domain::sign_in;
use crate::domain::sign_up::NewSignUp;
use crate::domain::verification::Strategy;
use crate::engine::{
    AttemptFirstFactor, AttemptVerification, ClientView, Engine, EngineError, NewSignIn, PrepareVerification,
    RequestContext, SignInView, SignUpView,
};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Get a client.
    Open,
    Look,
    SignUp {
        email: String,
        username: Option<String>,
    },
    Rename {
        id: SignUpId,
        name: String,
    },
    Readdress {
        id: SignUpId,
        email: String,
    },
    Prepare {
        id: SignUpId,
    },
    Attempt {
        id: SignUpId,
        code: String,
    },
    SignOut {
        session: SessionId,
    },
    SignIn {
        email: String,
    },
    Prove {
        id: SignInId,
        email: String,
        code: String,
    },
}

/// The answer to a call.
#[derive(Debug, Default)]
pub(super) struct SignUpReply {
    pub(super) sign_up: Option<SignUpView>,
    pub(super) sign_in: Option<SignInView>,
    pub(super) client: Option<ClientView>,
    /// Whether the presented token belongs to no client.
    pub(super) is_nobody: bool,
}

impl SignUpReply {
    pub(super) fn completes_sign_in(&self) -> bool {
        self.sign_in.as_ref().is_some_and(|view| view.status == sign_in::Status::Complete)
    }
}

/// Makes a call with this token.
pub(super) async fn perform(engine: Engine, token: Option<String>, call: Call) -> Result<SignUpReply, EngineError> {
    let caller = engine.identify(token.as_deref()).await?;
    let context = RequestContext::default();
    let is_replay = matches!(call, Call::Attempt { .. } | Call::Prove { .. });
    if caller.client().is_none() && !is_replay && call != Call::Open {
        return Ok(SignUpReply { is_nobody: true, ..SignUpReply::default() });
    }
    let signed_up =
        |(sign_up, client)| SignUpReply { sign_up: Some(sign_up), client: Some(client), ..SignUpReply::default() };
    let signed_in =
        |(sign_in, client)| SignUpReply { sign_in: Some(sign_in), client: Some(client), ..SignUpReply::default() };
    Ok(match call {
        Call::Open => {
            SignUpReply { client: Some(engine.open_client(&caller, &context).await?), ..SignUpReply::default() }
        }
        Call::Look => {
            let client = engine.client_view(&caller, &context).await?;
            SignUpReply { is_nobody: client.is_none(), client, ..SignUpReply::default() }
        }
        Call::SignUp { email, username } => {
            let fields = NewSignUp { email_address: Some(email), username, ..NewSignUp::default() };
            signed_up(engine.create_sign_up(&caller, &fields, &context).await?)
        }
        Call::Rename { id, name } => {
            let fields = NewSignUp { first_name: Some(name), ..NewSignUp::default() };
            signed_up(engine.update_sign_up(&caller, id, &fields.into(), &context).await?)
        }
        Call::Readdress { id, email } => {
            let fields = NewSignUp { email_address: Some(email), ..NewSignUp::default() };
            signed_up(engine.update_sign_up(&caller, id, &fields.into(), &context).await?)
        }
        Call::Prepare { id } => {
            signed_up(engine.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?)
        }
        Call::Attempt { id, code } => signed_up(
            engine
                .attempt_verification(&caller, id, &AttemptVerification::code(Strategy::EmailCode, code), &context)
                .await?,
        ),
        Call::SignOut { session } => {
            let (_, client) = engine.end_session(&caller, session, false, &context).await?;
            SignUpReply { client: Some(client), ..SignUpReply::default() }
        }
        Call::SignIn { email } => {
            let raw =
                NewSignIn { identifier: Some(email), strategy: Some(Strategy::EmailCode), ..NewSignIn::default() };
            signed_in(engine.create_sign_in(&caller, &raw, &context).await?)
        }
        Call::Prove { id, code, .. } => {
            let raw = AttemptFirstFactor::code(Strategy::EmailCode, code);
            signed_in(engine.attempt_first_factor(&caller, id, &raw, &context).await?)
        }
    })
}
