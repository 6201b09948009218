//! Renders each template once in each language, so that what is wrong with it is known before the first message.

use crate::domain::message::Template;

use super::compiled::{Compiled, Language, Shown, Validity, file_names};
use super::error::TemplateFault;

/// What is wrong with these templates.
pub(super) fn faults(compiled: &Compiled) -> Vec<TemplateFault> {
    let mut faults = Vec::new();
    for language in compiled.languages() {
        for shown in samples() {
            faults.extend(of_letter(compiled, language, &shown));
            faults.extend(of_sms(compiled, language, &shown));
        }
    }
    faults
}

/// Messages that between them use all variables, and are without all that can be absent.
pub(super) fn samples() -> Vec<Shown<'static>> {
    let mut samples = Vec::new();
    for template in Template::ALL {
        let (code, link) = match template {
            Template::VerificationCode => (Some(CODE), None),
            Template::MagicLinkSignUp
            | Template::MagicLinkSignIn
            | Template::MagicLinkUserProfile
            | Template::Invitation => (None, Some(LINK)),
            Template::AccountExists
            | Template::PasswordChanged
            | Template::SecondFactorRemoved
            | Template::PrimaryEmailAddressChanged
            | Template::PasskeyAdded
            | Template::PasskeyRemoved
            | Template::SecondFactorAdded
            | Template::BackupCodesCreated
            | Template::ExternalAccountConnected => (None, None),
        };
        let bare = Shown {
            template,
            application: "Acme",
            home_url: None,
            support_email: None,
            code,
            link,
            validity: Validity::Minutes(10),
            accent: "#2f5d50",
            on_accent: "#ffffff",
            edge: "#2f5d50",
            edge_dark: "#658579",
            has_logo: false,
        };
        let full = Shown {
            home_url: Some("https://acme.example"),
            support_email: Some("help@acme.example"),
            validity: Validity::Days(30),
            has_logo: true,
            ..bare
        };
        samples.extend([bare, Shown { validity: Validity::Hours(24), ..bare }, full]);
        if template.is_magic_link() {
            samples.push(Shown { code: Some(CODE), ..full });
        }
    }
    samples
}

fn of_letter(compiled: &Compiled, language: &Language, shown: &Shown<'_>) -> Vec<TemplateFault> {
    let letter = match compiled.letter(language, shown) {
        Ok(letter) => letter,
        Err(error) => return vec![compiled.fault(&error)],
    };
    let [html, text] = file_names(shown.template);
    let mut faults = Vec::new();
    for (name, body) in [(html, &letter.html), (text, &letter.text)] {
        for (variable, secret) in [("code", shown.code), ("link", shown.link)] {
            if secret.is_some_and(|secret| !body.contains(secret)) {
                faults.push(without(compiled, name, variable, &language.tag));
            }
        }
        if body.len() > BYTES_MAX {
            let (file, line) = compiled.place(name);
            let reason = format!("makes a message of {} bytes; {BYTES_MAX} are the most", body.len());
            faults.push(TemplateFault::new(file, Some(line), reason));
        }
    }
    if letter.subject.trim().is_empty()
        && let Some((_, name)) = language.texts_of(shown.template).iter().find(|(short, _)| *short == "subject")
    {
        let (file, line) = compiled.place(name);
        faults.push(TemplateFault::new(file, Some(line), "is an empty subject; write one"));
    }
    faults
}

fn of_sms(compiled: &Compiled, language: &Language, shown: &Shown<'_>) -> Option<TemplateFault> {
    let text = match compiled.sms(language, shown) {
        Ok(text) => text?,
        Err(error) => return Some(compiled.fault(&error)),
    };
    let (_, name) = language.texts_of(shown.template).iter().find(|(short, _)| *short == "sms")?;
    let lacks = shown.code.is_some_and(|code| !text.contains(code));
    lacks.then(|| without(compiled, name, "code", &language.tag))
}

fn without(compiled: &Compiled, name: &str, variable: &str, tag: &str) -> TemplateFault {
    let (file, line) = compiled.place(name);
    let reason = format!(
        "does not show the {variable} (in the language {tag}), without which the message is of no use; \
                          write {{{{ {variable} }}}}"
    );
    TemplateFault::new(file, Some(line), reason)
}

/// What the samples show: neither is anywhere in a template.
const CODE: &str = "424242";
const LINK: &str = "https://sample.invalid/v1/verify?token=sample";
/// Of each of the two bodies, without the logo, so that the message stays below 60 KB.
const BYTES_MAX: usize = 24 * 1024;

#[cfg(test)]
mod tests {
    use super::super::files::Folder;
    use super::*;

    #[test]
    fn the_built_in_templates_have_no_fault() {
        let compiled = Compiled::new(&Folder::default()).expect("templates that compile");
        assert_eq!(faults(&compiled), Vec::new());
        let tags: Vec<&str> = compiled.languages().iter().map(|language| language.tag.as_str()).collect();
        assert_eq!(tags, ["ar", "de", "en", "es", "fr", "ja", "pt-BR"]);
        assert!(compiled.languages()[0].is_rtl() && !compiled.languages()[1].is_rtl());
    }

    #[test]
    fn each_fault_names_its_file_and_line() {
        let code = "{{ text.intro }}\n{{ code }}\n";
        for (name, source, line, words) in [
            ("verification_code.txt", "{{ text.intro }}\n\n{{ cod }}\n", Some(3), "undefined value"),
            ("verification_code.txt", "{{ text.intro }}\n{{ code\n", Some(2), "syntax error"),
            ("verification_code.html", "<p>{{ text.intro }}</p>\n", Some(1), "does not show the code"),
            ("invitation.txt", code, Some(2), "does not have the value"),
            ("layout.txt", "{% block body %}{% endblock %}\n{{ home_url }}\n", Some(2), "does not have the value"),
            ("invitation.html", "<p>{{ text.intro }}</p>", Some(1), "does not show the link"),
            ("verification_code.html", "{% extends \"base.html\" %}\n", Some(1), "template not found"),
            ("layout.html", "<html>\n{% block body %}{% endblock %}\n{{ brand }}</html>", Some(3), "undefined value"),
            ("layout.txt", "{{ application }}\n", None, "does not show the"),
            ("de.json", "{\n \"days\": \"{{ n }} Tage\",\n \"support\": \"{{ mail }}\"\n}", Some(3), "undefined value"),
            ("de.json", "{\n\n \"verification_code.sms\": \"Ihr Code.\"\n}", Some(3), "does not show the code"),
            ("de.json", "{\n \"invitation.subject\": \" \"\n}", Some(2), "an empty subject"),
            ("de.json", "{\n \"direction\": \"up\"\n}", Some(2), "neither \"ltr\" nor \"rtl\""),
            ("nl.json", "{\n \"direction\": \"ltr\"\n}", None, "a new language needs all texts"),
            ("layout.txt", "{{ 1 / 0 }}", Some(1), ""),
        ] {
            let found = match Compiled::new(&Folder::of(&[(name, source)])) {
                Ok(compiled) => faults(&compiled),
                Err(faults) => faults,
            };
            let fitting = |fault: &TemplateFault| fault.reason.contains(words);
            let fault = found.iter().find(|fault| fitting(fault)).unwrap_or_else(|| panic!("{source}: {found:?}"));
            if let Some(line) = line {
                assert_eq!((fault.file.as_str(), fault.line), (name, Some(line)), "{source}: {fault}");
            }
        }
    }

    #[test]
    fn a_template_that_would_take_long_is_a_fault_and_not_waited_for() {
        let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}\
                     {% endfor %}{{ code }}";
        let compiled = Compiled::new(&Folder::of(&[("verification_code.txt", loops)])).expect("it compiles");
        let found = faults(&compiled);
        assert!(found.iter().any(|fault| fault.reason.contains("steps")), "{found:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("layout.txt");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo of coreutils");
        assert!(made.success());
        let fault = Folder::read(folder.path()).expect_err("nobody writes to it");
        assert!(fault.reason.contains("no regular file"), "{fault}");
    }

    #[test]
    fn a_language_can_be_added_and_a_text_replaced() {
        let all = super::super::files::BUILT_IN.iter().find(|(name, _)| *name == "de.json").expect("German").1;
        let some = "{ \"verification_code.intro\": \"Der Code von {{ application }}\" }";
        let compiled = Compiled::new(&Folder::of(&[("de-AT.json", all), ("de.json", some)])).expect("templates");
        assert_eq!(faults(&compiled), Vec::new());
        assert_eq!(compiled.languages().len(), 8);
    }
}
