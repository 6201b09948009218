//! Providers of messages: which keys each needs, their order, routes, and what is never shown.

use vestibule::config::Config;

use super::{assert_fault, load, load_text};

const RESEND: &str =
    "[email]\ntransport = \"resend\"\nfrom = \"Acme <no-reply@acme.example>\"\n[email.resend]\napi_key = \"re_1\"\n";

#[test]
fn a_provider_that_is_used_needs_its_keys() {
    for (text, sentence) in [
        ("[email]\ntransport = \"resend\"", "`email.from` must be the sender"),
        ("transport = \"resend\"", "`email.resend.api_key` is missing"),
        ("transport = \"postmark\"", "`email.postmark.server_token` is missing"),
        ("transport = \"sendgrid\"", "`email.sendgrid.api_key` is missing"),
        ("transport = \"ses\"", "`email.ses.region` must be a region"),
        ("transport = \"smtp\"\nhost = \"h\"\nfallback = [\"resend\"]", "`email.resend.api_key` is missing"),
        ("transport = \"resend\"\nfallback = [\"smtp\"]\n[email.resend]\napi_key = \"r\"", "`email.host` is missing"),
        ("[sms]\ntransport = \"twilio\"", "`sms.twilio.account_sid` must be the id"),
        ("[sms]\ntransport = \"vonage\"", "`sms.vonage.api_key` must be the key"),
        ("[sms]\ntransport = \"http\"", "`sms.http.url`"),
        (
            "[email]\ntransport = \"pigeon\"",
            "`email.transport` can't be \"pigeon\"; use \"capture\", \"smtp\", \"resend\"",
        ),
    ] {
        let text = match text.starts_with('[') {
            true => text.to_owned(),
            false => format!("[email]\nfrom = \"Acme <no-reply@acme.example>\"\n{text}"),
        };
        assert_fault(load_text(&text), sentence);
    }
    load_text(RESEND).expect("a key and a sender are enough");
}

#[test]
fn a_fault_names_the_line_of_its_key() {
    let text = format!("{RESEND}base_url = \"http://mail.example.com\"\n");
    assert_fault(load_text(&text), "line 6: `email.resend.base_url` must be an https URL");
    load_text(&format!("{RESEND}base_url = \"http://127.0.0.1:9\"\n")).expect("a server on this machine");
    let template = "[sms]\ntransport = \"http\"\n[sms.http]\nurl = \"https://sms.example.com/send?text={{text}}\"\n";
    assert_fault(load_text(template), "line 4: `sms.http.url` does not say where the number goes: write {{to}}");
}

#[test]
fn an_order_that_makes_no_sense_is_refused() {
    for (order, sentence) in [
        ("fallback = [\"resend\"]", "`email.fallback` contains \"resend\", which is asked before already"),
        ("fallback = [\"none\"]", "`email.fallback` contains \"none\", which sends nothing"),
        ("fallback = [\"capture\"]", "`email.fallback` contains \"capture\", which sends nothing"),
    ] {
        assert_fault(load_text(&RESEND.replace("transport", &format!("{order}\ntransport"))), sentence);
    }
    assert_fault(load_text("[email]\nfallback = [\"smtp\"]"), "`email.fallback` has no effect");
    for (route, sentence) in [
        ("{ prefix = \"49\", transports = [\"vonage\"] }", "number 1: its prefix must be + and digits"),
        ("{ prefix = \"+49\", transports = [] }", "number 1: its transports must be names of providers"),
        ("{ prefix = \"+49\", transports = [\"none\"] }", "number 1: its transports must be names of providers"),
        ("{ prefix = \"+49\", transports = [\"twilio\"] }", "number 1: it has no effect"),
    ] {
        assert_fault(load_text(&format!("[sms]\nroutes = [{route}]")), sentence);
    }
}

#[test]
fn secrets_of_providers_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "re_from_a_file\n").expect("a file");
    let variables = [("VESTIBULE_EMAIL__RESEND__API_KEY_FILE", file.to_str().expect("a path"))];
    let config = load(&RESEND.replace("api_key = \"re_1\"", ""), &variables, None).expect("a configuration");
    assert_eq!(config.email.resend.api_key.as_ref().map(|key| key.expose().as_str()), Some("re_from_a_file"));
    let gateway = "[sms]\ntransport = \"http\"\n[sms.http]\nurl = \"https://sms.example.com/?key=hush&to={{to}}\"\nbody = \
                   \"key=hush&{{text}}\"\nsecret = \"hush\"\n[sms.http.headers]\nauthorization = \"Bearer hush\"\n";
    let shown = |config: &Config| format!("{}{:?}", config.effective(), config.differences());
    let gateway = load_text(gateway).expect("a configuration");
    for config in [&config, &gateway] {
        let shown = shown(config);
        assert!(!shown.contains("re_from_a_file") && !shown.contains("hush"), "{shown}");
    }
}

#[test]
fn a_phone_number_can_be_verified_in_production_once_there_is_a_provider() {
    let production = "[instance]\nmode = \"production\"\n[settings]\nfile = \"phone\"\n[email]\ntransport = \"none\"\n";
    assert_fault(load_text(production), "`sms.transport` is \"capture\", but the settings verify phone numbers");
    let twilio = "[sms]\ntransport = \"twilio\"\n[sms.twilio]\naccount_sid = \"AC1\"\nauth_token = \"t\"\nfrom = \"+15005550006\"\n";
    let gateway = load_text(&format!("{production}[sms]\ntransport = \"http\"\n"));
    assert_fault(gateway, "`sms.http.url` is missing; write the URL of your gateway");
    let config = load_text(&format!("{production}{twilio}")).expect("a configuration");
    assert!(!config.policy().whatsapp);
    let by_whatsapp = load_text(&format!("{production}{twilio}whatsapp_from = \"+14155238886\"\n"));
    let by_whatsapp = by_whatsapp.expect("a configuration");
    assert!(by_whatsapp.policy().whatsapp);
    assert!(by_whatsapp.warnings().iter().any(|warning| warning.contains("`whatsapp_content_sid`")));
    let unsaid = "`settings.attributes.phone_number.channels` does not contain \"whatsapp\"";
    assert!(by_whatsapp.warnings().iter().any(|warning| warning.contains(unsaid)), "{:?}", by_whatsapp.warnings());
    let document = "[settings.attributes.phone_number]\nenabled = true\nverifications = [\"phone_code\"]\n\
                    used_for_first_factor = true\nfirst_factors = [\"phone_code\"]\nchannels = [\"sms\", \"whatsapp\"]\n";
    let settings = production.replace("[settings]\nfile = \"phone\"\n", document);
    let said = load_text(&format!("{settings}{twilio}whatsapp_from = \"+14155238886\"\n")).expect("a configuration");
    assert!(said.warnings().iter().all(|warning| !warning.contains("phone_number.channels")), "{:?}", said.warnings());
}
