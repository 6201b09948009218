//! The flow of one simulated person, step by step, up to a check of the new session.

use reqwest::Method;
use tokio::time::Instant;

use super::FlowKind;
use super::recorder::{Outcome, Recorder, Step};
use super::target::{Codes, Target};
use super::virtual_user::{Answer, HttpClient, Refusal, SignUp, VirtualUser};

/// The state of one flow.
pub(super) struct Run<'a> {
    pub(super) target: &'a Target,
    pub(super) recorder: &'a Recorder,
    user: VirtualUser<'a>,
    /// Start time of the next step. For the first step it is the planned time, so that a late start counts as latency.
    since: Instant,
}

/// What one person does.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) kind: FlowKind,
    pub(super) name: String,
    pub(super) leaves: bool,
}

type Failed = (Step, Refusal);

impl<'a> Run<'a> {
    pub(super) fn new(target: &'a Target, http: &'a HttpClient, recorder: &'a Recorder, since: Instant) -> Self {
        Self { target, recorder, user: VirtualUser::new(http), since }
    }

    /// Runs the flow and records its outcome.
    pub(super) async fn run(mut self, plan: &Scenario) -> Outcome {
        let meant = self.since;
        let walked = self.sign_up(plan).await;
        let taken = meant.elapsed();
        let outcome = match walked {
            Ok(None) => Outcome::Abandoned,
            Ok(Some(answer)) => match self.check(&answer).await {
                Ok(()) => Outcome::Completed,
                Err(refusal) => Outcome::Failed(Step::Check, refusal),
            },
            Err((step, refusal)) => Outcome::Failed(step, refusal),
        };
        self.recorder.ended(&outcome, taken);
        outcome
    }

    /// The answer that completes the sign-up; `None` if the person leaves before.
    async fn sign_up(&mut self, plan: &Scenario) -> Result<Option<Answer>, Failed> {
        let address = self.target.address(&plan.name);
        let given = self.target.fields(plan.kind, &plan.name, &address);
        let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut answer = match plan.kind {
            FlowKind::Progressive => {
                let mut answer = self.step(Step::Create, Method::POST, "/v1/client/sign_ups", &[]).await?;
                for field in &given {
                    let path = format!("/v1/client/sign_ups/{}", id_in(&answer, Step::Update)?);
                    answer = self.step(Step::Update, Method::PATCH, &path, std::slice::from_ref(field)).await?;
                }
                answer
            }
            _ => self.step(Step::Create, Method::POST, "/v1/client/sign_ups", &given).await?,
        };
        let sign_up = answer.response.as_ref();
        if sign_up.is_some_and(|sign_up| sign_up.unverified_fields.iter().any(|field| field == "email_address")) {
            let path = format!("/v1/client/sign_ups/{}", id_in(&answer, Step::Prepare)?);
            let by_code = ("strategy", "email_code");
            self.step(Step::Prepare, Method::POST, &format!("{path}/prepare_verification"), &[by_code]).await?;
            if plan.leaves {
                return Ok(None);
            }
            let code = self.code(&address).await?;
            let attempt = format!("{path}/attempt_verification");
            answer = self.step(Step::Attempt, Method::POST, &attempt, &[by_code, ("code", &code)]).await?;
        }
        Ok(Some(answer))
    }

    async fn step(&mut self, step: Step, method: Method, path: &str, form: &[(&str, &str)]) -> Result<Answer, Failed> {
        let answer = self.user.send(method, path, form).await.map_err(|refusal| (step, refusal))?;
        self.recorder.step(step, self.since);
        self.since = Instant::now();
        Ok(answer)
    }

    async fn code(&mut self, address: &str) -> Result<String, Failed> {
        match self.target.codes {
            Codes::Test => Ok(TEST_CODE.to_owned()),
            Codes::Outbox => {
                let code = self.target.mailed(address).await.map_err(|refusal| (Step::Mail, refusal))?;
                self.recorder.step(Step::Mail, self.since);
                self.since = Instant::now();
                Ok(code)
            }
        }
    }

    /// Checks that the answer says complete and contains a session, and that the session works.
    async fn check(&mut self, answer: &Answer) -> Result<(), Refusal> {
        let refuse = |word: String| Err(Refusal(word));
        let SignUp { status, created_session_id, missing_fields, unverified_fields, .. } =
            answer.response.as_ref().ok_or_else(|| Refusal("no sign-up in the answer".into()))?;
        if status.as_deref() != Some("complete") {
            let open: Vec<&str> = missing_fields.iter().chain(unverified_fields).map(String::as_str).collect();
            return refuse(format!("not complete: {}", open.join(", ")));
        }
        let Some(session) = created_session_id else { return refuse("complete without a session".into()) };
        let sessions = answer.client.as_ref().map(|client| client.sessions.as_slice()).unwrap_or_default();
        if !sessions.iter().any(|seen| seen.id == *session && seen.status == "active") {
            return refuse("the session is not on the client".into());
        }
        let path = format!("/v1/me?_clerk_session_id={session}");
        self.since = Instant::now();
        match self.step(Step::Check, Method::GET, &path, &[]).await {
            Ok(answer) if answer.response.as_ref().is_some_and(|user| user.id.starts_with("user_")) => Ok(()),
            Ok(_) => refuse("the session shows no user".into()),
            Err((_, refusal)) => Err(refusal),
        }
    }
}

fn id_in(answer: &Answer, step: Step) -> Result<&str, Failed> {
    let id = answer.response.as_ref().map(|sign_up| sign_up.id.as_str()).filter(|id| !id.is_empty());
    id.ok_or_else(|| (step, Refusal("no sign-up in the answer".into())))
}

/// The code of test addresses ([guide: Test mode](crate::guide::contract_sign_ups#test-mode)).
const TEST_CODE: &str = "424242";
