//! What notifications are switched on: the section `[notify]` of `node.toml`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use fengsui_event::Language;
use serde::{Deserialize, Serialize};

use super::{NoticeKind, NotifyError};

/// Where an agency is told what it must look at. Nothing is told unless it is switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// Whether notices are written to standard output.
    pub stdout: bool,
    /// Whether standard output gets one JSON object a line instead of a line for people.
    pub stdout_json: bool,
    /// The language of notices: `zh` or `en`.
    #[serde(with = "language_code")]
    pub language: Language,
    /// A PEM file with the certificates of the city's own authority, trusted beside those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Receivers over HTTP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<WebhookConfig>,
    /// Mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailConfig>,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            stdout: false,
            stdout_json: false,
            language: Language::Zh,
            ca_file: None,
            webhooks: Vec::new(),
            mail: None,
        }
    }
}

/// A receiver over HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// What it is called in the status and in logs: lower-case letters, digits and hyphens.
    pub name: String,
    /// Where notices are posted to, `https://` or, inside a network that is trusted, `http://`. Never shown, for it may hold a token.
    pub url: String,
    /// The file with the signing secret (`whsec_...`), mode 0600; relative to the node's folder.
    pub secret_file: PathBuf,
    /// How long the receiver may take for its answer, in seconds from 1 to 60; 15 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// Which kinds of notices it gets; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<NoticeKind>>,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, url: _, secret_file, timeout_seconds: _, kinds } = self;
        let mut shown = formatter.debug_struct("WebhookConfig");
        shown.field("name", name).field("secret_file", secret_file).field("kinds", kinds).finish_non_exhaustive()
    }
}

/// Notices by mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server: `smtps://host` (TLS from the start, port 465), `smtp+starttls://host` (port 587) or, inside a network that is
    /// trusted, `smtp://host` (port 25).
    pub server: String,
    /// The user, where the server wants one. Not with `smtp://`: the password would travel in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The file with the password, mode 0600; relative to the node's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The sender: `address` or `name <address>`.
    pub from: String,
    /// The recipients, at least one.
    pub to: Vec<String>,
    /// Which kinds of notices are mailed; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeSet<NoticeKind>>,
}

impl NotifyConfig {
    /// Whether anything is switched on.
    pub fn is_on(&self) -> bool {
        self.stdout || !self.webhooks.is_empty() || self.mail.is_some()
    }

    /// Finds what is wrong without looking at any file or host.
    pub(super) fn check(&self) -> Result<(), NotifyError> {
        let mut names = BTreeSet::new();
        for WebhookConfig { name, kinds, timeout_seconds, .. } in &self.webhooks {
            let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.len() > 40 || !name.bytes().all(is_good) {
                let reason = "expected 1 to 40 lower-case letters, digits and hyphens".to_owned();
                return Err(NotifyError::Configuration { what: format!("the webhook's name {name:?}"), reason });
            }
            if !names.insert(name) {
                let reason = "two webhooks have it; each needs a name of its own".to_owned();
                return Err(NotifyError::Configuration { what: format!("the webhook's name {name:?}"), reason });
            }
            if timeout_seconds.is_some_and(|seconds| !(1..=60).contains(&seconds)) {
                let what = format!("`timeout_seconds` of the webhook {name}");
                return Err(NotifyError::Configuration { what, reason: "expected 1 to 60".to_owned() });
            }
            require_kinds(kinds.as_ref(), &format!("`kinds` of the webhook {name}"))?;
        }
        if let Some(mail) = &self.mail {
            require_kinds(mail.kinds.as_ref(), "`kinds` of mail")?;
        }
        Ok(())
    }
}

fn require_kinds(kinds: Option<&BTreeSet<NoticeKind>>, what: &str) -> Result<(), NotifyError> {
    if kinds.is_none_or(|kinds| !kinds.is_empty()) {
        return Ok(());
    }
    let reason = "it names none, so nothing would ever be told; leave it out to be told everything".to_owned();
    Err(NotifyError::Configuration { what: what.to_owned(), reason })
}

mod language_code {
    use fengsui_event::Language;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(language: &Language, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(language.pick("zh", "en"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Language, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EXAMPLE: &str = r#"
stdout = true
language = "en"

[[webhooks]]
name = "office"
url = "https://office.example.org/hooks?token=qwertz"
secret_file = "keys/office.secret"
kinds = ["referral_issued", "key_revoked"]

[mail]
server = "smtps://mail.example.org"
username = "beacon"
password_file = "keys/mail.password"
from = "烽燧 <beacon@example.org>"
to = ["duty@example.org"]
"#;

    #[test]
    fn a_section_reads_back_as_it_was_written_and_shows_no_url() {
        let config: NotifyConfig = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(toml::from_str::<NotifyConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
        assert!(config.is_on() && config.check().is_ok());
        let kinds = config.webhooks[0].kinds.clone().unwrap();
        assert!(kinds.contains(&NoticeKind::ReferralIssued) && kinds.len() == 2);
        assert!(!format!("{config:?}").contains("qwertz"));
        let empty: NotifyConfig = toml::from_str("").unwrap();
        assert_eq!(empty, NotifyConfig::default());
        assert!(!empty.is_on());
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("stdoud = true", "unknown field `stdoud`"),
            ("language = \"de\"", "expected zh or en"),
            ("[mail]\nserver = \"smtp://a\"\nfrom = \"a@b\"\nto = []\nkinds = [\"mails\"]", "unknown variant `mails`"),
        ] {
            let error = toml::from_str::<NotifyConfig>(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let webhook = |name: &str, kinds: &str| {
            let text = format!("[[webhooks]]\nname = \"{name}\"\nurl = \"http://a\"\nsecret_file = \"s\"\n{kinds}\n");
            toml::from_str::<NotifyConfig>(&text).unwrap()
        };
        let told = |config: &NotifyConfig| config.check().unwrap_err().to_string();
        assert!(told(&webhook("Office", "")).contains("lower-case letters"));
        assert!(told(&webhook("office", "kinds = []")).contains("nothing would ever be told"));
        let mut twice = webhook("office", "");
        twice.webhooks.push(twice.webhooks[0].clone());
        assert!(told(&twice).contains("a name of its own"));
    }
}
