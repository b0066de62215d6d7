//! Notices by mail (SMTP, RFC 5321).
//!
//! A mail server cannot tell a repetition from a second message. So the dialogue is led step by step: whatever goes wrong before
//! the message itself is given away is tried again; if the connection ends between that and the server's answer, nobody knows,
//! and the notice is not sent again.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fengsui_event::{Digest, Language, Timestamp};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use url::{Host, Url};

use super::channel::{Answer, Channel};
use super::config::MailConfig;
use super::secret::read_secret;
use super::trust::Trust;
use super::{Notice, NotifyError};

/// The channel of mail.
pub(super) const MAIL: &str = "mail";

/// How many notices go into one message: an import of another agency must not fill a mailbox with a thousand messages.
const NOTICES_PER_MESSAGE: usize = 50;

/// How long the server may take for one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a server's answer is kept.
const REASON_CHARS_MAX: usize = 200;

/// How the way to the server is protected.
enum Protection {
    None,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

/// Mail to the configured recipients.
pub(super) struct Mail {
    host: String,
    port: u16,
    protection: Protection,
    credentials: Option<Credentials>,
    from: Mailbox,
    to: Vec<Mailbox>,
    language: Language,
    connection: Option<SmtpConnection>,
}

impl Mail {
    pub(super) fn open(
        config: &MailConfig,
        root: &Path,
        trust: &Trust,
        language: Language,
    ) -> Result<Self, NotifyError> {
        let unfit =
            |what: &str, reason: String| NotifyError::Configuration { what: format!("`{what}` of mail"), reason };
        let url = Url::parse(&config.server).map_err(|error| unfit("server", error.to_string()))?;
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(unfit("server", "it names no host".to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unfit("server", "it holds a user; use `username` and `password_file`".to_owned()));
        }
        let tls = || trust.for_smtp(&host).map_err(|error| unfit("server", error.to_string()));
        let (protection, port) = match url.scheme() {
            "smtp" => (Protection::None, 25),
            "smtp+starttls" => (Protection::StartTls(tls()?), 587),
            "smtps" => (Protection::Tls(tls()?), 465),
            _ => return Err(unfit("server", "expected smtps://, smtp+starttls:// or smtp://".to_owned())),
        };
        let credentials = credentials(config, root)?;
        if credentials.is_some() && matches!(protection, Protection::None) {
            let reason = "the password would travel in the clear: use smtps:// or smtp+starttls://".to_owned();
            return Err(unfit("server", reason));
        }
        let mailbox = |what: &str, text: &String| {
            let expected =
                || unfit(what, format!("{text:?} is no mail address; expected `address` or `name <address>`"));
            text.parse::<Mailbox>().map_err(|_| expected())
        };
        let from = mailbox("from", &config.from)?;
        let to = config.to.iter().map(|text| mailbox("to", text)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(unfit("to", "it names nobody; name at least one recipient".to_owned()));
        }
        let port = url.port().unwrap_or(port);
        Ok(Self { host, port, protection, credentials, from, to, language, connection: None })
    }

    /// Connects and makes sure that the server takes mail from this node. Nothing is given away here.
    fn connect(&self) -> Result<SmtpConnection, SmtpError> {
        let hello = ClientId::default();
        let wrapper = if let Protection::Tls(tls) = &self.protection { Some(tls) } else { None };
        let server = (self.host.as_str(), self.port);
        let mut connection = SmtpConnection::connect(server, Some(STEP_TIMEOUT), &hello, wrapper, None)?;
        if let Protection::StartTls(tls) = &self.protection {
            connection.starttls(tls, &hello)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)?;
        }
        Ok(connection)
    }

    /// Leads the dialogue up to the message, gives it away, and says what is known then.
    fn hand_over(connection: &mut SmtpConnection, message: &Message) -> Answer {
        let envelope = message.envelope();
        if let Err(error) = connection.command(MailFrom::new(envelope.from().cloned(), Vec::new())) {
            return Answer::down(reason_of(&error));
        }
        let mut refused = Vec::new();
        for recipient in envelope.to() {
            match connection.command(Rcpt::new(recipient.clone(), Vec::new())) {
                Ok(_) => {}
                Err(error) if error.is_permanent() => refused.push(reason_of(&error)),
                // Perhaps it is taken later: then for all recipients at once, so that nobody gets it twice.
                Err(error) => return Answer::down(reason_of(&error)),
            }
        }
        let all = envelope.to().len();
        if let Some(first) = refused.first().filter(|_| refused.len() == all) {
            return Answer::Failed { reason: format!("no recipient was taken: {first}") };
        }
        if let Err(error) = connection.command(Data) {
            return if error.is_permanent() {
                Answer::Failed { reason: reason_of(&error) }
            } else {
                Answer::down(reason_of(&error))
            };
        }
        match connection.message(&message.formatted()) {
            Ok(_) => Answer::Sent {
                remark: refused
                    .first()
                    .map(|first| format!("{} of {all} recipients were not taken: {first}", refused.len())),
            },
            Err(error) if error.is_transient() => Answer::down(reason_of(&error)),
            Err(error) if error.is_permanent() => Answer::Failed { reason: reason_of(&error) },
            Err(error) => Answer::Unknown {
                reason: format!("the server did not answer after it was given the message: {}", reason_of(&error)),
            },
        }
    }

    fn message(&self, notices: &[Notice], now: Timestamp) -> Result<Message, String> {
        let (subject, text) = content(notices, self.language);
        let builder = self.to.iter().cloned().fold(Message::builder().from(self.from.clone()), MessageBuilder::to);
        let domain = self.from.email.domain();
        builder
            .subject(subject)
            .message_id(Some(format!("<{}@{domain}>", message_id(notices))))
            .date(system_time(now))
            // RFC 3834: whoever is away answers people, not this node.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .body(text)
            .map_err(|error| error.to_string())
    }
}

impl Channel for Mail {
    fn name(&self) -> &str {
        MAIL
    }

    fn batch_max(&self) -> usize {
        NOTICES_PER_MESSAGE
    }

    fn send(&mut self, notices: &[Notice], now: Timestamp) -> Answer {
        let message = match self.message(notices, now) {
            Ok(message) => message,
            Err(reason) => return Answer::Failed { reason },
        };
        let mut connection = match self.connection.take().map_or_else(|| self.connect(), Ok) {
            Ok(connection) => connection,
            Err(error) => return Answer::down(reason_of(&error)),
        };
        let answer = Self::hand_over(&mut connection, &message);
        if matches!(answer, Answer::Sent { .. }) {
            self.connection = Some(connection);
        } else {
            connection.abort();
        }
        answer
    }

    fn rest(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // What was sent is sent; how the farewell goes changes nothing.
            let _ = connection.quit();
        }
    }
}

fn credentials(config: &MailConfig, root: &Path) -> Result<Option<Credentials>, NotifyError> {
    match (&config.username, &config.password_file) {
        (None, None) => Ok(None),
        (Some(username), Some(file)) => {
            let password = read_secret(&root.join(file))?;
            Ok(Some(Credentials::new(username.clone(), password.to_string())))
        }
        _ => Err(NotifyError::Configuration {
            what: "`username` and `password_file` of mail".to_owned(),
            reason: "one is there without the other".to_owned(),
        }),
    }
}

/// What a message says: one notice whole, or several after one another.
fn content(notices: &[Notice], language: Language) -> (String, String) {
    if let [notice] = notices {
        return (notice.subject.clone(), notice.text.clone());
    }
    let count = notices.len();
    let subject = language.pick(format!("【烽燧】{count} 条通知"), format!("[fengsui] {count} notices"));
    let parts = notices.iter().map(|notice| format!("{}\n{}", notice.subject, notice.text));
    (subject, parts.collect::<Vec<_>>().join("\n"))
}

/// The left part of the `Message-ID`: the same whenever the same notices are sent.
fn message_id(notices: &[Notice]) -> String {
    if let [notice] = notices {
        return format!("{}.{}", notice.id.event, notice.id.kind);
    }
    let ids: Vec<String> = notices.iter().map(|notice| notice.id.to_string()).collect();
    hex::encode(Digest::of(ids.join("\n").as_bytes()).0)
}

fn system_time(instant: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(instant.as_second()).unwrap_or_default())
}

/// What went wrong, without anybody's address: servers repeat those in their answers.
fn reason_of(error: &SmtpError) -> String {
    let text = error.to_string();
    let words = text.split_whitespace().map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(REASON_CHARS_MAX).collect()
}
